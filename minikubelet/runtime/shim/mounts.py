"""A private view of the file system: volumes appear at their mount paths, the host sees nothing.

Role: called in a container's freshly forked, single-threaded process, before its user is switched.
A mount point that exists, or that `mount_points.py` has made, is simply covered. Any other
directory of the host that needs a new child (of the system, or where we may not write) is covered
by a tmpfs in which each of its entries is bound again; for a new child of `/` that tmpfs becomes
the root.
Invariants: nothing is created in the host's tree from here (only in volumes, as a container runtime
does); nothing propagates to the host; a link inside a volume cannot lead a mount to a place that
the process could not cover by itself.
Upstream: runc's libcontainer/rootfs_linux.go does the same within an image.

Known difference: what a process creates in a directory that had to be rebuilt is its own, and
vanishes with it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping

from minikubelet.runtime.shim import mount_calls as calls
from minikubelet.runtime.shim.mount_namespace import MountError, new_namespace
from minikubelet.runtime.shim.mount_tree import (
    bind_entry,
    entries_of,
    is_within,
    make_read_only,
    rebuild,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MountError", "enter", "join"]

_UNTOUCHABLE = ("/proc", "/sys")


class _Mount:
    __slots__ = ("read_only", "source", "source_fd", "target")

    def __init__(self, source: str, target: str, read_only: bool) -> None:
        self.source = source
        self.target = target
        self.read_only = read_only
        self.source_fd = -1


def enter(mounts: Iterable[Mapping[str, Any]], uid: int | None) -> None:
    """Move this process into a mount namespace of its own, with `mounts` in place.

    `mounts` is LaunchSpec.mounts; `uid` is the user that the process will become, None for no
    change. The working directory is `/` afterwards. Raises MountError.
    """
    new_namespace(uid)
    umask = os.umask(0o022)
    try:
        _build(mounts)
    finally:
        os.umask(umask)
    os.chdir("/")


def join(pid: int) -> None:
    """Move this process into the mount namespace of `pid`; the working directory becomes its root.

    Does nothing when that is our own namespace. `pid` must be a child that has not been waited for,
    or be held by a pidfd. Raises OSError.
    """
    if os.stat(f"/proc/{pid}/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino:
        return
    mount_fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.stat(f"/proc/{pid}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino:
            user_fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            try:
                calls.setns(user_fd, calls.CLONE_NEWUSER)
            finally:
                os.close(user_fd)
        calls.setns(mount_fd, calls.CLONE_NEWNS)
    finally:
        os.close(mount_fd)


def _build(mounts: Iterable[Mapping[str, Any]]) -> None:
    wanted = [_open(mount) for mount in sorted(mounts, key=lambda mount: _depth(mount["target"]))]
    view = _View()
    old_root = None
    if any(_existing_part(os.path.realpath(mount.target)) == "/" for mount in wanted):
        old_root = view.replace_root()
    for mount in wanted:
        view.place(mount)
        os.close(mount.source_fd)
    if old_root is not None:
        # It is mounted over the new root, where no path leads; from within it can be let go.
        os.fchdir(old_root)
        calls.unmount(".", calls.MNT_DETACH)
        os.close(old_root)


class _View:
    """What has been put where: paths are real ones, as seen from inside."""

    def __init__(self) -> None:
        self._made: set[str] = set()
        """Directories in a tmpfs of ours: children may be made in them."""
        self._volumes: set[str] = set()

    def replace_root(self) -> int:
        """A tmpfs with everything of `/` becomes the root; returns the old one, still mounted."""
        entries = entries_of("/")
        dirs = {entry.name for entry in entries if entry.kind == stat.S_IFDIR}
        spot = "tmp" if "tmp" in dirs else min(dirs - {"proc"})
        old_root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        covered = os.open(f"/{spot}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            calls.mount("tmpfs", f"/{spot}", "tmpfs", calls.MS_NODEV, "mode=755")
            os.chdir(f"/{spot}")
            # First, while the tmpfs is empty: binding the directory that it covers brings a copy
            # of it along.
            os.mkdir(spot)
            calls.mount(f"/proc/self/fd/{covered}", spot, None, calls.MS_BIND | calls.MS_REC)
            calls.unmount(spot, calls.MNT_DETACH)
            for entry in entries:
                if entry.name != spot:
                    bind_entry(entry, "", ".")
            calls.pivot_root(".", ".")
            os.chdir("/")
        except OSError as error:
            raise MountError(f"cannot make a root directory for the container: {error}") from error
        finally:
            os.close(covered)
        self._made.add("/")
        return old_root

    def place(self, mount: _Mount) -> None:
        try:
            self._place(mount)
        except OSError as error:
            raise _cannot(mount, error.strerror or str(error)) from error

    def _place(self, mount: _Mount) -> None:
        target = os.path.realpath(mount.target)
        if target == "/":
            raise _cannot(mount, "it would hide the whole file system")
        wants_dir = stat.S_ISDIR(os.fstat(mount.source_fd).st_mode)
        existing = _existing_part(target)
        if existing == target:
            if os.path.isdir(target) != wants_dir:
                has, wants = ("file", "directory") if wants_dir else ("directory", "file")
                raise _cannot(mount, f"the source is a {wants}, the target is a {has}")
            point = _open_exactly(target)
        else:
            self._make_room(mount, existing)
            point = self._make_point(existing, target, wants_dir)
        try:
            calls.mount(
                f"/proc/self/fd/{mount.source_fd}",
                f"/proc/self/fd/{point}",
                None,
                calls.MS_BIND | calls.MS_REC,
            )
        finally:
            os.close(point)
        if mount.read_only:
            make_read_only(target)
        self._volumes.add(target)

    def _make_room(self, mount: _Mount, directory: str) -> None:
        """See to it that children can be made in `directory`."""
        if not os.path.isdir(directory):
            raise _cannot(mount, f"{directory} is not a directory")
        if directory in self._made or self._in_volume(directory):
            return
        if any(is_within(directory, top) for top in _UNTOUCHABLE):
            raise _cannot(mount, f"there is no such path, and nothing can be added to {directory}")
        rebuild(directory)
        self._made.add(directory)

    def _make_point(self, existing: str, target: str, directory: bool) -> int:
        """Make the missing part of `target`, at last a directory or an empty file; opened."""
        names = os.path.relpath(target, existing).split("/")
        ours = not self._in_volume(existing)
        path, fd = existing, _open_exactly(existing)
        for number, name in enumerate(names, 1):
            path = os.path.join(path, name)
            try:
                if directory or number < len(names):
                    os.mkdir(name, 0o755, dir_fd=fd)
                    if ours:
                        self._made.add(path)
                else:
                    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
                    os.close(os.open(name, flags, 0o644, dir_fd=fd))
                child = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            finally:
                os.close(fd)
            fd = child
        return fd

    def _in_volume(self, path: str) -> bool:
        return any(is_within(path, volume) for volume in self._volumes)


def _open(mount: Mapping[str, Any]) -> _Mount:
    """Open the source before anything is mounted, since a mount may cover it."""
    # Two slashes in front would survive every normalization.
    source, target = mount["source"], "/" + mount["target"].lstrip("/")
    opened = _Mount(source, target, bool(mount.get("read_only")))
    try:
        if mount.get("exact_source"):
            opened.source_fd = _open_exactly(source)
        else:
            opened.source_fd = os.open(source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot(opened, error.strerror or str(error)) from error
    return opened


def _open_exactly(path: str) -> int:
    """Open a path that has no link in it; raises ELOOP when it has one by now."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if os.readlink(f"/proc/self/fd/{fd}") != path:
        os.close(fd)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return fd


def _existing_part(path: str) -> str:
    """The longest leading part of an absolute real path that exists."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _depth(path: str) -> int:
    return len([name for name in path.split("/") if name])


def _cannot(mount: _Mount, reason: str) -> MountError:
    return MountError(f"cannot mount {mount.source} at {mount.target}: {reason}")
