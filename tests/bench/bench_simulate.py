"""Time of `minikubelet simulate` for 24 hours of a Pod of three containers.

Each container has a readiness and a liveness probe every ten seconds: 51,840 runs of the production
machines. Budget: 2 s for the whole process. The floor is Python that lets as many timers of an
asyncio event loop in virtual time fire, with nothing behind them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.harness import Row, medians
from tests.bench.workloads import compiled_environment, pod_document

ROUNDS = 5
CONTAINERS = 3
DAY = "24h"

_HTTP = {"httpGet": {"path": "/healthz", "port": 8080}}
_TIMERS = 51_840
_FLOOR = f"""
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual
async def main(clock):
    for _ in range({_TIMERS}):
        await clock.sleep(1.0)
clock = VirtualClock()
run_virtual(clock, main(clock))
"""


def run() -> Iterator[Row]:
    with TemporaryDirectory(prefix="minikubelet-bench-") as name, compiled_environment() as env:
        manifest = Path(name) / "pod.yaml"
        document = pod_document("day", CONTAINERS, readinessProbe=_HTTP, livenessProbe=_HTTP)
        manifest.write_text(json.dumps(document))
        simulate = [sys.executable, "-m", "minikubelet", "simulate", str(manifest), "--for"]
        slow = ["--app", "c0: ready after 42s, hangs at 300s, answers in 900ms, ignores TERM"]
        commands = (
            [*simulate, DAY],
            [*simulate, DAY, *slow],
            [*simulate, "1s"],
            [sys.executable, "-c", _FLOOR],
        )
        well, ill, start, floor = medians(
            ROUNDS, *(partial(_seconds, command, env) for command in commands)
        )
    yield Row("24 h, all well", well, "s", floor, "its timers alone", 2.0)
    yield Row("24 h, one is slow, hangs, ignores TERM", ill, "s", floor, "its timers alone", 2.0)
    yield Row("of that the start of the process", start, "s")


def _seconds(command: Sequence[str], env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True, timeout=60)
    return time.perf_counter() - began
