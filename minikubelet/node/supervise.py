"""Keep one broken pod from taking the node down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from minikubelet.log import get_logger

log = get_logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 60.0


async def supervise(
    name: str, run: Callable[[], Awaitable[None]], pause: Callable[[float], Awaitable[bool]]
) -> None:
    """Run until it returns; after a crash, log it, and run again after a pause that doubles.

    `pause(seconds)` may take less, and gives up with False.
    """
    seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await run()
        except Exception:
            log.exception("worker crashed", worker=name, again_in_seconds=seconds)
        if not await pause(seconds):
            log.error("worker given up", worker=name)
            return None
        seconds = min(2 * seconds, LAST_PAUSE_SECONDS)
