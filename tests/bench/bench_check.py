"""`check`: what it costs over running the process bare, and what many runs leave behind.

The Pod has one container with a readiness probe that succeeds at once, and the command is `true`;
bare is the same process, started, and the same command, then TERM. Set MINIKUBELET_BENCH_CHECKS to
count the leavings of more runs than 20.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import yaml

from tests.bench.harness import MILLISECONDS, Row, medians

BUDGET_MILLISECONDS = 500.0
ROUNDS = 7
RUNS = int(os.environ.get("MINIKUBELET_BENCH_CHECKS", "20"))
_APP = ["sleep", "3599.25"]
"""Nobody else on this machine sleeps for so long."""


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="mk", dir="/tmp") as directory:
        manifest = Path(directory) / "pod.yaml"
        manifest.write_text(yaml.safe_dump(_pod()))
        temporary = Path(directory) / "t"
        temporary.mkdir()
        check = [sys.executable, "-m", "minikubelet", "check", str(manifest), "--", "true"]
        run_check = partial(_run, check, temporary)
        bare, checked = medians(ROUNDS, _bare, run_check)
        yield Row(
            "start, ready, command, stop",
            checked * MILLISECONDS,
            "ms",
            bare * MILLISECONDS,
            "bare process",
        )
        overhead = (checked - bare) * MILLISECONDS
        yield Row("overhead", overhead, "ms", budget=BUDGET_MILLISECONDS)
        for _ in range(RUNS):
            run_check()
        for what, count in _leavings(temporary).items():
            yield Row(f"{what} left by {RUNS} runs", count, "", budget=0)


def _pod() -> dict[str, object]:
    probe = {"exec": {"command": ["true"]}}
    container = {"name": "app", "image": "busybox", "command": _APP, "readinessProbe": probe}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [container]},
    }


def _bare() -> float:
    began = time.perf_counter()
    with subprocess.Popen(_APP) as app:
        subprocess.run(["true"], check=True)
        app.terminate()
    return time.perf_counter() - began


def _run(argv: Sequence[str], temporary: Path) -> float:
    began = time.perf_counter()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run(argv, stdout=subprocess.DEVNULL, env=environment, check=True)
    return time.perf_counter() - began


def _leavings(temporary: Path) -> dict[str, int]:
    """Of the runs with this TMPDIR: their processes are known by it, or by what they run."""
    processes = [
        process
        for process in psutil.process_iter(["cmdline"])
        if (words := process.info["cmdline"] or []) == _APP or str(temporary) in " ".join(words)
    ]
    ports = [
        connection
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    files = list(temporary.rglob("*"))
    return {"processes": len(processes), "listening ports": len(ports), "files": len(files)}
