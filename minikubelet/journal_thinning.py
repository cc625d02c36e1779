"""Which records are worth a place on disk.

Role: by far the most records are probe attempts that succeed and change nothing. Of those in a row
only the first, one every ten minutes and the newest before something else happens are kept, with
the number of those left out; every other record is kept as it is.
Invariants: pure; what is kept stays in order per container, except that a held success comes after
records of other containers that are younger; memory is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from datetime import datetime, timedelta

from minikubelet.journal import ContainerExited, KillRequested, ProbeAttempted, Record
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass

KEPT_EVERY = timedelta(minutes=10)
CAPACITY = 10_000
"""Containers whose successes are thinned at a time; others are kept in full until then."""


@dataclass(slots=True)
class _Successes:
    """Those in a row of one probe."""

    kept_at: datetime
    held: ProbeAttempted | None = None
    left_out: int = 0
    """Held ones that a newer one has replaced."""


@dataclass(frozen=True, slots=True)
class Kept:
    record: Record
    repeats: int = 0
    """So many attempts with the same result right before it were left out."""


@dataclass(slots=True)
class Thinning:
    _containers: OrderedDict[tuple[str, str], dict[ProbeKind, _Successes]] = field(
        default_factory=OrderedDict
    )

    def admit(self, record: Record) -> tuple[Kept, ...]:
        """What is to be kept now that `record` has happened, in order."""
        match record:
            case ProbeAttempted() if _changes_nothing(record):
                return self._success(record)
            case ProbeAttempted():
                return (*self._release(record, record.kind), Kept(record))
            case KillRequested() | ContainerExited():
                return (*self._release(record, None), Kept(record))
        return (Kept(record),)

    def flush(self) -> tuple[Kept, ...]:
        """What was held, when nothing more follows."""
        held = [kept for probes in self._containers.values() for kept in _held_of(probes)]
        self._containers.clear()
        return tuple(held)

    def _success(self, record: ProbeAttempted) -> tuple[Kept, ...]:
        probes = self._containers.setdefault((record.pod.uid, record.container), {})
        if len(self._containers) > CAPACITY:
            self._containers.popitem(last=False)
        known = probes.get(record.kind)
        if known is None:
            probes[record.kind] = _Successes(record.at)
            return (Kept(record),)
        if known.held is not None:
            known.left_out += 1
        known.held = record
        if record.at - known.kept_at < KEPT_EVERY:
            return ()
        probes[record.kind] = _Successes(record.at)
        return (Kept(record, known.left_out),)

    def _release(self, record: Record, kind: ProbeKind | None) -> tuple[Kept, ...]:
        """What is held of one probe, or of all probes of the record's container."""
        key = (record.pod.uid, record.container)
        if kind is None:
            return _held_of(self._containers.pop(key, {}))
        known = self._containers.get(key, {}).pop(kind, None)
        return () if known is None else _held_of({kind: known})


def _changes_nothing(record: ProbeAttempted) -> bool:
    return record.outcome == "success" and record.verdict == record.verdict_before


def _held_of(probes: dict[ProbeKind, _Successes]) -> tuple[Kept, ...]:
    return tuple(Kept(s.held, s.left_out) for s in probes.values() if s.held is not None)
