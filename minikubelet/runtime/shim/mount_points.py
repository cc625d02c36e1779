"""Mount points that the host lacks, made in its tree for as long as somebody mounts at them.

Role: a bind mount needs something to cover. Where the host lacks the path, an empty directory (or
file) is made before the container's process is, and removed with the last container that mounts
there. So what a container writes beside its volume is where everybody finds it; the other way, to
show the directory again in a tmpfs, would let it vanish (see `mounts.py`, which does that where
nothing is made: below `/` itself and in the directories of the system).
Invariants: only empty ones that stand in our register are removed, and only while nobody has
anything mounted there, since removing a mount point takes the mount away in every namespace. Making
and removing exclude each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable, Mapping, Sequence

from minikubelet.runtime.shim.mount_tree import is_within, mount_points_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REGISTER = "mount-points"
_SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
)
_LONGEST_NAME = 255


class MountPoints:
    """Those of one container. `register` is a directory that all containers of a node share."""

    def __init__(self, mounts: Iterable[Mapping[str, Any]], register: str) -> None:
        self._register = register
        self._lock = -1
        targets = {os.path.realpath(mount["target"]): mount["source"] for mount in mounts}
        self._targets = {
            target: source
            for target, source in sorted(targets.items())
            if not any(target != other and is_within(target, other) for other in targets)
        }

    def make(self) -> None:
        """What is missing; until `settled()` nothing is removed anywhere. What cannot be made is
        left to `mounts.py`."""
        missing = [target for target in self._targets if not os.path.lexists(target)]
        if not any(_may_change(_existing_part(target)) for target in missing):
            return
        try:
            self._lock = _locked(self._register)
        except OSError:
            return
        umask = os.umask(0o022)
        try:
            for target in missing:
                with contextlib.suppress(OSError):
                    self._make(target, os.path.isdir(self._targets[target]))
        finally:
            os.umask(umask)

    def settled(self) -> None:
        """The container has mounted, or never will."""
        if self._lock >= 0:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # a child may still share the descriptor
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        """Nothing of the container lives any more. May be repeated."""
        self.settled()
        registered = [path for target in self._targets for path in self._registered(target)]
        if not registered:
            return
        try:
            self._lock = _locked(self._register)
        except OSError:
            return
        try:
            _remove_unused(registered, self._register)
        finally:
            self.settled()

    def _make(self, target: str, directory: bool) -> None:
        existing = _existing_part(target)
        if not _may_change(existing):
            return
        path = existing
        for name in os.path.relpath(target, existing).split("/"):
            path = os.path.join(path, name)
            note = _note(self._register, path)
            if len(os.path.basename(note).encode()) > _LONGEST_NAME:
                return
            # Noted first: what is made and not noted would stay for ever.
            os.close(os.open(note, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            try:
                if directory or path != target:
                    os.mkdir(path, 0o755)
                else:
                    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
                    os.close(os.open(path, flags, 0o644))
            except OSError:
                os.unlink(note)
                raise

    def _registered(self, target: str) -> Iterable[str]:
        """The path and those on the way to it, as far as they were made."""
        path = target
        while os.path.exists(_note(self._register, path)):
            yield path
            path = os.path.dirname(path)


def sweep(register: str) -> None:
    """Remove what shims that were killed have left: all in the register that nobody uses. Waits for
    containers that are being started."""
    try:
        notes = os.listdir(register)
        lock = _locked(register) if notes else -1
    except OSError:
        return
    if lock < 0:
        return
    try:
        _remove_unused([_path(note) for note in os.listdir(register)], register)
    finally:
        os.close(lock)


def _remove_unused(paths: Iterable[str], register: str) -> None:
    """The register is locked."""
    used = mount_points_of_others()
    for path in sorted(paths, reverse=True):
        if not any(is_within(point, path) for point in used):
            _remove(path, register)


def _remove(path: str, register: str) -> None:
    with contextlib.suppress(OSError):
        what = os.lstat(path)
        if stat.S_ISDIR(what.st_mode):
            os.rmdir(path)
        elif what.st_size == 0:
            os.unlink(path)
    # Somebody has put something there: it is theirs from now on.
    with contextlib.suppress(OSError):
        os.unlink(_note(register, path))


def _note(register: str, path: str) -> str:
    return os.path.join(register, path.replace("%", "%25").replace("/", "%2f"))


def _path(note: str) -> str:
    return note.replace("%2f", "/").replace("%25", "%")


def mount_points_of_others() -> Sequence[str]:
    """Where anything is mounted in any namespace but ours, as far as we may look."""
    seen = {os.stat("/proc/self/ns/mnt").st_ino}
    points: set[str] = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            namespace = os.stat(f"/proc/{name}/ns/mnt").st_ino
            if namespace not in seen:
                points |= mount_points_of(name)
                seen.add(namespace)
    return sorted(points)


def _may_change(directory: str) -> bool:
    """Not `/` itself, nor what belongs to the system, also where a link leads there."""
    return directory != "/" and not any(is_within(directory, top) for top in _SYSTEM)


def _existing_part(path: str) -> str:
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _locked(register: str) -> int:
    os.makedirs(register, 0o700, exist_ok=True)
    fd = os.open(register, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError:
        os.close(fd)
        raise
    return fd
