"""Virtual time: an event loop that jumps to the next timer instead of waiting for it.

Role: a `Clock` whose time passes only while nothing else is to be done, and the loop that moves it.
Invariants: nothing waits and no real time is asked for, so that the same program takes the same
steps each time; timers fire in the order of their times, equal ones in that of their making.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_Result = TypeVar("_Result")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When simulations begin: always the same moment, so that their output is the same too."""


class StalledError(RuntimeError):
    """Everybody waits, and for nothing that time could bring: a bug of the program that runs."""


class VirtualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A `Clock` that begins at 0.0 seconds and at `EPOCH`."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, VirtualTimer]] = []

    def monotonic(self) -> float:
        return self._seconds

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._seconds)

    def call_at(self, when: float, callback: Callable[[], object]) -> VirtualTimer:
        timer = VirtualTimer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        done = asyncio.Event()
        timer = self.call_at(self._seconds + seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    def jump(self, limit: float = math.inf) -> None:
        """Go to the next timer, but not beyond `limit`, and fire all timers of that moment.

        Raises StalledError when there is neither a timer nor a limit.
        """
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        moment = min(timers[0][0] if timers else math.inf, limit)
        if moment == math.inf:
            raise StalledError("nothing is left that could happen")
        self._seconds = max(self._seconds, moment)
        while timers and timers[0][0] <= moment:
            callback = heapq.heappop(timers)[2].callback
            if callback is not None:
                callback()


class _Jump(selectors.SelectSelector):
    """What the loop calls when it has nothing to do: instead of waiting, it moves the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            self._clock.jump()
        elif timeout > 0:
            self._clock.jump(self._clock.monotonic() + timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Watches no sockets: what runs on it talks to nobody outside."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Jump(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()


def run_virtual(clock: VirtualClock, main: Coroutine[Any, Any, _Result]) -> _Result:
    """`asyncio.run` in the time of `clock`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
