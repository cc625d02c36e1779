"""Deadlines on the injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from minikubelet.clock import Clock


@asynccontextmanager
async def within(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError when the body takes longer."""
    async with asyncio.timeout(None) as waiting:

        def expire() -> None:
            if not waiting.expired():
                waiting.reschedule(asyncio.get_running_loop().time())

        timer = clock.call_at(clock.monotonic() + seconds, expire)
        try:
            yield
        finally:
            timer.cancel()
