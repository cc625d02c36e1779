"""Paths inside a volume, for `subPath` mounts (L-148).

Invariants: what is found or made lies inside the volume, whatever links its writers have put there,
also while it is being looked for; the answer has no link in it.
Upstream: pkg/volume/util/subpath.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


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
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
    directory = os.open(root, flags)
    try:
        for name in found.relative_to(root).parts:
            try:
                os.mkdir(name, dir_fd=directory)
                os.chmod(name, mode, dir_fd=directory)
            except FileExistsError:
                pass
            child = os.open(name, flags, dir_fd=directory)
            os.close(directory)
            directory = child
    finally:
        os.close(directory)
