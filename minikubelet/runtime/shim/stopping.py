"""Stop a container: the signal, the grace period, SIGKILL (L-196, L-199).

Role: remember what was asked and sent; the earliest deadline wins. What signals hit is the
caller's.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from minikubelet.runtime.shim.loop import Loop, Timer
from minikubelet.runtime.shim.protocol import Message


class Stopping:
    """`send(number)` signals the main process's group; `kill()` everything; `describe()` says who
    lives."""

    def __init__(
        self,
        loop: Loop,
        send: Callable[[int], None],
        kill: Callable[[], None],
        describe: Callable[[], str],
        report: Callable[[Message], None],
    ) -> None:
        self.term_at: int | None = None
        self.kill_at: int | None = None
        """Unix nanoseconds."""
        self._loop = loop
        self._send = send
        self._kill = kill
        self._describe = describe
        self._report = report
        self._began = 0.0
        self._deadline: float | None = None
        self._timer: Timer | None = None

    def request(self, grace_seconds: float, number: int) -> None:
        """May be repeated: the signal is sent once, a shorter grace moves the deadline, a longer
        one does not."""
        name = signal.Signals(number).name
        now = time.monotonic()
        if self._deadline is None:
            self._began = now
            self.term_at = time.time_ns()
            self._step("TERM", now, grace_seconds, name)
            self._send(number)
        deadline = now + max(0.0, grace_seconds)
        if self.kill_at is not None or (self._deadline is not None and deadline >= self._deadline):
            return
        self._deadline = deadline
        if self._timer:
            self._timer.cancel()
        if grace_seconds > 0:
            self._timer = self._loop.call_at(deadline, self._on_deadline)
        else:
            self._on_deadline()

    def cancel(self) -> None:
        """The main process is gone."""
        if self._timer:
            self._timer.cancel()

    def _on_deadline(self) -> None:
        now = time.monotonic()
        self.kill_at = time.time_ns()
        self._step("KILL", now, now - self._began, self._describe())
        self._kill()

    def _step(self, step: str, at: float, seconds: float, detail: str) -> None:
        self._report({"type": "step", "step": step, "at": at, "seconds": seconds, "detail": detail})
