"""The columns of `kubectl get pods` (lifecycle spec, section 27).

Upstream: kubernetes pkg/printers/internalversion, printPod, and apimachinery
util/duration, HumanDuration. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime

from minikubelet.manifest.pod import Pod, is_sidecar
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.value_class import dataclass

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY


@dataclass(frozen=True, slots=True)
class PodColumns:
    """READY, STATUS and RESTARTS of one pod."""

    ready: str
    status: str
    restarts: str


@dataclass(slots=True)
class _Restarts:
    count: int = 0
    last: datetime | None = None

    def add(self, status: ContainerStatus) -> None:
        self.count += status.restart_count
        ended = status.last_state.finished_at if status.last_state else None
        if ended is not None and (self.last is None or ended > self.last):
            self.last = ended


@dataclass(slots=True)
class _Initialization:
    """What the walk over the init statuses found; `reason` is set when one is not done (L-277)."""

    reason: str | None
    ready: int
    restarts: _Restarts
    sidecar_restarts: _Restarts


def pod_columns(pod: Pod, status: PodStatus, now: datetime) -> PodColumns:
    """The columns at `now`, as `kubectl get pods` prints them."""
    start = _start_reason(status)
    init = _walk_init(pod, status)
    ready, restarts = init.ready, init.restarts
    reason = start if init.reason is None else init.reason
    if init.reason is None or _is_true(status, "Initialized"):
        restarts = init.sidecar_restarts
        for entry in status.container_statuses:
            restarts.add(entry)
        ready += sum(_ready_and_running(entry) for entry in status.container_statuses)
        reason = _regular_reason(status, reason)
    return PodColumns(
        ready=f"{ready}/{_expected_ready(pod)}",
        status=_deletion_reason(pod, status) or reason,
        restarts=_restarts_text(restarts, now),
    )


def readiness_gates_column(pod: Pod, status: PodStatus) -> str:
    """READINESS GATES of the wide output (L-283)."""
    gates = pod.spec.readiness_gates
    if not gates:
        return "<none>"
    return f"{sum(_is_true(status, gate) for gate in gates)}/{len(gates)}"


def parse_time(text: str | None) -> datetime | None:
    """A time of the API (RFC 3339); None when unset or not one."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def age_text(seconds: float | None) -> str:
    """An age as the AGE column shows it (L-282); None for an unset time."""
    if seconds is None:
        return "<unknown>"
    age = int(seconds)
    if age < -1:
        return "<invalid>"
    if age < 0:
        return "0s"
    for limit, unit, size, lesser, lesser_size in _AGE_STEPS:
        if age < limit:
            whole, rest = divmod(age, size)
            part = rest // lesser_size if lesser else 0
            return f"{whole}{unit}{part}{lesser}" if part else f"{whole}{unit}"
    return f"{age // _YEAR}y"


_AGE_STEPS = (
    (2 * _MINUTE, "s", 1, "", 1),
    (10 * _MINUTE, "m", _MINUTE, "s", 1),
    (3 * _HOUR, "m", _MINUTE, "", 1),
    (8 * _HOUR, "h", _HOUR, "m", _MINUTE),
    (2 * _DAY, "h", _HOUR, "", 1),
    (8 * _DAY, "d", _DAY, "h", _HOUR),
    (2 * _YEAR, "d", _DAY, "", 1),
    (8 * _YEAR, "y", _YEAR, "d", _DAY),
)
"""Below a limit (seconds): unit and its size, then the lesser unit and its size."""


def _start_reason(status: PodStatus) -> str:
    scheduled = status.condition("PodScheduled")
    if scheduled is not None and scheduled.reason == "SchedulingGated":
        return "SchedulingGated"
    return status.reason or status.phase


def _expected_ready(pod: Pod) -> int:
    sidecars = sum(is_sidecar(container, init=True) for container in pod.spec.init_containers)
    return sidecars + len(pod.spec.containers)


def _walk_init(pod: Pod, status: PodStatus) -> _Initialization:
    sidecars = {c.name for c in pod.spec.init_containers if is_sidecar(c, init=True)}
    found = _Initialization(None, 0, _Restarts(), _Restarts())
    for index, entry in enumerate(status.init_container_statuses):
        sidecar = entry.name in sidecars
        found.restarts.add(entry)
        if sidecar:
            found.sidecar_restarts.add(entry)
        if isinstance(entry.state, Terminated) and entry.state.exit_code == 0:
            continue
        if sidecar and entry.started:
            found.ready += entry.ready
            continue
        found.reason = _init_reason(entry, index, len(pod.spec.init_containers))
        break
    return found


def _init_reason(entry: ContainerStatus, index: int, total: int) -> str:
    match entry.state:
        case Terminated():
            return f"Init:{_termination_reason(entry.state)}"
        case Waiting(reason=reason) if reason not in ("", "PodInitializing"):
            return f"Init:{reason}"
        case _:
            return f"Init:{index}/{total}"


def _termination_reason(state: Terminated) -> str:
    if state.reason:
        return state.reason
    return f"Signal:{state.signal}" if state.signal else f"ExitCode:{state.exit_code}"


def _regular_reason(status: PodStatus, reason: str) -> str:
    """L-278, L-279: the first container in list order that has something to say wins."""
    error = ""
    for entry in reversed(status.container_statuses):
        match entry.state:
            case Waiting(reason=text) if text:
                reason = text
            case Terminated():
                reason = _termination_reason(entry.state)
                if entry.state.exit_code != 0:
                    error = reason
            case _:
                pass
    if reason != "Completed":
        return reason
    running = any(_ready_and_running(entry) for entry in status.container_statuses)
    if running and _is_true(status, "Ready"):
        return PodPhase.RUNNING
    if error:
        return error
    return "NotReady" if running else reason


def _ready_and_running(entry: ContainerStatus) -> bool:
    return entry.ready and isinstance(entry.state, Running)


def _deletion_reason(pod: Pod, status: PodStatus) -> str:
    if pod.metadata.deletion_timestamp is None:
        return ""
    if status.reason == "NodeLost":
        return "Unknown"
    return "" if status.phase.terminal else "Terminating"


def _restarts_text(restarts: _Restarts, now: datetime) -> str:
    if restarts.count == 0 or restarts.last is None:
        return str(restarts.count)
    return f"{restarts.count} ({age_text((now - restarts.last).total_seconds())} ago)"


def _is_true(status: PodStatus, condition: str) -> bool:
    found = status.condition(condition)
    return found is not None and found.status == "True"
