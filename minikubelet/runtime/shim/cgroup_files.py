"""Where control groups are on this machine, and the file operations on them.

Role: read the mount table and this process's membership; small calls that answer None or False
where the kernel, the owner or the mount says no. `KernelFiles` is the only access to the tree, so
that the rules above it can be tried against other kernels' trees.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from minikubelet.runtime.shim import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Files(Protocol):
        def read(self, path: str) -> str | None: ...

        def write(self, path: str, text: str) -> None: ...

        def make_dir(self, path: str) -> bool: ...

        def remove_dir(self, path: str) -> None: ...

        def children(self, path: str) -> list[str]: ...

        def exists(self, path: str) -> bool: ...

        def may_write(self, path: str) -> bool: ...

        def is_delegated(self, path: str) -> bool: ...


PARENT = "minikubelet"
"""Our groups lie in a group of this name."""

_DELEGATION_MARKS = ("trusted.delegate", "user.delegate")


class Places:
    """This process's own group in each hierarchy, as a directory.

    `unified`: in the v2 hierarchy, empty where there is none; `unified_root`: where that is
    mounted, as high as one can climb; `legacy`: by v1 controller.
    """

    __slots__ = ("legacy", "unified", "unified_root")

    def __init__(
        self, unified: str = "", unified_root: str = "", legacy: Mapping[str, str] | None = None
    ) -> None:
        self.unified = unified
        self.unified_root = unified_root
        self.legacy = dict(legacy or {})


class KernelFiles:
    def read(self, path: str) -> str | None:
        """The text; None when it cannot be read."""
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def write(self, path: str, text: str) -> None:
        """One write, as the kernel wants it; never makes a file. Raises OSError."""
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def make_dir(self, path: str) -> bool:
        """False when it cannot be made; one that exists is fine."""
        try:
            os.mkdir(path)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def remove_dir(self, path: str) -> None:
        """Raises OSError; EBUSY while anybody is in it."""
        os.rmdir(path)

    def children(self, path: str) -> list[str]:
        try:
            with os.scandir(path) as entries:
                return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def may_write(self, path: str) -> bool:
        return os.access(path, os.W_OK)

    def is_delegated(self, path: str) -> bool:
        """Whether systemd has handed this subtree over (Delegate=yes)."""
        for mark in _DELEGATION_MARKS:
            try:
                if os.getxattr(path, mark) == b"1":
                    return True
            except OSError:
                continue
        return False


def write_if_there(files: Files, path: str, text: str) -> bool:
    """Set something that this kernel may not have; False when it could not be set."""
    try:
        files.write(path, text)
    except OSError:
        return False
    return True


def subtree(files: Files, path: str) -> list[str]:
    """The group and all below it, children first."""
    below = [group for child in files.children(path) for group in subtree(files, child)]
    return [*below, path]


def processes(files: Files, path: str) -> list[int]:
    """Who is in the group or below it."""
    found: list[int] = []
    for group in subtree(files, path):
        listed = files.read(f"{group}/cgroup.procs")
        found += [int(pid) for pid in (listed or "").split()]
    return found


def kill_members(files: Files, path: str) -> None:
    """SIGKILL to each process inside; complete if the group is frozen."""
    found = [linux.read_process(pid) for pid in processes(files, path)]
    # What was read is about a member only if its pid is still listed.
    members = set(processes(files, path))
    for process in found:
        if process is not None and process.pid in members:
            linux.send_signal(process, signal.SIGKILL)


def counter(files: Files, path: str, name: str) -> int:
    """A line `name number` of a flat-keyed file; 0 when there is none."""
    for line in (files.read(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def find_places(mountinfo: str, membership: str) -> Places:
    """`mountinfo` and `membership` are the texts of /proc/self/mountinfo and /proc/self/cgroup."""
    own_paths: dict[str, str] = {}
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own_paths[controller] = path
    unified, unified_root, legacy = "", "", dict[str, str]()
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        kind, _, options = source.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        root, mount_point = mount.split(" ")[3:5]
        if kind == "cgroup2":
            unified, unified_root = _inside(mount_point, root, own_paths.get("", "/")), mount_point
            continue
        for controller in options.rpartition(" ")[2].split(","):
            if controller in own_paths:
                legacy[controller] = _inside(mount_point, root, own_paths[controller])
    return Places(unified, unified_root, legacy)


def _inside(mount_point: str, root: str, path: str) -> str:
    """The directory of a group: in a container, the mount may show only a part of the tree."""
    prefix = root.rstrip("/") + "/"
    below = path[len(prefix) :] if path.startswith(prefix) else ""
    return f"{mount_point}/{below}".rstrip("/")
