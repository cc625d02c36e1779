"""What the API server does without being asked: it cleans up after deletions.

Role: tells keepers of every change and runs them soon after, never inside a write of the store.
Invariants: level-triggered: a keeper looks at the state, not at the news; one that fails is run
again, and does not disturb the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from minikubelet.clock import Clock, Timer
from minikubelet.log import get_logger
from minikubelet.store.objects import Change
from minikubelet.store.store import ObjectStore

log = get_logger(__name__)

_RETRY_SECONDS = 1.0


class Keeper(Protocol):
    def observe(self, change: Change) -> bool:
        """Note a change; whether there is something to do now. Must not write."""
        ...

    def work(self) -> None:
        """Do what is due. Synchronous: the store is not left in between."""
        ...


class Chores:
    def __init__(self, store: ObjectStore, clock: Clock, keepers: Sequence[Keeper]) -> None:
        self._store = store
        self._clock = clock
        self._keepers = tuple(keepers)
        self._due: set[int] = set()
        self._handle: asyncio.Handle | None = None
        self._retry: Timer | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Everything once, at once: what an earlier server left undone."""
        if self._unsubscribe is None:
            self._unsubscribe = self._store.subscribe(self._observe)
            self._due = set(range(len(self._keepers)))
            self._run()

    def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for scheduled in (self._handle, self._retry):
            if scheduled is not None:
                scheduled.cancel()
        self._handle = self._retry = None

    def _observe(self, change: Change) -> None:
        for number, keeper in enumerate(self._keepers):
            if keeper.observe(change):
                self._due.add(number)
        if self._due and self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._handle = None
        due, self._due = sorted(self._due), set()
        for number in due:
            try:
                self._keepers[number].work()
            except Exception:
                log.exception("cannot clean up", keeper=type(self._keepers[number]).__name__)
                self._due.add(number)
                self._retry_later()

    def _retry_later(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self._clock.call_at(self._clock.monotonic() + _RETRY_SECONDS, self._run)
