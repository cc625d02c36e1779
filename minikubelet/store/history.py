"""The last changes, bounded.

Role: what all watches read (`watch.py`). There is one copy, so that a slow watcher costs no memory.
Invariants: changes are in the order of their resource versions; a change wakes the watchers of its
storage and namespace only; one storage's churn never makes a watcher of another miss a change
unnoticed, for each knows what was dropped of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from minikubelet.store.objects import Change
from minikubelet.value_class import dataclass

_WARM_CHANGES = 256
"""So many of the newest changes keep their decoded documents and encoded lines."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How far watches reach back: whichever bound is hit first. Memory is about twice the bytes;
    5,000 changes of a Pod of five containers fit."""

    max_changes: int = 10_000
    max_bytes: int = 24 << 20


class StorageLog:
    """The changes of one storage. Each has a number that counts up and outlives the window."""

    def __init__(self, floor: int) -> None:
        self.changes: deque[Change] = deque()
        self.first = 0
        """The number of the oldest change here."""
        self.floor = floor
        """A watch from a version below may have missed a change."""
        self._waiting: dict[asyncio.Future[None], str | None] = {}

    @property
    def end(self) -> int:
        return self.first + len(self.changes)

    def append(self, change: Change) -> None:
        self.changes.append(change)
        if self._waiting:
            self._wake(change.object.key.namespace)

    def drop_oldest(self) -> None:
        self.floor = self.changes.popleft().resource_version
        self.first += 1

    def number_after(self, version: int) -> int:
        """Of the first change that is newer than `version`."""
        number = self.end
        for change in reversed(self.changes):
            if change.resource_version <= version:
                break
            number -= 1
        return number

    async def grown(self, namespace: str | None) -> None:
        """Return when a change of the namespace was added."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = namespace
        try:
            await future
        finally:
            self._waiting.pop(future, None)

    def _wake(self, namespace: str) -> None:
        for future, wanted in list(self._waiting.items()):
            if wanted is None or wanted == namespace:
                del self._waiting[future]
                if not future.done():
                    future.set_result(None)


class History:
    def __init__(self, limits: HistoryLimits, floor: int = 0) -> None:
        self._limits = limits
        self._floor = floor
        self._order: deque[Change] = deque()
        self._logs: dict[tuple[str, str], StorageLog] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def changes(self) -> Iterable[Change]:
        return self._order

    def log(self, storage: tuple[str, str]) -> StorageLog:
        log = self._logs.get(storage)
        if log is None:
            log = self._logs[storage] = StorageLog(self._floor)
        return log

    def append(self, change: Change) -> list[Change]:
        """Returns the changes that fell out of the window."""
        self.log(change.object.key.storage).append(change)
        self._order.append(change)
        self._bytes += len(change.object.encoded)
        if len(self._order) > _WARM_CHANGES:
            self._order[-_WARM_CHANGES - 1].cool()
        dropped: list[Change] = []
        while len(self._order) > 1 and (
            len(self._order) > self._limits.max_changes or self._bytes > self._limits.max_bytes
        ):
            dropped.append(self._drop_oldest())
        return dropped

    def _drop_oldest(self) -> Change:
        oldest = self._order.popleft()
        self._bytes -= len(oldest.object.encoded)
        self._logs[oldest.object.key.storage].drop_oldest()
        return oldest
