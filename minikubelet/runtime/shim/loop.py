"""A shim's event loop: callbacks for readable descriptors and for times, one thread.

Small on purpose: asyncio would cost each shim megabytes. Times are seconds of the monotonic clock.
"""

from __future__ import annotations

import heapq
import itertools
import math
import select
import time
from collections.abc import Callable

READABLE = select.POLLIN
WRITABLE = select.POLLOUT
_LONGEST_WAIT_MILLISECONDS = 2**31 - 1
"""What poll takes: 24 days. A grace period may be longer."""


class Timer:
    """A callback that is due once; `cancel()` calls it off."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    def __init__(self) -> None:
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False

    def watch(self, fd: int, callback: Callable[[], object], events: int = READABLE) -> None:
        """Call back while `fd` is ready (or broken). Again for the same descriptor: replaces
        callback and events."""
        self._poll.register(fd, events)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Before the descriptor is closed. Unknown ones are no error."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return self.call_at(time.monotonic() + seconds, callback)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        """Until `stop()`."""
        self._running = True
        while self._running:
            for fd, _ in self._poll.poll(self._milliseconds_to_next_timer()):
                # A callback before this one may have forgotten it.
                if callback := self._callbacks.get(fd):
                    callback()
            self._call_due_timers()

    def _milliseconds_to_next_timer(self) -> int | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        milliseconds = math.ceil((self._timers[0][0] - time.monotonic()) * 1000)
        return min(max(0, milliseconds), _LONGEST_WAIT_MILLISECONDS)

    def _call_due_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if callback := timer.callback:
                timer.callback = None
                callback()
