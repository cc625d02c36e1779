"""The journal: every fact and decision, once, as a typed record.

Role: the single account of what happened and why. Events, metrics, the terminal, `-o json`,
explanations and reports are derived from it by subscribers; nothing else is their source.
Append-only.
Invariants: records are frozen; subscribers are called in order, synchronously, and must not wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from minikubelet.kill_cause import KillCause
from minikubelet.log import get_logger
from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass

if TYPE_CHECKING:  # it brings asyncio, which those who only read records do without
    from minikubelet.clock import Clock

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PodRef:
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, meta: ObjectMeta) -> PodRef:
        return cls(meta.namespace, meta.name, meta.uid)

    @property
    def description(self) -> str:
        """The form that many kubelet messages use, as `Pod.description`."""
        return f"{self.name}_{self.namespace}({self.uid})"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What all records carry. `container` is empty for facts of the whole pod."""

    at: datetime
    pod: PodRef
    container: str = ""
    field_path: str = ""
    """Of container records: `spec.containers{app}` or `spec.initContainers{app}`, as in Events
    (L-272)."""

    @property
    def known_at(self) -> datetime:
        """When there was something to tell: later than `at` for what began then and took time."""
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAccepted(Record):
    scheduled_to: str = ""
    """The node's name, for pods of the API: they count as scheduled when they are accepted
    (L-74)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUpdated(Record):
    """A worker took over a new version of its pod's definition."""

    changes: tuple[str, ...]
    """What is another now, a phrase each: `image of app: shop:1 → shop:2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAdopted(Record):
    """A new daemon took over the pod that an earlier one ran."""

    same_boot: bool = True
    """False: the host was started again in between, and nothing of the pod runs (L-94)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged(Record):
    old: str
    new: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionChanged(Record):
    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCreated(Record):
    container_id: str
    restart_count: int
    argv: tuple[str, ...]
    command_source: str
    """How the command was found: manifest, user catalog, built-in catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStarted(Record):
    container_id: str
    restart_count: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerAdopted(Record):
    """A container that runs, started by an earlier daemon, goes on under this one."""

    container_id: str
    restart_count: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStartFailed(Record):
    """`reason` is the waiting reason (CreateContainerConfigError, RunContainerError …)."""

    reason: str
    message: str
    """The bare error, as the waiting state shows it."""
    container_id: str = ""
    image: str = ""
    """As the spec gives it; the Events of ErrImagePull and ImagePullBackOff name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExited(Record):
    container_id: str
    restart_count: int
    exit_code: int
    signal: int | None
    reason: str
    message: str
    ran_seconds: float
    cause: KillCause | None
    """Why it had been asked to stop; None when it ended by itself."""
    survivors: tuple[str, ...] = ()
    """Descendants that outlived the main process and were killed: `pid name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOffStarted(Record):
    """The next start is delayed: `delay_seconds` from the exit, `remaining_seconds` from now."""

    delay_seconds: float
    remaining_seconds: float
    restart_count: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAttempted(Record):
    """One probe run: what was planned, what was seen, what it changed."""

    kind: ProbeKind
    container_id: str
    planned_at: datetime
    trigger: str
    """schedule, start, startup-success or manual: what made it run."""
    duration_seconds: float
    outcome: str
    """success, warning, failure, error."""
    output: str
    error: str
    verdict: str
    verdict_before: str
    run_length: int
    threshold: int
    """The threshold that `run_length` counts towards."""
    detail: str = ""
    """Evidence beyond the upstream text, such as the first bytes of an HTTP body (B-15)."""

    @property
    def known_at(self) -> datetime:
        return self.at + timedelta(seconds=self.duration_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillRequested(Record):
    container_id: str
    cause: KillCause
    message: str
    grace_period_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStep(Record):
    """One step of stopping a container: `preStop`, `wait` (for its turn), `TERM`, `KILL`."""

    container_id: str
    step: str
    seconds: float
    """preStop, wait: how long it took. TERM: the grace that follows. KILL: since TERM."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRan(Record):
    hook: str
    """postStart or preStop."""
    handler: str
    duration_seconds: float
    ok: bool
    message: str = ""
    container_id: str = ""
    fallback_host: str = ""
    """Where an HTTPS request was answered in plain HTTP, and HTTP then worked (L-187)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFailed(Record):
    volume: str
    """Empty: not one volume, but waiting for all of them failed (L-139)."""
    message: str
    """The bare error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineExceeded(Record):
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEvicted(Record):
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxChanged(Record):
    """The host was started anew, and the pod begins again (L-94)."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KillFailed(Record):
    """Something survived SIGKILL (L-200), or the stop took too long (L-250)."""

    reason: str
    """FailedKillPod or ExceededGracePeriod."""
    message: str
    """The bare error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortClash(Record):
    """A port that a container declares is taken by somebody else."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitNotEnforced(Record):
    """A resource limit that this host cannot enforce on the container that runs."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLost(Record):
    """Log output that could not be written (disk full)."""

    lost_bytes: int
    message: str


Subscriber = Callable[[Record], None]


class Journal:
    """Keeps the newest `capacity` records and hands each one to its subscribers."""

    def __init__(self, clock: Clock, capacity: int = 10_000) -> None:
        self._clock = clock
        self._records: deque[Record] = deque(maxlen=capacity)
        self._subscribers: list[Subscriber] = []

    def now(self) -> datetime:
        return self._clock.now()

    def append(self, record: Record) -> None:
        """Who writes does not suffer from who reads: a subscriber that fails is logged."""
        self._records.append(record)
        for subscriber in self._subscribers:
            try:
                subscriber(record)
            except Exception:
                log.exception("journal subscriber failed", record=type(record).__name__)

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)
