"""Paths inside a volume, for `subPath` mounts (L-148) and files with variables (L-128).

Invariants: what is found or made lies inside the volume, whatever links its writers have put there,
also while it is being looked for; the answer has no link in it.
Upstream: pkg/volume/util/subpath.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OutsideVolumeError(Exception):
    """A link leads out of the volume."""


def find_sub_path(volume: Path, sub_path: str) -> Path:
    """The real path of `sub_path` in the volume, which may be missing.

    Raises OutsideVolumeError, OSError.
    """
    root = volume.resolve()
    try:
        found = (root / sub_path).resolve()
    except RuntimeError as error:  # a loop of links, before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), sub_path) from error
    if found.is_symlink():  # the same from Python 3.13 on
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), sub_path)
    if not found.is_relative_to(root):
        raise OutsideVolumeError(f"{sub_path} leads out of the volume")
    return found


def make_sub_path(volume: Path, found: Path) -> None:
    """Make the directory `found`, an answer of `find_sub_path`, with the mode of the volume.

    Raises OSError.
    """
    root = volume.resolve()
    mode = stat.S_IMODE(root.stat().st_mode)
    directory = os.open(root, _DIRECTORY)
    try:
        for name in found.relative_to(root).parts:
            try:
                os.mkdir(name, dir_fd=directory)
                os.chmod(name, mode, dir_fd=directory)
            except FileExistsError:
                pass
            child = os.open(name, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = child
    finally:
        os.close(directory)


def read_sub_path(volume: Path, sub_path: str, limit: int) -> bytes:
    """What is in the file: a regular one of at most `limit` bytes, since whoever writes there may
    make anything of it.

    Raises OutsideVolumeError, OSError.
    """
    root = volume.resolve()
    *parents, name = find_sub_path(volume, sub_path).relative_to(root).parts or (".",)
    directory = os.open(root, _DIRECTORY)
    try:
        for parent in parents:
            child = os.open(parent, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = child
        fd = os.open(name, _FILE, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", sub_path)
        with open(fd, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(fd)
    if len(data) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), sub_path)
    return data
