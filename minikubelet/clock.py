"""Time, injected.

Role: the one place that asks the time or waits. Everything else takes a `Clock`, so that the same
code runs in real time, in a test's virtual time and in the simulator.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A scheduled callback that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic seconds for decisions, aware UTC time for people, and waiting."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes back, whatever happens to the wall clock."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` when `monotonic()` has reached `when`."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The real clock, on the running event loop."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_at(when, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Wakeup:
    """A level-triggered flag to wait for, with a deadline: `set()` carries no news and may be
    repeated."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def clear(self) -> None:
        self._event.clear()

    async def wait(self, until: float | None = None) -> None:
        """Return when set, or when `monotonic()` reaches `until`. Does not clear."""
        if until is None:
            await self._event.wait()
            return
        if self._event.is_set() or self._clock.monotonic() >= until:
            return
        timer = self._clock.call_at(until, self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
