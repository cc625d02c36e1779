"""What happened to one pod, sorted: its containers, their instances, what stopped each.

Role: takes the records of one pod, in order, apart into the evidence that explanations quote.
Invariants: pure; of probe attempts only the rows of failures that no success has ended are kept,
and of those the newest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from minikubelet.journal import (
    BackOffStarted,
    ConditionChanged,
    ContainerAdopted,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    DeadlineExceeded,
    HookRan,
    KillFailed,
    KillRequested,
    LogLost,
    PhaseChanged,
    PodAccepted,
    PodAdopted,
    PodEvicted,
    PodUpdated,
    PortClash,
    ProbeAttempted,
    Record,
    StopStep,
    VolumeFailed,
)
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass

FAILURES_KEPT = 20
"""Of one row of failed attempts."""
STEPS_KEPT = 100
"""Facts of one instance, the newest."""


@dataclass(slots=True)
class ProbeRow:
    """How one probe of one instance went last."""

    failures: deque[ProbeAttempted] = field(default_factory=lambda: deque(maxlen=FAILURES_KEPT))
    """Since the last success."""
    last_success: ProbeAttempted | None = None
    last: ProbeAttempted | None = None

    def add(self, record: ProbeAttempted) -> None:
        self.last = record
        if record.outcome in ("success", "warning") and not record.error:
            self.last_success = record
            self.failures.clear()
        else:
            self.failures.append(record)


@dataclass(slots=True)
class Life:
    """One instance of a container, from its creation to what followed its end."""

    container: str
    container_id: str
    restart_count: int
    created_at: datetime
    init: bool = False
    after_boot: bool = False
    """It is the first since the host was started anew."""
    started: ContainerStarted | ContainerAdopted | None = None
    """The first that is known of it: its start, unless that is beyond the journal's memory."""
    probes: dict[ProbeKind, ProbeRow] = field(default_factory=dict)
    kill: KillRequested | None = None
    exit: ContainerExited | None = None
    back_off: BackOffStarted | None = None
    """That of the start after it."""
    steps: deque[Record] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))
    """Everything else that is a link of a chain, in order."""

    @property
    def running(self) -> bool:
        return self.started is not None and self.exit is None

    @property
    def over(self) -> bool:
        """It has ended, or could not be started."""
        failed = any(isinstance(record, ContainerStartFailed) for record in self.steps)
        return self.exit is not None or (self.started is None and failed)

    def steps_of(self, step: str) -> list[StopStep]:
        return [r for r in self.steps if isinstance(r, StopStep) and r.step == step]

    def failed_hook(self, hook: str) -> HookRan | None:
        for record in self.steps:
            if isinstance(record, HookRan) and record.hook == hook and not record.ok:
                return record
        return None


@dataclass(slots=True)
class ContainerHistory:
    name: str
    init: bool
    ephemeral: bool = False
    lives: list[Life] = field(default_factory=list)
    """Oldest first."""
    start_failure: ContainerStartFailed | None = None
    """The last one, as long as no start has succeeded since."""
    port_clash: PortClash | None = None

    @property
    def last(self) -> Life | None:
        return self.lives[-1] if self.lives else None


@dataclass(slots=True)
class PodHistory:
    containers: dict[str, ContainerHistory] = field(default_factory=dict)
    phase: PhaseChanged | None = None
    conditions: dict[str, ConditionChanged] = field(default_factory=dict)
    first_at: datetime | None = None
    accepted_at: datetime | None = None
    deadline: DeadlineExceeded | None = None
    evicted: PodEvicted | None = None
    kill_failed: KillFailed | None = None
    volume_failure: VolumeFailed | None = None
    """The last one, as long as nothing was started since."""
    updates: list[PodUpdated] = field(default_factory=list)
    adoptions: list[PodAdopted] = field(default_factory=list)

    def exits(self) -> list[ContainerExited]:
        found = [life.exit for c in self.containers.values() for life in c.lives if life.exit]
        return sorted(found, key=lambda record: record.at)


def history_of(records: Iterable[Record]) -> PodHistory:
    history = PodHistory()
    for record in records:
        history.first_at = history.first_at or record.at
        if record.container:
            _of_container(history, record)
        else:
            _of_pod(history, record)
    return history


def _of_pod(history: PodHistory, record: Record) -> None:
    match record:
        case PodAccepted():
            history.accepted_at = record.at
        case PhaseChanged():
            history.phase = record
        case ConditionChanged():
            history.conditions[record.type] = record
        case DeadlineExceeded():
            history.deadline = record
        case PodEvicted():
            history.evicted = record
        case VolumeFailed():
            history.volume_failure = record
        case PodUpdated():
            history.updates.append(record)
        case PodAdopted():
            history.adoptions.append(record)
        case KillFailed():
            history.kill_failed = record


def _of_container(history: PodHistory, record: Record) -> None:
    init, ephemeral = (
        record.field_path.startswith(f"spec.{part}")
        for part in ("initContainers", "ephemeralContainers")
    )
    container = history.containers.setdefault(
        record.container, ContainerHistory(record.container, init, ephemeral)
    )
    match record:
        case ContainerCreated():
            life = Life(
                container.name,
                record.container_id,
                record.restart_count,
                record.at,
                init=init,
                after_boot=_is_first_after_boot(history, container),
            )
            container.lives.append(life)
            history.volume_failure = None
        case ContainerStarted() | ContainerAdopted():
            life = _life(container, record)
            life.started = life.started or record
            life.steps.append(record)
            container.start_failure = None
        case ContainerStartFailed():
            container.start_failure = record
            if container.last is not None and record.reason != "CrashLoopBackOff":
                container.last.steps.append(record)
        case ProbeAttempted():
            life = _life(container, record)
            life.probes.setdefault(record.kind, ProbeRow()).add(record)
        case KillRequested():
            life = _life(container, record)
            life.kill = record
            life.steps.append(record)
        case ContainerExited():
            life = _life(container, record)
            life.exit = record
            life.steps.append(record)
        case BackOffStarted():
            if container.last is not None:
                container.last.back_off = record
                container.last.steps.append(record)
        case PortClash():
            container.port_clash = record
        case StopStep() | HookRan() | KillFailed() | LogLost():
            _life(container, record).steps.append(record)


def _is_first_after_boot(history: PodHistory, container: ContainerHistory) -> bool:
    boots = [adoption.at for adoption in history.adoptions if not adoption.same_boot]
    return bool(boots) and container.last is not None and container.last.created_at < boots[-1]


def _life(
    container: ContainerHistory,
    record: ContainerStarted
    | ContainerAdopted
    | ProbeAttempted
    | KillRequested
    | ContainerExited
    | StopStep
    | HookRan
    | KillFailed
    | LogLost,
) -> Life:
    """The instance that a record is about: by its id, or the newest. One whose beginning the
    journal does not know any more is added."""
    container_id = "" if isinstance(record, HookRan | KillFailed | LogLost) else record.container_id
    for life in reversed(container.lives):
        if container_id in ("", life.container_id):
            return life
    count = 0
    if isinstance(record, ContainerStarted | ContainerAdopted | ContainerExited):
        count = record.restart_count
    life = Life(container.name, container_id, count, record.at, init=container.init)
    container.lives.append(life)
    return life
