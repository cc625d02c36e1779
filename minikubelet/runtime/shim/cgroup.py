"""A control group per container: limits, the proof of an out-of-memory kill, a kill without escape.

Role: choose between v2 and v1, name the group, remove it. A caller without a group goes on without.
Invariants: a group's name tells which process made it, so that what a crash leaves behind can be
told from a group that somebody is about to use; nothing is removed while a process is in it.
"""

from __future__ import annotations

import os
import time

from minikubelet.runtime.shim import cgroup_legacy, cgroup_unified, linux
from minikubelet.runtime.shim.cgroup_files import KernelFiles, Places, find_places, subtree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from minikubelet.runtime.shim.cgroup_files import Files

    class _Group(Protocol):
        @property
        def cpu_limited(self) -> bool: ...

        def add(self, pid: int) -> None: ...

        def pids(self) -> list[int]: ...

        def freeze_and_kill(self) -> None: ...

        def oom_killed(self) -> bool: ...

        def paths(self) -> tuple[str, ...]: ...


REMOVE_SECONDS = 1.0
"""Killed processes leave their group a moment after they are gone for their parent."""


class System:
    """The tree that this process sees, and where it is in it."""

    __slots__ = ("files", "places")

    def __init__(self, files: Files, places: Places) -> None:
        self.files = files
        self.places = places


class Cgroup:
    """One container's group; the memory limit that was asked for holds."""

    def __init__(self, files: Files, group: _Group) -> None:
        self._files = files
        self._group = group

    @property
    def cpu_limited(self) -> bool:
        """Whether a processor limit holds."""
        return self._group.cpu_limited

    def add(self, pid: int) -> None:
        """Move a process, with all its threads, into the group. Raises OSError."""
        self._group.add(pid)

    def pids(self) -> list[int]:
        return self._group.pids()

    def freeze_and_kill(self) -> None:
        """SIGKILL to everybody inside, who may still be listed for a moment afterwards."""
        self._group.freeze_and_kill()

    def oom_killed(self) -> bool:
        """Whether the kernel killed a process in here because of the memory limit (L-120)."""
        return self._group.oom_killed()

    def paths(self) -> tuple[str, ...]:
        """Its directories: one with v2, one per controller with v1."""
        return self._group.paths()

    def remove(self, wait_seconds: float = REMOVE_SECONDS) -> bool:
        """Remove the group, waiting a little while it is busy; False if it stays."""
        deadline = time.monotonic() + wait_seconds
        removed = [_remove_until(self._files, path, deadline) for path in self.paths()]
        for path in self.paths():
            # The last one out takes the common parent along.
            _remove_tree(self._files, os.path.dirname(path), nested=False)
        return all(removed)


def create(
    name: str, memory_limit: int | None, cpu_millis: int | None, system: System | None = None
) -> Cgroup | None:
    """A new group for one container; None when there can be none that enforces the memory limit.

    `memory_limit` in bytes, `cpu_millis` in thousandths of a core. `name` is unique among living
    containers.
    """
    system = system or find_system()
    if system is None:
        return None
    unique = f"{name}.{os.getpid()}.{linux.start_time(os.getpid())}"
    arguments = (system.files, system.places, unique, memory_limit, cpu_millis)
    group = cgroup_unified.create(*arguments) or cgroup_legacy.create(*arguments)
    return None if group is None else Cgroup(system.files, group)


def sweep(system: System | None = None) -> None:
    """Remove empty groups whose makers have died."""
    system = system or find_system()
    if system is None:
        return
    files, places = system.files, system.places
    for parent in (*cgroup_unified.parents(files, places), *cgroup_legacy.parents(files, places)):
        for path in files.children(parent):
            if _is_stale(os.path.basename(path)):
                _remove_tree(files, path, nested=True)
        _remove_tree(files, parent, nested=False)


def find_system() -> System | None:
    """None where there are no control groups (not Linux, or /proc is hidden)."""
    try:
        with open("/proc/self/mountinfo") as mountinfo, open("/proc/self/cgroup") as membership:
            return System(KernelFiles(), find_places(mountinfo.read(), membership.read()))
    except OSError:
        return None


def _is_stale(name: str) -> bool:
    _, pid, start_time = name.rsplit(".", 2)
    return linux.start_time(int(pid)) != int(start_time)


def _remove_until(files: Files, path: str, deadline: float) -> bool:
    pause = 0.001
    while not _remove_tree(files, path, nested=True):
        if time.monotonic() + pause > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def _remove_tree(files: Files, path: str, *, nested: bool) -> bool:
    """Whether the group is gone; with `nested`, the groups that a container made go too."""
    for group in subtree(files, path) if nested else [path]:
        try:
            files.remove_dir(group)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
