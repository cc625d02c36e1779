"""What a container's processes use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from minikubelet.runtime.records import StartRecord, read_start_record
from minikubelet.runtime.shim.linux import boot_id
from minikubelet.runtime.usage import (
    Process,
    TreeUsage,
    all_processes,
    host_usage,
    tree_usages,
)
from tests.runtime.harness import Harness

RECORD = StartRecord(
    container_id="process://1",
    pid=11,
    start_time=110,
    boot_id=boot_id(),
    shim_pid=10,
    shim_start_time=100,
    created_at=0,
    started_at=0,
    started_monotonic=0.0,
)
SHIM = Process(10, 1, 100, own_ticks=5000, reaped_ticks=7, rss_pages=9000)
MAIN = Process(11, 10, 110, own_ticks=100, reaped_ticks=20, rss_pages=10)
CHILD = Process(12, 11, 120, own_ticks=3, reaped_ticks=0, rss_pages=5)
ORPHAN = Process(13, 10, 130, own_ticks=40, reaped_ticks=0, rss_pages=1)
STRANGER = Process(14, 1, 140, own_ticks=999, reaped_ticks=999, rss_pages=999)

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _table(*processes: Process) -> Mapping[int, Process]:
    return {process.pid: process for process in processes}


@pytest.mark.parametrize(
    ("record", "processes", "usage"),
    [
        pytest.param(
            RECORD,
            _table(SHIM, MAIN, CHILD, ORPHAN, STRANGER),
            TreeUsage(170 * _TICK, 16 * _PAGE, 3),
            id="all below the shim, and what it has waited for; not the shim itself",
        ),
        pytest.param(
            RECORD,
            _table(MAIN, CHILD, ORPHAN),
            TreeUsage(123 * _TICK, 15 * _PAGE, 2),
            id="without its shim, what is below the main process",
        ),
        pytest.param(
            RECORD,
            _table(SHIM._replace(start_time=1), MAIN._replace(start_time=1)),
            None,
            id="others have these pids now",
        ),
        pytest.param(RECORD, _table(STRANGER), None, id="it has gone"),
        pytest.param(
            replace(RECORD, boot_id="other"), _table(SHIM, MAIN), None, id="of an earlier boot"
        ),
    ],
)
def test_tree(
    record: StartRecord, processes: Mapping[int, Process], usage: TreeUsage | None
) -> None:
    expected = {} if usage is None else {"c": usage}
    assert tree_usages({"c": record}, processes) == expected


async def test_a_real_container(harness: Harness) -> None:
    """The memory of what lives, the cpu time of what has ended too."""
    program = "x = bytearray(30_000_000); [i for i in range(2_000_000)]"
    shell = f'python3 -c "{program}"; sleep 1000 & echo ready; wait'
    spec = await harness.start(["sh", "-c", shell])
    await harness.logged(spec, "ready")
    record = read_start_record(Path(spec.instance_dir))
    assert record is not None
    [usage] = tree_usages({1: record}, all_processes()).values()
    assert usage.processes == 2
    assert 0.02 < usage.cpu_seconds < 10
    assert 0 < usage.rss_bytes < 30_000_000


def test_host() -> None:
    usage = host_usage()
    assert usage.cpu_seconds > 0
    assert 0 < usage.available_bytes < usage.memory_bytes
