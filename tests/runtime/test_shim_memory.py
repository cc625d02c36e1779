"""Memory limits, and the evidence that one was exceeded (L-120)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from minikubelet.runtime.records import read_start_record
from tests.runtime.harness import Harness

HOG = """
import time
kept = []
while True:
    kept.append(bytearray(4 * 1024 * 1024))
    time.sleep(0.005)
"""
LIMIT = 64 * 1024 * 1024
PYTHON = (sys.executable, "-I", "-S", "-c")
ROOT = Path(__file__).parent.parent.parent


async def test_a_container_that_exceeds_its_memory_limit_is_killed(harness: Harness) -> None:
    """By its control group, or by watching where there is none."""
    spec = await harness.start((*PYTHON, HOG), memory_limit_bytes=LIMIT)
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.signal, record.reason_hint) == (137, 9, "oom")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may cover the control groups")
async def test_memory_is_watched_where_there_is_no_control_group(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from tests.runtime.harness import a_harness
from tests.runtime.test_shim_memory import HOG, LIMIT, PYTHON

async def main():
    async with a_harness(Path(sys.argv[1])) as harness:
        spec = await harness.start((*PYTHON, HOG), memory_limit_bytes=LIMIT)
        record = await harness.exit_of(spec)
        print(record.exit_code, record.reason_hint)

asyncio.run(main())
"""
    covered = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "sh", "-c", covered, "sh"),
        *(sys.executable, "-c", program, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    output, _ = await process.communicate()
    assert (process.returncode, output) == (0, b"137 oom\n")


async def test_a_container_within_its_limits_ends_as_usual(harness: Harness) -> None:
    argv = ("sh", "-c", "sleep 0.2; exit 3")
    spec = await harness.start(argv, memory_limit_bytes=LIMIT, cpu_limit_millis=500)
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.reason_hint, record.survivors) == (3, "", ())


async def test_a_kill_by_somebody_is_no_lack_of_memory(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"), memory_limit_bytes=LIMIT)
    start = read_start_record(Path(spec.instance_dir))
    assert start
    os.kill(start.pid, signal.SIGKILL)
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.reason_hint) == (137, "")
