"""One daemon per state directory.

Role: hold a lock for as long as the process lives; say who holds it when it cannot be had.
Invariants: the kernel gives the lock back however the process ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_FILE = "daemon.lock"


class LockedError(Exception):
    """Another daemon uses the state directory."""


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Raises LockedError, OSError."""
    fd = os.open(state_dir / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip()
            who = f" (process {holder})" if holder else ""
            raise LockedError(
                f"another minikubelet daemon{who} uses {state_dir}: "
                "stop it, or give this one another --state-dir"
            ) from None
        with suppress(OSError):  # a full disk: the lock holds without a name in it
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
