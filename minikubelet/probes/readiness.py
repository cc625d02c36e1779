"""Wait for sockets and deadlines, for less than the event loop asks.

Role: all sockets of the probes share one epoll object, which the event loop watches, and one timer
at a time. A probe then costs one system call to be watched and one to be forgotten, without the
bookkeeping of `loop.add_reader` and `loop.call_at`.
Invariants: one callback of each sort per file descriptor; `forget` comes before the descriptor is
closed.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Callable
from weakref import WeakKeyDictionary

Callback = Callable[[], None]


class _Selector:
    """The event loop's own way to watch, where there is no epoll."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def watch(self, fd: int, callback: Callback, *, writing: bool) -> None:
        self.forget(fd)
        if writing:
            self._loop.add_writer(fd, callback)
        else:
            self._loop.add_reader(fd, callback)

    def forget(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)


class _Epoll:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def watch(self, fd: int, callback: Callback, *, writing: bool) -> None:
        events = select.EPOLLOUT if writing else select.EPOLLIN
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def _on_ready(self) -> None:
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks.get(fd)
            if callback is not None:  # else another callback of this round has ended it
                callback()


class Readiness:
    """What the probes of one event loop wait for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watches = _Epoll(loop) if hasattr(select, "epoll") else _Selector(loop)
        self._deadlines: dict[int, tuple[float, Callback]] = {}
        self._next_sweep = math.inf

    def watch(self, fd: int, callback: Callback, *, writing: bool) -> None:
        """Call `callback` while `fd` can be read, or written if `writing`; replaces itself."""
        self._watches.watch(fd, callback, writing=writing)

    def expire_at(self, fd: int, when: float, callback: Callback) -> None:
        """Call `callback` once at `when` (monotonic) unless `fd` is forgotten; replaces itself."""
        self._deadlines[fd] = (when, callback)
        if when < self._next_sweep:
            self._sweep_at(when)

    def forget(self, fd: int) -> None:
        """No callbacks for `fd` any more; it may never have been watched."""
        self._watches.forget(fd)
        self._deadlines.pop(fd, None)

    def _sweep_at(self, when: float) -> None:
        # The handle is not kept: it would keep the loop alive, and a sweep too many does no harm.
        self._next_sweep = when
        asyncio.get_running_loop().call_at(when, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next_sweep = math.inf
        expired = sorted((when, fd) for fd, (when, _) in self._deadlines.items() if when <= now)
        for _, callback in [self._deadlines.pop(fd) for _, fd in expired]:
            callback()
        earliest = min((when for when, _ in self._deadlines.values()), default=math.inf)
        if earliest < self._next_sweep:
            self._sweep_at(earliest)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Readiness] = WeakKeyDictionary()


def readiness() -> Readiness:
    """That of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Readiness(loop)
    return found
