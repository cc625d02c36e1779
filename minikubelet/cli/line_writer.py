"""Write whole lines to one descriptor from several threads.

Role: lines never interleave; nobody who must not wait waits for a slow reader; and a reader that
has left is a fact to act on, not an exception in whatever happened to write next.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from minikubelet.cli.output import AfterLogs

MAX_WAITING = 20_000
"""Lines posted while nobody reads; more are counted and left out."""


class LineWriter:
    """`on_broken` is called once, in the thread that noticed, when nobody can read any more."""

    def __init__(
        self,
        fd: int,
        left_out: Callable[[int], bytes],
        on_broken: Callable[[OSError], None] = lambda error: None,
    ) -> None:
        """`left_out` is the line that tells how many lines were left out."""
        self._fd = fd
        self._left_out = left_out
        self._on_broken = on_broken
        self._after_logs: AfterLogs | None = None
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._dropped = 0
        self._closed = False

    def speak_through(self, after_logs: AfterLogs) -> None:
        self._after_logs = after_logs

    def post(self, lines: bytes) -> None:
        """Write in the thread of `after_logs`, after the log lines; without it, here."""
        if self._after_logs is None:
            self.write(lines)
            return
        with self._counting:
            if self._waiting >= MAX_WAITING:
                self._dropped += 1
                return
            self._waiting += 1
        self._after_logs(lambda: self._deliver(lines))

    def _deliver(self, lines: bytes) -> None:
        with self._counting:
            self._waiting -= 1
            dropped, self._dropped = self._dropped, 0
        self.write(self._left_out(dropped) + lines if dropped else lines)

    def write(self, lines: bytes) -> None:
        """Write now, in this thread, however long the reader takes."""
        with self._writing:
            if self._closed:
                return
            try:
                _write_all(self._fd, lines)
            except OSError as error:  # EPIPE, EIO of a terminal that is gone, ENOSPC of a file
                self._closed = True
                broken = error
            else:
                return
        self._on_broken(broken)

    def close(self) -> None:
        with self._writing:
            self._closed = True


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            # Somebody who shares the terminal made it non-blocking.
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
