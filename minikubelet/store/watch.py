"""A cursor into the history.

Role: how one watcher reads the changes of a storage in order, and waits for more.
Invariants: each change once, or `Expired`; a cancelled `next` has read nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from minikubelet.store.history import StorageLog
from minikubelet.store.objects import Change, Expired

_BATCH = 256


class Watch:
    def __init__(
        self, log: StorageLog, namespace: str | None, since: int, newest: Callable[[], int]
    ) -> None:
        self._log = log
        self._namespace = namespace
        self._read = since
        self._number = log.number_after(since)
        self._newest = newest
        self._closed = False

    @property
    def resource_version(self) -> int:
        """Up to this version nothing is left to read: what a bookmark may say (K-54)."""
        return self._newest() if self._number >= self._log.end else self._read

    async def next(self) -> Change:
        """The next change; waits for it. Expired when this reader fell out of the history."""
        while (change := self._take()) is None:
            await self._log.grown(self._namespace)
        return change

    async def batch(self, limit: int = _BATCH) -> list[Change]:
        """At least one change, and what else is there already."""
        return [await self.next(), *self.ready(limit - 1)]

    def ready(self, limit: int = _BATCH) -> list[Change]:
        """What is there already, without waiting."""
        changes: list[Change] = []
        while len(changes) < limit and (change := self._take()) is not None:
            changes.append(change)
        return changes

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self) -> Change | None:
        if self._closed:
            raise RuntimeError("this watch was closed")
        log = self._log
        if self._number < log.first:
            raise Expired(self._read, log.floor)
        while self._number < log.end:
            change = log.changes[self._number - log.first]
            self._number += 1
            self._read = change.resource_version
            if self._namespace is None or change.object.key.namespace == self._namespace:
                return change
        return None
