"""Time until 100 containers run, by a node that is up: in one Pod, in ten, in a hundred.

Budget: 0.4 s, with 0.2 s as the goal. Records are in memory, and once on disk (`running_node`). The
floor is `posix_spawn` of the same 100 processes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from functools import partial

from minikubelet.journal import ContainerStarted, Record
from minikubelet.manifest.pod import Pod
from tests.bench.harness import MILLISECONDS, Row, medians
from tests.bench.workloads import IDLE, pod_document, pods_of, running_node

CONTAINERS = 100
ROUNDS = 3
BUDGET_MILLISECONDS = 400.0

_SHAPES = {1: "one Pod", 10: "ten Pods", 100: "100 Pods"}
_PATIENCE_SECONDS = 30.0


def run() -> Iterator[Row]:
    measures = [partial(_start, number) for number in _SHAPES]
    floor, *taken = medians(ROUNDS, _spawn, *measures)
    for shape, seconds in zip(_SHAPES.values(), taken, strict=True):
        yield Row(
            f"{CONTAINERS} containers in {shape} started",
            seconds * MILLISECONDS,
            "ms",
            floor * MILLISECONDS,
            "posix_spawn",
            BUDGET_MILLISECONDS,
        )
    on_disk = _start(10, on_disk=True) * MILLISECONDS
    yield Row(f"{CONTAINERS} containers in ten Pods started, on disk", on_disk, "ms")


def _start(number: int, *, on_disk: bool = False) -> float:
    documents = [pod_document(f"p{n}", CONTAINERS // number) for n in range(number)]
    return asyncio.run(_seconds_to_start(pods_of(documents), on_disk))


async def _seconds_to_start(pods: Sequence[Pod], on_disk: bool) -> float:
    all_started = asyncio.Event()
    started = 0

    def on_record(record: Record) -> None:
        nonlocal started
        started += isinstance(record, ContainerStarted)
        if started == CONTAINERS:
            all_started.set()

    began = time.perf_counter()
    node = running_node(pods, on_record, on_disk=on_disk)
    async with node, asyncio.timeout(_PATIENCE_SECONDS):
        await all_started.wait()
        return time.perf_counter() - began


def _spawn() -> float:
    program = shutil.which(IDLE[0]) or IDLE[0]
    pids: list[int] = []
    try:
        began = time.perf_counter()
        for _ in range(CONTAINERS):
            pids.append(os.posix_spawn(program, IDLE, os.environ))
        return time.perf_counter() - began
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
