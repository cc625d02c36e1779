"""A daemon with 100 idle Pods: memory, idle CPU, watches, and its start after a SIGKILL.

Budgets: 60 MB, 1 % of a core, and 500 ms until a killed daemon is back with 50 containers. The last
is given in CPU time too, which other users of the machine do not change. The floors are Python that
has imported asyncio, and one that imports aiohttp.web.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import MILLISECONDS, Row, cpu_seconds, medians, python_rss_mb, rss_kib
from tests.bench.workloads import compiled_environment, pod_document, wait_until
from tests.daemon_process import DaemonProcess

ADOPTED, PODS, WATCHES = 50, 100, 50
ROUNDS = 5
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 3.0
_COLLECTION = "/api/v1/namespaces/default/pods"


def run() -> Iterator[Row]:
    with (
        compiled_environment() as environment,
        tempfile.TemporaryDirectory(prefix="mk-") as directory,
    ):
        daemon = DaemonProcess(Path(directory) / "state", env=environment)
        daemon.start()  # compiles
        daemon.kill()
        daemon.start()
        try:
            yield from _start_rows(daemon, environment)
            yield from _idle_rows(daemon)
            yield from _watch_rows(daemon)
        finally:
            daemon.stop_with_pods()


def _start_rows(daemon: DaemonProcess, environment: dict[str, str]) -> Iterator[Row]:
    _create(daemon, range(ADOPTED))
    spent: list[float] = []

    def restart() -> float:
        daemon.kill()
        began = time.perf_counter()
        daemon.start()
        seconds = time.perf_counter() - began
        spent.append(cpu_seconds(daemon.pid))
        return seconds

    seconds, floor = medians(ROUNDS, restart, lambda: _import_seconds(environment))
    what = f"killed, ready again with {ADOPTED} containers"
    yield Row(what, seconds * MILLISECONDS, "ms", floor * MILLISECONDS, "aiohttp.web", 500.0)
    yield Row("the same, CPU", sorted(spent)[ROUNDS // 2] * MILLISECONDS, "ms")


def _idle_rows(daemon: DaemonProcess) -> Iterator[Row]:
    _create(daemon, range(ADOPTED, PODS))
    time.sleep(SETTLE_SECONDS)
    before = cpu_seconds(daemon.pid)
    time.sleep(IDLE_SECONDS)
    idle = (cpu_seconds(daemon.pid) - before) / IDLE_SECONDS
    megabytes = rss_kib(daemon.pid) / 1024
    yield Row(f"RSS, {PODS} Pods", megabytes, "MB", python_rss_mb(), "Python, asyncio", 60.0)
    yield Row(f"CPU, {PODS} idle Pods", 100 * idle, "%", budget=1.0)


def _watch_rows(daemon: DaemonProcess) -> Iterator[Row]:
    before = rss_kib(daemon.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(WATCHES):
            watch = daemon.lines(f"{_COLLECTION}?watch=1")
            stack.callback(watch.close)  # type: ignore[attr-defined]
            next(watch)
        used = rss_kib(daemon.pid) - before
    yield Row("RSS of an idle watch over TLS", used / WATCHES, "KB")


def _create(daemon: DaemonProcess, numbers: range) -> None:
    """Returns when all containers run."""
    for number in numbers:
        document = pod_document(f"p{number}")
        daemon.request("POST", _COLLECTION, json.dumps(document).encode())
    wait_until(lambda: _running(daemon) == numbers.stop)


def _running(daemon: DaemonProcess) -> int:
    items = json.loads(daemon.request("GET", _COLLECTION))["items"]
    return sum(item["status"].get("phase") == "Running" for item in items)


def _import_seconds(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", "import asyncio, aiohttp.web"]
    subprocess.run(command, check=True, timeout=30, env=environment)
    return time.perf_counter() - began
