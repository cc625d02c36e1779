"""Time from a container's death to its next process, where no back-off applies: the first restart.

Budget: 5 ms. Each of some Pods in turn is killed once; records are in memory, and then on disk
(`running_node`). The floor is a bare loop in Python that waits for a process by pidfd and spawns
the next.
"""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import statistics
import time
from collections.abc import Iterator

from minikubelet.journal import ContainerStarted, Record
from tests.bench.harness import MILLISECONDS, Row, percentile
from tests.bench.workloads import IDLE, pod_document, pods_of, running_node

PODS = 30
_PATIENCE_SECONDS = 30.0


def run() -> Iterator[Row]:
    ours = [seconds * MILLISECONDS for seconds in asyncio.run(_restarts())]
    floor = statistics.median(_respawn() for _ in range(PODS)) * MILLISECONDS
    median, worst = statistics.median(ours), percentile(ours, 90)
    yield Row("death to restarted, median", median, "ms", floor, "pidfd, posix_spawn", 5.0)
    yield Row("death to restarted, p90", worst, "ms")
    on_disk = statistics.median(asyncio.run(_restarts(on_disk=True))) * MILLISECONDS
    yield Row("death to restarted, on disk, median", on_disk, "ms", floor, "pidfd, posix_spawn")


async def _restarts(*, on_disk: bool = False) -> list[float]:
    """Seconds from each kill to the record that the program runs again."""
    starts: asyncio.Queue[ContainerStarted] = asyncio.Queue()

    def on_record(record: Record) -> None:
        if isinstance(record, ContainerStarted):
            starts.put_nowait(record)

    taken: list[float] = []
    pods = pods_of([pod_document(f"p{number}") for number in range(PODS)])
    node = running_node(pods, on_record, on_disk=on_disk)
    async with node, asyncio.timeout(_PATIENCE_SECONDS):
        for pid in [(await starts.get()).pid for _ in pods]:
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            await starts.get()
            taken.append(time.perf_counter() - began)
    return taken


def _respawn() -> float:
    program = shutil.which(IDLE[0]) or IDLE[0]
    first = os.posix_spawn(program, IDLE, os.environ)
    ended = os.pidfd_open(first)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    began = time.perf_counter()
    os.kill(first, signal.SIGKILL)
    poll.poll()
    os.waitpid(first, 0)
    second = os.posix_spawn(program, IDLE, os.environ)
    seconds = time.perf_counter() - began
    os.close(ended)
    os.kill(second, signal.SIGKILL)
    os.waitpid(second, 0)
    return seconds
