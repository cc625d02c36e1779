"""Which files of a directory change, as the system tells it.

Role: the `Changes` of `files.py`, by watchfiles, whose thread waits for inotify (on macOS:
FSEvents). A single file is watched through its directory, so that it may be replaced.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

_STEP_MILLISECONDS = 10
_GATHER_MILLISECONDS = 50
"""How long writes to the same files are gathered, at most."""


async def file_changes(path: Path) -> AsyncIterator[Iterable[Path]]:
    """Raises FileNotFoundError, OSError; ends when the directory itself is gone."""
    from watchfiles import awatch  # not before the first container has started

    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of each change
    watched = _directory(path)
    single = watched != path
    async for changes in awatch(
        watched,
        watch_filter=None,
        debounce=_GATHER_MILLISECONDS,
        step=_STEP_MILLISECONDS,
        recursive=False,
    ):
        changed = {Path(name) for _, name in changes}
        yield changed & {path} if single else changed
        if not watched.exists():
            return


def _directory(path: Path) -> Path:
    return path if path.is_dir() else path.parent
