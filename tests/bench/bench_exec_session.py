"""Exec sessions: round trips, throughput, and the shim's memory when clients do not read.

Budget: 30 ms from the request for a session to its result. The floor of a round trip is the same
command run by the standard library.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.streams import ContainerStream
from tests.bench.harness import Row, percentile, private_kib
from tests.bench.workloads import IDLE
from tests.builders import a_launch_spec

COMMAND = ("/bin/echo", "hello")
TIMES = 100
CONCURRENT = 50
MEGABYTES = 200
_MB = 1_000_000


def run() -> Iterator[Row]:
    yield from asyncio.run(_measure())


async def _measure() -> list[Row]:
    runtime = ProcessRuntime(die_with_owner=True, on_event=lambda event: None)
    with TemporaryDirectory(prefix="minikubelet-bench-") as directory:
        await runtime.open()
        try:
            record = await runtime.start(
                spec := a_launch_spec(Path(directory), IDLE, die_with_owner=True)
            )
            idle = private_kib(record.shim_pid)
            return [
                *await _round_trips(runtime, spec.container_id),
                *await _throughput(runtime, spec.container_id),
                await _memory(runtime, spec.container_id, record.shim_pid, idle),
            ]
        finally:
            await runtime.close()


async def _round_trips(runtime: ProcessRuntime, id: str) -> list[Row]:
    floor = statistics.median([await asyncio.to_thread(_floor) for _ in range(TIMES)])
    pipes = [await _round_trip(runtime, id, tty=False) for _ in range(TIMES)]
    terminals = [await _round_trip(runtime, id, tty=True) for _ in range(TIMES)]
    begun = time.perf_counter()
    await asyncio.gather(*(_round_trip(runtime, id, tty=False) for _ in range(CONCURRENT)))
    together = (time.perf_counter() - begun) * 1000
    median = statistics.median(pipes)
    return [
        Row("round trip, median", median, "ms", floor, "subprocess.run", 30.0),
        Row("round trip, p95", percentile(pipes, 95), "ms", budget=30.0),
        Row("round trip with a terminal, median", statistics.median(terminals), "ms", budget=30.0),
        Row(f"{CONCURRENT} at a time, the last", together, "ms"),
    ]


def _floor() -> float:
    begun = time.perf_counter()
    subprocess.run(COMMAND, capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1000


async def _round_trip(runtime: ProcessRuntime, id: str, *, tty: bool) -> float:
    begun = time.perf_counter()
    stream = await runtime.open_exec(id, COMMAND, stdin=True, stdout=True, stderr=True, tty=tty)
    await _read(stream)
    assert stream.end is not None
    assert stream.end.exit_code == 0
    return (time.perf_counter() - begun) * 1000


async def _throughput(runtime: ProcessRuntime, id: str) -> list[Row]:
    size = MEGABYTES * _MB
    begun = time.perf_counter()
    stream = await _open(runtime, id, ["head", "-c", str(size), "/dev/zero"])
    assert await _read(stream) == size
    out = MEGABYTES / (time.perf_counter() - begun)
    begun = time.perf_counter()
    stream = await _open(runtime, id, ["wc", "-c"])
    chunk = bytes(32768)
    for _ in range(size // len(chunk)):
        await stream.write(chunk)
    await stream.close_stdin()
    await _read(stream)
    into = MEGABYTES / (time.perf_counter() - begun)
    return [Row("output of a command", out, "MB/s"), Row("input of a command", into, "MB/s")]


async def _memory(runtime: ProcessRuntime, id: str, shim: int, idle: int) -> Row:
    """Each of these commands would print a gigabyte."""
    command = ["head", "-c", "1000000000", "/dev/zero"]
    stuck = [await _open(runtime, id, command) for _ in range(CONCURRENT)]
    await _round_trip(runtime, id, tty=False)
    grown = (private_kib(shim) - idle) / 1024
    for stream in stuck:
        stream.close()
    return Row(
        f"shim's growth with {CONCURRENT} clients that do not read", grown, "MB", budget=10.0
    )


async def _open(runtime: ProcessRuntime, id: str, argv: list[str]) -> ContainerStream:
    return await runtime.open_exec(id, argv, stdin=True, stdout=True, stderr=True, tty=False)


async def _read(stream: ContainerStream) -> int:
    count = 0
    while chunk := await stream.read():
        count += len(chunk[1])
    return count
