"""Wait for a fact about a pod.

Role: whoever changes something rings; whoever waits looks again whether its fact holds. Carries no
news, so that a doubled or early ring does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from minikubelet.clock import Clock, Wakeup


class Bell:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[Wakeup, None] = {}
        # A dict keeps the order: the same course of things is to be the same each time.

    def ring(self) -> None:
        for wakeup in self._waiting:
            wakeup.set()

    async def wait_for(
        self, fact: Callable[[], bool], deadline: Callable[[], float | None] = lambda: None
    ) -> bool:
        """Return True when `fact()` holds, False when `deadline()` (monotonic; asked anew at each
        ring) has passed."""
        wakeup = Wakeup(self._clock)
        self._waiting[wakeup] = None
        try:
            while not fact():
                until = deadline()
                if until is not None and self._clock.monotonic() >= until:
                    return False
                wakeup.clear()
                await wakeup.wait(until)
            return True
        finally:
            del self._waiting[wakeup]
