"""What processes use: cpu time and memory of containers' trees, and of the host.

Role: one look at all processes, then sums per tree. Blocking calls of a few milliseconds.
Invariants: a tree is found by its shim's pid *and* start time in this boot, so no stranger is
counted; a tree's cpu time includes what its ended processes have used.
Without /proc (macOS) trees are not found.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

from minikubelet.runtime.records import StartRecord
from minikubelet.runtime.shim.linux import boot_id, read_small
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class TreeUsage:
    cpu_seconds: float
    rss_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class HostUsage:
    cpu_seconds: float
    """Of all cores, since boot, without idling."""
    memory_bytes: int
    available_bytes: int


class Process(NamedTuple):
    pid: int
    ppid: int
    start_time: int
    """Ticks since boot."""
    own_ticks: int
    reaped_ticks: int
    """Of ended children that it has waited for."""
    rss_pages: int


_Name = TypeVar("_Name", bound=Hashable)


def all_processes() -> dict[int, Process]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    found = (_read(name) for name in names if name.isdigit())
    return {process.pid: process for process in found if process is not None}


def tree_usages(
    records: Mapping[_Name, StartRecord], processes: Mapping[int, Process]
) -> dict[_Name, TreeUsage]:
    """Of the containers that live; the others are left out."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.ppid, []).append(process)
    usages = {}
    for name, record in records.items():
        usage = _tree_usage(record, processes, children)
        if usage is not None:
            usages[name] = usage
    return usages


def host_usage() -> HostUsage:
    import psutil  # only who asks pays for it

    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
    memory = psutil.virtual_memory()
    return HostUsage(busy + times.nice, int(memory.total), int(memory.available))


def _tree_usage(
    record: StartRecord, processes: Mapping[int, Process], children: Mapping[int, list[Process]]
) -> TreeUsage | None:
    if record.boot_id != boot_id():
        return None
    shim = processes.get(record.shim_pid)
    main = processes.get(record.pid)
    if shim is not None and shim.start_time == record.shim_start_time:
        # The shim itself is ours, not the container's; what it has waited for was the container's.
        ticks, members = shim.reaped_ticks, list(children.get(shim.pid, ()))
    elif main is not None and main.start_time == record.start_time:
        ticks, members = 0, [main]
    else:
        return None
    pages = 0
    for member in members:  # grows while it is gone through
        ticks += member.own_ticks + member.reaped_ticks
        pages += member.rss_pages
        members += children.get(member.pid, ())
    seconds = ticks / os.sysconf("SC_CLK_TCK")
    return TreeUsage(seconds, pages * os.sysconf("SC_PAGE_SIZE"), len(members))


def _read(pid: str) -> Process | None:
    data = read_small(f"/proc/{pid}/stat")
    closed = data.rfind(b")")
    fields = data[closed + 2 :].split(None, 23)
    if closed < 0 or len(fields) < 22:
        return None
    return Process(
        int(pid),
        int(fields[1]),
        int(fields[19]),
        int(fields[11]) + int(fields[12]),
        int(fields[13]) + int(fields[14]),
        int(fields[21]),
    )
