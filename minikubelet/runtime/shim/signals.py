"""Signals as events of a loop.

Role: a signal writes its number to a pipe that the loop watches.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping

from minikubelet.runtime.shim.loop import Loop


def catch(numbers: Iterable[int]) -> None:
    """Let these signals wake up the loop of this process and of those forked from it, no more."""
    for number in numbers:
        signal.signal(number, lambda number, frame: None)


class Signals:
    """Calls back, from the loop, after signals have been caught in the process that is active."""

    def __init__(self, loop: Loop, callbacks: Mapping[int, Callable[[], None]]) -> None:
        self._loop = loop
        self._callbacks = callbacks
        self._readable = self._signaled = -1

    def open(self) -> None:
        """Raises OSError."""
        self._readable, self._signaled = os.pipe()
        os.set_blocking(self._readable, False)
        os.set_blocking(self._signaled, False)
        self._loop.watch(self._readable, self._on_signal)

    def activate(self) -> None:
        """From now on signals of this process count."""
        signal.set_wakeup_fd(self._signaled, warn_on_full_buffer=False)

    def deactivate(self) -> None:
        """In a process that was forked: leave the pipe to the other, before its number is somebody
        else's."""
        signal.set_wakeup_fd(-1)
        for fd in (self._readable, self._signaled):
            os.close(fd)

    def _on_signal(self) -> None:
        try:
            numbers = os.read(self._readable, 4096)
        except BlockingIOError:
            return
        for number, callback in self._callbacks.items():
            if number in numbers:
                callback()
