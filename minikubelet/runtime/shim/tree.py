"""Find and kill every descendant of a process.

Role: nothing that a container started may outlive it, whatever it did to hide: `setsid`, double
forks, stopped children, a storm of forks.
Invariants: the caller is a child subreaper, so a descendant stays one as long as it lives: an
orphan moves up to the subreaper, never out. Hence "no child left to wait for" proves "no descendant
left", and a descendant that one round misses while it moves is found by the next. A pid is only
signaled as `linux.send_signal` does.
Without /proc (macOS) nothing is found here, and only process groups are killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterable

from minikubelet.runtime.shim.linux import Process, read_process, read_whole, send_signal


def descendants(root: int, exclude: frozenset[int] = frozenset()) -> list[Process]:
    """The living descendants of a process, parents before children; zombies are left out, their
    children are not.

    Processes in `exclude` and what is beneath them are not looked at.
    """
    listed = os.path.exists(f"/proc/{root}/task/{root}/children")
    children_of: Callable[[int], list[int]] = _listed_children if listed else _scan().__getitem__
    found: list[Process] = []
    seen = {root, *exclude}
    pending = [root]
    while pending:
        for pid in children_of(pending.pop()):
            if pid in seen:
                continue
            seen.add(pid)
            process = read_process(pid)
            if process is None:
                continue
            pending.append(pid)
            if process.state not in "ZX":
                found.append(process)
    return found


def session_members(leader: int, known: Collection[tuple[int, int]] = frozenset()) -> list[Process]:
    """Descendants of this process that belong to a command: its leader, what is beneath it, and
    what was orphaned but stayed in its session, or is `known` by pid and start time."""
    members: dict[int, Process] = {}
    for process in descendants(os.getpid()):
        if (
            process.sid == leader
            or process.pid == leader
            or process.ppid in members
            or (process.pid, process.start_time) in known
        ):
            members[process.pid] = process
    return list(members.values())


def kill_processes(processes: Iterable[Process]) -> None:
    for process in processes:
        send_signal(process, signal.SIGKILL)


def signal_group(leader: int, number: int) -> None:
    """Signal a process group at one stroke: no fork escapes. The caller is the parent of its leader
    and has not waited for it yet, which keeps the number from being used again."""
    try:
        os.killpg(leader, number)
    except OSError:
        return


def all_processes() -> list[Process]:
    """Every process of the machine that can be seen."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return [process for pid in pids if (process := read_process(pid))]


def _listed_children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return children
    for task in tasks:
        children += map(int, read_whole(f"/proc/{pid}/task/{task}/children").split())
    return children


class _Children(dict[int, list[int]]):
    def __missing__(self, pid: int) -> list[int]:
        return []


def _scan() -> _Children:
    """Children by parent, for kernels without CONFIG_PROC_CHILDREN."""
    children = _Children()
    for process in all_processes():
        children.setdefault(process.ppid, []).append(process.pid)
    return children
