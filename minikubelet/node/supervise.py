"""Keep one broken pod from taking the node down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from minikubelet.clock import Clock
from minikubelet.log import get_logger

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 60.0


async def supervise(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run until it returns; after a crash, log it and run again, after a pause that doubles."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await run()
        except Exception:
            log.exception("worker crashed", worker=name, again_in_seconds=pause)
        await clock.sleep(pause)
        pause = min(2 * pause, LAST_PAUSE_SECONDS)
