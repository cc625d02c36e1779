"""Wait until log directories change: with inotify, else by looking again and again.

Role: `LogWatcher` is what the log follower's thread waits on; `open_watcher` picks the best one
that the system offers.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Protocol

POLL_SECONDS = 0.1
"""How often directories are read that cannot be watched."""


class LogWatcher(Protocol):
    """Belongs to one thread, except `wake`, which may be called from any."""

    def watch(self, directory: Path) -> bool:
        """False if it cannot be watched now: it does not exist, or the system's limit is met."""
        ...

    def unwatch(self, directory: Path) -> None: ...

    def wait(self, seconds: float | None) -> set[Path] | None:
        """The directories that changed since the last call; None means: look at all of them.
        Returns at the first change, when woken, or after `seconds`."""
        ...

    def wake(self) -> None:
        """Let the current or next `wait` return."""
        ...

    def close(self) -> None: ...


class PollingWatcher:
    """Where nothing tells of changes: says every POLL_SECONDS that all may have changed."""

    def __init__(self, poll_seconds: float = POLL_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._woken = threading.Event()

    def watch(self, directory: Path) -> bool:
        return True

    def unwatch(self, directory: Path) -> None:
        pass

    def wait(self, seconds: float | None) -> set[Path] | None:
        limit = self._poll_seconds if seconds is None else min(seconds, self._poll_seconds)
        self._woken.wait(limit)
        self._woken.clear()
        return None

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        pass


def open_watcher() -> LogWatcher:
    if sys.platform == "linux":
        from minikubelet.runtime.inotify import InotifyWatcher  # Linux only

        try:
            return InotifyWatcher()
        except OSError:
            pass  # the user's limit of inotify instances is met
    return PollingWatcher()
