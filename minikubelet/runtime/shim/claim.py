"""Whose an instance is: a shim holds a lock on its launch file as long as it lives.

Role: the lock proves that a shim lives, without a record, and that none does, also not one that has
yet to begin: who finds the file unlocked takes it out of the way, under the lock, before it
declares the instance lost.
"""

from __future__ import annotations

import fcntl
import os


def claim(launch_path: str) -> int | None:
    """Open and lock a launch file; the lock ends with the process, or when the descriptor is
    closed.

    None when there is no such file (any more), or when its shim lives.
    """
    try:
        fd = os.open(launch_path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), os.stat(launch_path)):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None
