"""Groups of the v1 hierarchies: memory and cpu for limits, freezer for a kill that nobody escapes.

Invariants: groups lie below our own one in each hierarchy, so limits that hold for us keep holding.
"""

from __future__ import annotations

import contextlib
import time

from minikubelet.runtime.shim.cgroup_files import (
    PARENT,
    counter,
    kill_members,
    processes,
    write_if_there,
)
from minikubelet.runtime.shim.cgroup_unified import (
    CPU_PERIOD_MICROSECONDS,
    SHORTEST_QUOTA_MICROSECONDS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minikubelet.runtime.shim.cgroup_files import Files, Places

FREEZE_SECONDS = 0.2
"""A process in an uninterruptible wait delays freezing; what is frozen by then must do."""


class LegacyCgroup:
    """One container's group in each of the hierarchies that are used for it."""

    def __init__(self, files: Files, groups: dict[str, str]) -> None:
        self.cpu_limited = "cpu" in groups
        self._files = files
        self._groups = groups

    def add(self, pid: int) -> None:
        """Raises OSError."""
        for path in self._groups.values():
            self._files.write(f"{path}/cgroup.procs", str(pid))

    def pids(self) -> list[int]:
        return processes(self._files, next(iter(self._groups.values())))

    def freeze_and_kill(self) -> None:
        """SIGKILL to everybody inside. Without a freezer, a fork may escape: call it again."""
        freezer = self._groups.get("freezer")
        if freezer is None:
            kill_members(self._files, next(iter(self._groups.values())))
            return
        state = f"{freezer}/freezer.state"
        write_if_there(self._files, state, "FROZEN")
        deadline = time.monotonic() + FREEZE_SECONDS
        while (self._files.read(state) or "").strip() == "FREEZING":
            if time.monotonic() > deadline:
                break
            time.sleep(0.001)
        kill_members(self._files, freezer)
        write_if_there(self._files, state, "THAWED")

    def oom_killed(self) -> bool:
        """Whether the kernel has killed a process in here because of the memory limit."""
        memory = self._groups.get("memory")
        return memory is not None and (
            counter(self._files, f"{memory}/memory.oom_control", "oom_kill") > 0
        )

    def paths(self) -> tuple[str, ...]:
        return tuple(self._groups.values())


def create(
    files: Files, places: Places, name: str, memory_limit: int | None, cpu_millis: int | None
) -> LegacyCgroup | None:
    """A group with these limits; None when the memory limit cannot be enforced here."""
    groups: dict[str, str] = {}
    if memory_limit is not None:
        memory = _make(files, places, "memory", name)
        if memory is None:
            return None
        if not _limit_memory(files, memory, memory_limit):
            files.remove_dir(memory)
            return None
        groups["memory"] = memory
    if cpu_millis is not None and (cpu := _make(files, places, "cpu", name)) is not None:
        if _limit_cpu(files, cpu, cpu_millis):
            groups["cpu"] = cpu
        else:
            files.remove_dir(cpu)
    if (freezer := _make(files, places, "freezer", name)) is not None:
        groups["freezer"] = freezer
    return LegacyCgroup(files, groups) if groups else None


def parents(files: Files, places: Places) -> list[str]:
    """The groups that may hold groups of ours."""
    used = (places.legacy.get(controller) for controller in ("memory", "cpu", "freezer"))
    found = (f"{path}/{PARENT}" for path in used if path is not None)
    return [path for path in found if files.exists(path)]


def _make(files: Files, places: Places, controller: str, name: str) -> str | None:
    own = places.legacy.get(controller)
    if own is None or not files.make_dir(f"{own}/{PARENT}"):
        return None
    path = f"{own}/{PARENT}/{name}"
    if files.make_dir(path):
        return path
    with contextlib.suppress(OSError):
        files.remove_dir(f"{own}/{PARENT}")
    return None


def _limit_memory(files: Files, path: str, limit: int) -> bool:
    if not write_if_there(files, f"{path}/memory.limit_in_bytes", str(limit)):
        return False
    # Memory and swap together; the file is there only where swap is accounted for.
    if not write_if_there(files, f"{path}/memory.memsw.limit_in_bytes", str(limit)):
        write_if_there(files, f"{path}/memory.swappiness", "0")
    return True


def _limit_cpu(files: Files, path: str, cpu_millis: int) -> bool:
    quota = max(cpu_millis * CPU_PERIOD_MICROSECONDS // 1000, SHORTEST_QUOTA_MICROSECONDS)
    return write_if_there(
        files, f"{path}/cpu.cfs_period_us", str(CPU_PERIOD_MICROSECONDS)
    ) and write_if_there(files, f"{path}/cpu.cfs_quota_us", str(quota))
