"""Groups of the v2 hierarchy.

Invariants: a group with limits for its children holds no process itself (the kernel's "no internal
processes" rule), so our groups lie below the nearest group whose children already have the
controllers, or below one that systemd has delegated to us: there the processes first move to a
group `supervisor`. Nothing above a delegated group is touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from minikubelet.runtime.shim.cgroup_files import (
    PARENT,
    counter,
    kill_members,
    processes,
    write_if_there,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minikubelet.runtime.shim.cgroup_files import Files, Places

SUPERVISOR = "supervisor"
CPU_PERIOD_MICROSECONDS = 100_000
SHORTEST_QUOTA_MICROSECONDS = 1000
_ROUNDS = 10


class UnifiedCgroup:
    """One container's group. `cpu_limited` says whether the processor limit could be set."""

    def __init__(self, files: Files, path: str, cpu_limited: bool) -> None:
        self.cpu_limited = cpu_limited
        self._files = files
        self._path = path

    def add(self, pid: int) -> None:
        """Raises OSError."""
        self._files.write(f"{self._path}/cgroup.procs", str(pid))

    def pids(self) -> list[int]:
        return processes(self._files, self._path)

    def freeze_and_kill(self) -> None:
        """SIGKILL to everybody inside; no fork escapes."""
        if write_if_there(self._files, f"{self._path}/cgroup.kill", "1"):
            return
        # Before Linux 5.14. Frozen processes of v2 do die of SIGKILL.
        write_if_there(self._files, f"{self._path}/cgroup.freeze", "1")
        kill_members(self._files, self._path)
        write_if_there(self._files, f"{self._path}/cgroup.freeze", "0")

    def oom_killed(self) -> bool:
        """Whether the kernel has killed a process in here because of the memory limit."""
        return counter(self._files, f"{self._path}/memory.events", "oom_kill") > 0

    def paths(self) -> tuple[str, ...]:
        return (self._path,)


def create(
    files: Files, places: Places, name: str, memory_limit: int | None, cpu_millis: int | None
) -> UnifiedCgroup | None:
    """A group with these limits; None when the memory limit cannot be enforced here."""
    needed = {"memory"} if memory_limit is not None else set[str]()
    wanted = needed | ({"cpu"} if cpu_millis is not None else set())
    for controllers in (wanted, needed) if wanted != needed else (needed,):
        for base in _bases(files, places):
            if not _prepare(files, base, places.unified, controllers):
                continue
            path = _make(files, base, name, wanted)
            if path is None:
                continue
            if memory_limit is None or _limit_memory(files, path, memory_limit):
                return UnifiedCgroup(files, path, _limit_cpu(files, path, cpu_millis))
            files.remove_dir(path)
    return None


def parents(files: Files, places: Places) -> list[str]:
    """The groups that may hold groups of ours."""
    found = (f"{base}/{PARENT}" for base in _bases(files, places))
    return [path for path in found if files.exists(path)]


def _bases(files: Files, places: Places) -> Iterator[str]:
    """Our own group, then upwards, to the first one that has been delegated."""
    path = places.unified
    while path:
        yield path
        if path == places.unified_root or files.is_delegated(path):
            return
        path = os.path.dirname(path)


def _prepare(files: Files, base: str, own: str, controllers: set[str]) -> bool:
    """See to it that children of `base` can have the controllers."""
    if controllers <= _enabled(files, base):
        return True
    if not files.is_delegated(base):
        return False
    if base == own:
        _make_empty(files, base)
    _enable(files, base, controllers)
    return controllers <= _enabled(files, base)


def _make(files: Files, base: str, name: str, controllers: set[str]) -> str | None:
    parent = f"{base}/{PARENT}"
    # Moving a process needs the right to write in the group above both its old and new one.
    if not (files.may_write(f"{base}/cgroup.procs") and files.make_dir(parent)):
        return None
    _enable(files, parent, controllers)
    return f"{parent}/{name}" if files.make_dir(f"{parent}/{name}") else None


def _make_empty(files: Files, base: str) -> None:
    if not files.make_dir(f"{base}/{SUPERVISOR}"):
        return
    for _ in range(_ROUNDS):
        members = (files.read(f"{base}/cgroup.procs") or "").split()
        if not members:
            return
        for pid in members:
            write_if_there(files, f"{base}/{SUPERVISOR}/cgroup.procs", pid)


def _enabled(files: Files, path: str) -> set[str]:
    return set((files.read(f"{path}/cgroup.subtree_control") or "").split())


def _enable(files: Files, path: str, controllers: set[str]) -> None:
    for controller in sorted(controllers - _enabled(files, path)):
        write_if_there(files, f"{path}/cgroup.subtree_control", f"+{controller}")


def _limit_memory(files: Files, path: str, limit: int) -> bool:
    if not write_if_there(files, f"{path}/memory.max", str(limit)):
        return False
    # Absent where the kernel has no swap, and then there is nothing to forbid.
    write_if_there(files, f"{path}/memory.swap.max", "0")
    # As the kubelet: a container that has lost one process does not limp on.
    write_if_there(files, f"{path}/memory.oom.group", "1")
    return True


def _limit_cpu(files: Files, path: str, cpu_millis: int | None) -> bool:
    if cpu_millis is None:
        return False
    quota = max(cpu_millis * CPU_PERIOD_MICROSECONDS // 1000, SHORTEST_QUOTA_MICROSECONDS)
    return write_if_there(files, f"{path}/cpu.max", f"{quota} {CPU_PERIOD_MICROSECONDS}")
