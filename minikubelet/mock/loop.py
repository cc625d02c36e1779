"""Sockets and timers of the mock server.

Role: wait for what comes next and call back, in one thread. asyncio would take longer to import
than this server takes to start, and the mock is a program of its own: that is why it has a loop and
reads the time itself.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import time
from collections.abc import Callable

Callback = Callable[[], None]

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Loop:
    """Runs until `stop()`."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._exit_code: int | None = None

    def elapsed(self) -> float:
        """Seconds since the program started."""
        return time.monotonic() - self._started

    def at(self, elapsed: float, callback: Callback) -> None:
        """Call back when `elapsed()` has reached that many seconds."""
        heapq.heappush(self._timers, (elapsed, next(self._order), callback))

    def after(self, seconds: float, callback: Callback) -> None:
        self.at(self.elapsed() + seconds, callback)

    def watch(self, sock: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the events that came true, until `forget()`; again for a socket changes
        its events."""
        try:
            self._selector.modify(sock, events, callback)
        except KeyError:
            self._selector.register(sock, events, callback)

    def forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)

    def stop(self, exit_code: int) -> None:
        self._exit_code = exit_code

    def run(self) -> int:
        """The exit code."""
        while self._exit_code is None:
            timeout = None
            if self._timers:
                timeout = max(0.0, self._timers[0][0] - self.elapsed())
            for key, events in self._selector.select(timeout):
                # One callback may close the socket of another that is ready in the same round.
                if key.fileobj in self._selector.get_map():
                    key.data(events)
            while self._timers and self._timers[0][0] <= self.elapsed():
                heapq.heappop(self._timers)[2]()
        return self._exit_code
