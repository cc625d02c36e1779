"""Directory trees of others: remove and measure them whatever is in them.

Invariants: links are never followed; depth does not matter (a path may be longer than the system
allows, and no stack or set of open files grows with it).
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_NAME_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it, also what its owner has made unreadable; fine if missing.

    Nobody may be writing in it. Raises OSError.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    except PermissionError:
        path.chmod(stat.S_IRWXU)
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(top, stat.S_IRWXU)
        fresh = (f".removing-{number}" for number in itertools.count())
        while names := os.listdir(top):
            for name in names:
                _remove(name, top, fresh)
    finally:
        os.close(top)
    path.rmdir()


def tree_usage(path: Path) -> int:
    """Bytes on disk of a directory and all in it, as `du` counts them: a linked file once."""
    seen: set[tuple[int, int]] = set()
    used = 0
    pending = [os.fspath(path)]
    while pending:
        at = pending.pop()
        try:
            info = os.lstat(at)
            if (info.st_dev, info.st_ino) in seen:
                continue
            seen.add((info.st_dev, info.st_ino))
            used += info.st_blocks * 512
            if stat.S_ISDIR(info.st_mode):
                pending += (os.path.join(at, name) for name in os.listdir(at))
        except OSError:
            # It has gone meanwhile, or its owner hides it from us.
            continue
    return used


def _remove(name: str, top: int, fresh: Iterator[str]) -> None:
    """Remove one entry of the directory `top`; the directories in it become entries of `top`."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
        os.unlink(name, dir_fd=top)
        return
    _unlock(name, top)
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        for child in os.listdir(directory):
            if stat.S_ISDIR(os.lstat(child, dir_fd=directory).st_mode):
                _move_up(child, directory, top, fresh)
            else:
                os.unlink(child, dir_fd=directory)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=top)


def _move_up(child: str, directory: int, top: int, fresh: Iterator[str]) -> None:
    # A directory that changes its parent is written to.
    _unlock(child, directory)
    for name in fresh:
        try:
            os.rename(child, name, src_dir_fd=directory, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in _NAME_TAKEN:
                raise
        else:
            return


def _unlock(name: str, directory: int) -> None:
    mode = os.lstat(name, dir_fd=directory).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(name, stat.S_IRWXU, dir_fd=directory)
