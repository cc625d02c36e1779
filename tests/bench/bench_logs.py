"""Log throughput of a shim: lines of 100 bytes from a container into its log file.

The floor moves the same bytes from a pipe to a file in bare Python: without times, tags and whole
lines, which add 40 % to what is written. Rotation is off for the first rows, and as it is by
default (10 MiB, compressed by another process) for the last.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from minikubelet.runtime.processes import ProcessRuntime
from tests.bench.harness import MILLISECONDS, Row, cpu_seconds
from tests.builders import a_launch_spec

LINE = b"x" * 99 + b"\n"
LINES_OF_FILE = 100_000
COPIES = 8
LINES = LINES_OF_FILE * COPIES
MEGABYTES = LINES * len(LINE) / 1e6
ROUNDS = 5
DEFAULT_ROTATION = 10 * 1024 * 1024
NO_ROTATION = -1

_PATIENCE_SECONDS = 30.0
_FLOOR = """
import os, sys
target = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
while data := os.read(0, 65536):
    os.write(target, data)
"""


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    cpu_seconds: float


def run() -> Iterator[Row]:
    shims, rotating, floors = [], [], []
    for _ in range(ROUNDS):
        with TemporaryDirectory(prefix="minikubelet-bench-") as name:
            lines = Path(name) / "lines"
            lines.write_bytes(LINE * LINES_OF_FILE)
            floors.append(_copy(lines))
            shims.append(asyncio.run(_log(lines, NO_ROTATION)))
            rotating.append(asyncio.run(_log(lines, DEFAULT_ROTATION)))
    floor_rate, floor_cpu = _rate(floors), _cpu_per_megabyte(floors)
    name = "pipe to file"
    yield Row("through a shim", _rate(shims), "lines/s", floor_rate, name)
    yield Row("CPU of the shim per MB", _cpu_per_megabyte(shims), "ms", floor_cpu, name)
    yield Row("through a shim that rotates", _rate(rotating), "lines/s", floor_rate, name)


def _rate(runs: list[_Run]) -> float:
    return LINES / median(one.seconds for one in runs)


def _cpu_per_megabyte(runs: list[_Run]) -> float:
    return median(one.cpu_seconds for one in runs) * MILLISECONDS / MEGABYTES


async def _log(lines: Path, max_bytes: int) -> _Run:
    """Until a container has written all: what is then left in its pipe is next to nothing."""
    done = lines.parent / f"done{max_bytes}"
    os.mkfifo(done)
    script = f"cat {' '.join([str(lines)] * COPIES)}; echo > {done}; exec sleep 1000"
    reader = os.open(done, os.O_RDONLY | os.O_NONBLOCK)
    told = asyncio.Event()
    asyncio.get_running_loop().add_reader(reader, told.set)
    runtime = ProcessRuntime(die_with_owner=True, on_event=lambda event: None)
    await runtime.open()
    try:
        spec = a_launch_spec(
            lines.parent, ("sh", "-c", script), log_max_bytes=max_bytes, die_with_owner=True
        )
        began = time.perf_counter()
        record = await runtime.start(spec)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await told.wait()
        return _Run(time.perf_counter() - began, cpu_seconds(record.shim_pid))
    finally:
        asyncio.get_running_loop().remove_reader(reader)
        os.close(reader)
        await runtime.close()


def _copy(lines: Path) -> _Run:
    with ExitStack() as stack:
        began = time.perf_counter()
        writer = stack.enter_context(
            subprocess.Popen(["cat", *[str(lines)] * COPIES], stdout=subprocess.PIPE)
        )
        reader = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _FLOOR, str(lines.parent / "copy")],
                stdin=writer.stdout,
            )
        )
        _, status, usage = os.wait4(reader.pid, 0)
        seconds = time.perf_counter() - began
        reader.returncode = os.waitstatus_to_exitcode(status)
    assert reader.returncode == 0
    return _Run(seconds, usage.ru_utime + usage.ru_stime)
