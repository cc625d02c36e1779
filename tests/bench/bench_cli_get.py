"""`minikubelet get pods` of 100 Pods, as a whole process.

Modules are compiled, as those of an installed package are. The floor is a Python interpreter that
imports `http.client` and `ssl` and ends. The time of the server is part of the figure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import MILLISECONDS, Row, medians
from tests.cli.api_objects import rich_pod
from tests.cli.api_server import api_server

_PODS = 100
_ROUNDS = 15
_BUDGET = 100.0
"""Milliseconds."""


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory, api_server(Path(directory)) as api:
        for number in range(_PODS):
            pod = rich_pod()
            pod["metadata"] |= {"name": f"web-{number}", "uid": f"uid-{number}"}
            api.put(pod)
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env |= {"PYTHONPYCACHEPREFIX": f"{directory}/compiled", "KUBECONFIG": str(api.kubeconfig)}
        command = ("-m", "minikubelet", "get", "pods")
        _seconds(env, *command)  # compiles
        get, floor = medians(
            _ROUNDS,
            lambda: _seconds(env, *command),
            lambda: _seconds(env, "-c", "import http.client, ssl"),
        )
    yield Row(
        f"get pods, {_PODS} Pods",
        get * MILLISECONDS,
        "ms",
        floor * MILLISECONDS,
        "python with http.client",
        budget=_BUDGET,
    )


def _seconds(env: dict[str, str], *arguments: str) -> float:
    command = [sys.executable, *arguments]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=30, env=env)
    return time.perf_counter() - began
