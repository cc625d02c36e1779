"""What the journal of an earlier daemon has told already.

Role: a fact is told to the journal first, and stands in the worker's record a moment later; a
daemon that is killed in that moment leaves a record that does not know what was told. The journal
does: who goes on asks it before telling such a fact.
Invariants: read once per pod, and only for pods that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minikubelet.journal import (
    BackOffStarted,
    ConditionChanged,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    DeadlineExceeded,
    HookRan,
    KillRequested,
    PhaseChanged,
    PodAccepted,
    PodEvicted,
    Record,
    StopStep,
)

_Fact = tuple[str, ...]


class ToldBefore:
    """`records_of` gives the records of one pod, by its UID, oldest first."""

    def __init__(self, records_of: Callable[[str], Iterable[Record]]) -> None:
        self._records_of = records_of
        self._facts: dict[str, dict[_Fact, str]] = {}

    def __call__(self, record: Record) -> bool:
        """Whether this fact was told; what was not counts as told from now on."""
        described = _fact(record)
        if described is None:
            return False
        facts = self._facts.get(record.pod.uid)
        if facts is None:
            facts = self._facts[record.pod.uid] = self._read(record.pod.uid)
        fact, value = described
        told = facts.get(fact) == value
        facts[fact] = value
        return told

    def forget(self, pod_uid: str) -> None:
        self._facts.pop(pod_uid, None)

    def _read(self, pod_uid: str) -> dict[_Fact, str]:
        described = (_fact(record) for record in self._records_of(pod_uid))
        return dict(fact for fact in described if fact is not None)


def _fact(record: Record) -> tuple[_Fact, str] | None:
    """What a record is about, and what it says of that: equal to the newest before, it would be
    told twice. None: it cannot be told twice, or it does no harm."""
    kind = type(record).__name__
    match record:
        case ContainerCreated() | ContainerStarted() | ContainerExited() | KillRequested():
            return (kind, record.container_id), ""
        case HookRan():
            return (kind, record.container_id, record.hook), ""
        case StopStep():
            return (kind, record.container_id, record.step), ""
        case ContainerStartFailed(container_id=str(container_id)) if container_id:
            return (kind, container_id, record.reason), ""
        case BackOffStarted():
            return (kind, record.container, str(record.restart_count)), ""
        case PhaseChanged():
            return (kind,), record.new
        case ConditionChanged():
            return (kind, record.type), record.status
        case PodAccepted() | DeadlineExceeded() | PodEvicted():
            return (kind,), ""
        case _:
            return None
