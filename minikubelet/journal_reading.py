"""How the past is read: the journal on disk, or what a foreground run still knows of it.

Role: the Protocol of readers, and the one in memory; that on disk is `journal_file.py`.
Invariants: entries are numbered from 1, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from minikubelet.journal import PodRef, Record
from minikubelet.journal_thinning import Kept, Thinning
from minikubelet.value_class import dataclass

RECORDS_OF_ONE_POD = 5_000
"""So many, the newest, are read of one pod where nobody asks for more: a tenth of a second."""


CAPACITY = 20_000
"""Of all pods, in memory."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    position: int
    record: Record
    repeats: int = 0
    """So many attempts with the same result right before it were left out."""


class JournalReader(Protocol):
    """What explanations and the API read; from any thread."""

    @property
    def position(self) -> int:
        """The number of the newest record."""
        ...

    def records(self, since: int = 0) -> Iterator[JournalEntry]:
        """Those behind position `since`."""
        ...

    def records_of(self, pod_uid: str, limit: int = RECORDS_OF_ONE_POD) -> tuple[JournalEntry, ...]:
        """The newest of one pod, in order."""
        ...

    def find(self, namespace: str, name: str) -> PodRef | None:
        """The newest pod of that name."""
        ...


class JournalMemory:
    """Subscribe `on_record` to the journal; the newest `capacity` entries are known."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=capacity)
        self._thinning = Thinning()
        self._position = 0

    @property
    def position(self) -> int:
        return self._position

    def on_record(self, record: Record) -> None:
        for kept in self._thinning.admit(record):
            self._add(kept)

    def records(self, since: int = 0) -> Iterator[JournalEntry]:
        return (entry for entry in tuple(self._entries) if entry.position > since)

    def records_of(self, pod_uid: str, limit: int = RECORDS_OF_ONE_POD) -> tuple[JournalEntry, ...]:
        found = [entry for entry in self.records() if entry.record.pod.uid == pod_uid]
        return tuple(found[-limit:])

    def find(self, namespace: str, name: str) -> PodRef | None:
        for entry in reversed(tuple(self._entries)):
            pod = entry.record.pod
            if (pod.namespace, pod.name) == (namespace, name):
                return pod
        return None

    def _add(self, kept: Kept) -> None:
        self._position += 1
        self._entries.append(JournalEntry(self._position, kept.record, kept.repeats))
