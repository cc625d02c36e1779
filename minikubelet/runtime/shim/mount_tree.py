"""Parts of the mounted tree: a directory shown again in a tmpfs, a mount made read-only.

Role: what `mounts.py` builds a container's view from. Everything raises OSError.
Invariants: a covered directory's entries are listed before it is covered and reached through a
descriptor afterwards.
"""

from __future__ import annotations

import errno
import os
import stat

from minikubelet.runtime.shim import mount_calls as calls


class Entry:
    """An entry of a directory that is covered.

    `kind` is S_IFDIR, or S_IFREG for everything else; `link` is where it leads, if it is a symbolic
    link.
    """

    __slots__ = ("kind", "link", "name")

    def __init__(self, name: str, kind: int, link: str | None) -> None:
        self.name = name
        self.kind = kind
        self.link = link


def rebuild(directory: str) -> None:
    """Cover `directory` by a tmpfs that shows the same entries, and can take new ones."""
    before = os.stat(directory)
    entries = entries_of(directory)
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        calls.mount(
            "tmpfs", directory, "tmpfs", calls.MS_NODEV, f"mode={stat.S_IMODE(before.st_mode):o}"
        )
        try:
            os.chown(directory, before.st_uid, before.st_gid)
        except OSError as error:
            # In a user namespace only our own ids exist; the directory then is ours.
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
        for entry in entries:
            bind_entry(entry, f"/proc/self/fd/{fd}", directory)
    finally:
        os.close(fd)


def entries_of(directory: str) -> list[Entry]:
    entries = []
    with os.scandir(directory) as found:
        for entry in found:
            kind = stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else stat.S_IFREG
            try:
                link = os.readlink(entry.path) if entry.is_symlink() else None
            except FileNotFoundError:
                continue
            entries.append(Entry(entry.name, kind, link))
    return entries


def bind_entry(entry: Entry, host: str, directory: str) -> None:
    """Show an entry of the directory `host` in `directory`; a symbolic link is copied."""
    target = f"{directory}/{entry.name}"
    if entry.link is not None:
        os.symlink(entry.link, target)
        return
    if entry.kind == stat.S_IFDIR:
        os.mkdir(target)
    else:
        os.mknod(target, stat.S_IFREG | 0o600)
    try:
        calls.mount(f"{host}/{entry.name}", target, None, calls.MS_BIND | calls.MS_REC)
    except FileNotFoundError:
        # It was removed since the directory was listed.
        remove = os.rmdir if entry.kind == stat.S_IFDIR else os.unlink
        remove(target)


def make_read_only(path: str) -> None:
    try:
        calls.set_read_only(path)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        remount_read_only(path)


def remount_read_only(path: str) -> None:
    """Make the mount at `path` and each one below it read-only, one by one (before Linux 5.12)."""
    for mount_point in _mount_points_within(path):
        # The other flags are locked in a user namespace: leaving one out is refused.
        have = os.statvfs(mount_point).f_flag
        keep = have & calls.LOCKABLE | (calls.MS_RELATIME if have & calls.ST_RELATIME else 0)
        flags = calls.MS_BIND | calls.MS_REMOUNT | calls.MS_RDONLY | keep
        calls.mount(None, mount_point, None, flags)


def _mount_points_within(path: str) -> list[str]:
    return sorted(point for point in mount_points_of("self") if is_within(point, path))


def mount_points_of(process: str) -> set[str]:
    """As that process sees them."""
    with open(f"/proc/{process}/mountinfo", "rb") as table:
        return {_unescape(line.split(b" ")[4]) for line in table}


def _unescape(field: bytes) -> str:
    """mountinfo writes blank, tab, newline and backslash as three octal digits."""
    head, *rest = field.split(b"\\")
    return os.fsdecode(head + b"".join(bytes((int(part[:3], 8),)) + part[3:] for part in rest))


def is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
