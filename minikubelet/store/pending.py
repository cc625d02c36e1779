"""What the disk does not have yet.

Role: gather writes until they go to the disk together. Pure.
Invariants: bounded by the history and the objects, however long the disk takes nothing: a row that
nobody needs any more is not written late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikubelet.store.objects import Change, ChangeType, Key
from minikubelet.store.persisted import Numbers, Version, version_of
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction."""

    numbers: Numbers
    rows: Mapping[int, Version]
    dropped: frozenset[int]
    """Rows that are needed no more."""
    current: Mapping[int, Key]
    """Versions that are now the newest of their objects."""
    replaced: frozenset[int]
    """Versions that no longer are."""
    meta: Mapping[str, str]


class Pending:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._rows: dict[int, Version] = {}
        self._dropped: set[int] = set()
        self._current: dict[int, Key] = {}
        self._replaced: set[int] = set()
        self._meta: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._current or self._replaced or self._meta or self._rows or self._dropped)

    def add(self, change: Change) -> None:
        self._rows[change.resource_version] = version_of(change)
        if change.before is not None:
            self._replace(change.before.resource_version)
        if change.type is not ChangeType.DELETED:
            self._current[change.resource_version] = change.object.key

    def forget(self, changes: Iterable[Change]) -> None:
        """They left the history, and with them the states that only they referred to."""
        for change in changes:
            if change.before is not None:
                self._drop(change.before.resource_version)
            if change.type is ChangeType.DELETED:
                self._drop(change.resource_version)

    def set_meta(self, name: str, value: str) -> None:
        self._meta[name] = value

    def take(self, numbers: Numbers) -> Batch:
        batch = Batch(
            numbers,
            self._rows,
            frozenset(self._dropped),
            self._current,
            frozenset(self._replaced),
            self._meta,
        )
        self.clear()
        return batch

    def put_back(self, batch: Batch) -> None:
        """The batch could not be written: it goes with the next."""
        newer = self.take(batch.numbers)
        self._rows = {**batch.rows, **newer.rows}
        self._current = {**batch.current, **newer.current}
        self._replaced = set(batch.replaced)
        self._dropped = set(batch.dropped)
        self._meta = {**batch.meta, **newer.meta}
        for number in newer.replaced:
            self._replace(number)
        for number in newer.dropped:
            self._drop(number)

    def _replace(self, number: int) -> None:
        if self._current.pop(number, None) is None:
            self._replaced.add(number)

    def _drop(self, number: int) -> None:
        if self._rows.pop(number, None) is None:
            self._dropped.add(number)
