"""The temporary directory of one `minikubelet run`.

Role: state, logs and sockets of a run live in one directory that is gone afterwards. Its owner
holds a lock on it; a directory whose lock is free was left by a run that lost its helpers too (a
power cut, `kill -9` of everything), and the next run removes it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minikubelet.runtime.empty_dir import memory_dir
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.trees import remove_tree

PREFIX = "minikubelet-run-"
LONGEST_BASE = 50
"""Bytes: the name of a socket below it may not have more than 103."""
_LOCK = "owner.lock"


@contextmanager
def run_directory(parent: Path | None = None) -> Iterator[Path]:
    """Make a run's directory, locked; remove it, and what dead runs left, whatever happens
    inside."""
    base = parent or temporary_directory()
    sweep(base)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    # A container may run as another user and has to pass through to its working directory.
    path.chmod(0o711)
    lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        layout_of(path).prepare()
        yield path
    finally:
        _remove(path)
        os.close(lock)


def temporary_directory() -> Path:
    """TMPDIR or /tmp; a TMPDIR so long that sockets in it cannot be named is passed over."""
    chosen = Path(tempfile.gettempdir())
    return chosen if len(os.fsencode(chosen)) <= LONGEST_BASE else Path("/tmp")


def layout_of(path: Path) -> Layout:
    """Where things lie in a run's directory."""
    return Layout(state_dir=path / "state", log_dir=path / "log", runtime_dir=path / "run")


def parts_of(path: Path) -> tuple[Path, ...]:
    """All that a run leaves to be removed: its directory, and its volumes in memory."""
    return (memory_dir(layout_of(path)), path)


def sweep(base: Path) -> None:
    """Remove the directories of runs whose owner is gone. Those of other users are left alone."""
    for path in base.glob(f"{PREFIX}*"):
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                continue
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            _remove(path)
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    register = layout_of(path).mount_points
    if register.exists():
        from minikubelet.runtime.shim import mount_points  # a run without mounts needs none of it

        mount_points.sweep(str(register))
    for part in parts_of(path):
        with suppress(OSError):
            remove_tree(part)
