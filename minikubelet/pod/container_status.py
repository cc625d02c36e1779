"""What the API status says about each container (lifecycle spec, section 16; probes.md, 1.6).

Role: from instances, probe verdicts, start failures and the previous status to container statuses.
Invariants: pure; restart counts never fall; what an earlier status told and no instance can tell
any more is carried over (L-203, L-204, L-209).
Upstream: kubernetes pkg/kubelet, convertToAPIContainerStatuses, and prober, UpdatePodStatus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from minikubelet.manifest.pod import Container, Pod, ProbeKind, is_sidecar
from minikubelet.pod.initialization import any_regular_run
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, Verdict
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.restart_all import RESTARTING_ALL_CONTAINERS
from minikubelet.pod.restarts import should_start
from minikubelet.value_class import dataclass

CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown"
KILLED_EXIT_CODE = 137
NOT_LOCATED_ON_TERMINATION = "The container could not be located when the pod was terminated"
_NOT_LOCATED_ON_DELETION = (
    "The container could not be located when the pod was deleted.  The container used to be Running"
)
_INIT_RECORD_GONE = (
    "Unable to get init container status from container runtime and pod has been initialized, "
    "treat it as exited normally"
)
_REMOVED = "The container is removed because RestartAllContainers in place"
_MESSAGE_BYTES = 12 * 1024
"""For the termination messages of all containers of a pod together (L-214)."""


@dataclass(frozen=True, slots=True)
class ContainerStatuses:
    init: tuple[ContainerStatus, ...]
    """In spec order (L-210)."""
    regular: tuple[ContainerStatus, ...]
    """By container name."""
    ephemeral: tuple[ContainerStatus, ...] = ()
    """By container name. They count for nothing (L-255)."""

    def by_name(self) -> dict[str, ContainerStatus]:
        """Of the containers that phase and conditions come from."""
        return {status.name: status for status in (*self.init, *self.regular)}


@dataclass(frozen=True, slots=True)
class _Known:
    """What all containers of the pod have in common."""

    pod: Pod
    observed: ObservedPod
    before: Mapping[str, ContainerStatus]
    """What was published last, by container name."""
    restarting_all: bool
    terminated: bool
    message_bytes: int


def published_runs(observed: ObservedPod, name: str) -> tuple[ContainerRun, ...]:
    """The instances that the status shows: not the one whose postStart hook is pending (L-185)."""
    runs = observed.runs.get(name, ())
    for run in runs:
        if run.hook_pending:
            return tuple(run for run in runs if not run.hook_pending)
    return runs


def compute_container_statuses(
    pod: Pod,
    observed: ObservedPod,
    previous: PodStatus | None,
    *,
    restarting_all: bool = False,
    terminated: bool = False,
) -> ContainerStatuses:
    """The statuses of all containers of the spec; `terminated`: nothing will start any more."""
    known = _Known(
        pod,
        observed,
        previous.by_name() if previous else {},
        restarting_all,
        terminated,
        _MESSAGE_BYTES // max(1, len(pod.containers())),
    )
    init = tuple(_status(known, container, init=True) for container in pod.spec.init_containers)
    regular = [_status(known, container, init=False) for container in pod.spec.containers]
    ephemeral = [_ephemeral_status(known, c) for c in pod.spec.ephemeral_containers]
    return ContainerStatuses(init, _by_name(regular), _by_name(ephemeral))


def _by_name(statuses: Iterable[ContainerStatus]) -> tuple[ContainerStatus, ...]:
    return tuple(sorted(statuses, key=lambda status: status.name))


def _ephemeral_status(known: _Known, container: Container) -> ContainerStatus:
    """It is started once, so a failed start shows only while there is no instance (L-254)."""
    runs = published_runs(known.observed, container.name)
    before = known.before.get(container.name)
    if runs:
        return _with_instance(known, container, runs, before)
    status = _without_instance(known, container, before, init=False)
    failure = known.observed.start_failures.get(container.name)
    if failure is None or known.terminated or isinstance(status.state, Terminated):
        return status
    return replace(status, state=Waiting(failure.reason, failure.message))


def _status(known: _Known, container: Container, *, init: bool) -> ContainerStatus:
    runs = published_runs(known.observed, container.name)
    before = known.before.get(container.name)
    if before is not None and _is_as_before(known.observed, container, runs, before, init=init):
        return before
    if runs:
        status = _with_instance(known, container, runs, before)
    else:
        status = _without_instance(known, container, before, init=init)
    if not known.terminated:
        status = _waiting_after_failed_start(known, container, runs, status, init=init)
    return _with_flags(known.observed, container, status, before, init=init)


def _is_as_before(
    observed: ObservedPod,
    container: Container,
    runs: tuple[ContainerRun, ...],
    before: ContainerStatus,
    *,
    init: bool,
) -> bool:
    """Whether nothing has happened to a first instance that runs: known without making its status
    anew, since that of a pod is made whenever something happens to any of its containers."""
    if len(runs) != 1 or container.name in observed.start_failures:
        return False
    (run,) = runs
    if run.state is not RunState.RUNNING or run.container_id != before.container_id:
        return False
    if not isinstance(before.state, Running):
        return False
    if before.state.started_at != (run.started_at or run.created_at):
        return False
    if before.restart_count < run.restart_count or before.image != (run.image or container.image):
        return False
    return (before.started, before.ready) == _flags(observed, container, before, before, init=init)


def _with_instance(
    known: _Known,
    container: Container,
    runs: tuple[ContainerRun, ...],
    before: ContainerStatus | None,
) -> ContainerStatus:
    newest = runs[0]
    restart_count = max(newest.restart_count, before.restart_count if before else 0)
    state: ContainerState
    match newest.state:
        case RunState.RUNNING:
            state = Running(newest.started_at or newest.created_at)
        case RunState.EXITED:
            state = _terminated(newest, known.message_bytes)
        case RunState.CREATED:
            state = Waiting()
        case RunState.UNKNOWN:
            state = Waiting()
            if before is not None and isinstance(before.state, Running):
                state = _not_located()
                restart_count = before.restart_count + 1
            elif before is not None and before.container_id == newest.container_id:
                state = before.state
    return ContainerStatus(
        name=container.name,
        state=state,
        last_state=_last_state(runs, before, known.message_bytes),
        restart_count=restart_count,
        image=newest.image or container.image,
        container_id=newest.container_id,
    )


def _last_state(
    runs: tuple[ContainerRun, ...], before: ContainerStatus | None, message_bytes: int
) -> Terminated | None:
    """How the instance before the newest ended: its record tells, else the previous status."""
    if len(runs) > 1 and runs[1].state is RunState.EXITED:
        return _terminated(runs[1], message_bytes)
    if before is None:
        return None
    if before.container_id != runs[0].container_id and isinstance(before.state, Terminated):
        return before.state
    return before.last_state


def _without_instance(
    known: _Known, container: Container, before: ContainerStatus | None, *, init: bool
) -> ContainerStatus:
    if known.restarting_all and before is not None and not isinstance(before.state, Waiting):
        return ContainerStatus(
            name=container.name,
            state=Waiting(RESTARTING_ALL_CONTAINERS, _REMOVED),
            last_state=Terminated(KILLED_EXIT_CODE, RESTARTING_ALL_CONTAINERS, _REMOVED),
            restart_count=before.restart_count + 1,
            image=container.image,
        )
    if before is not None and isinstance(before.state, Terminated):
        return before
    status = ContainerStatus(
        name=container.name,
        state=Waiting("PodInitializing" if known.pod.spec.init_containers else "ContainerCreating"),
        last_state=before.last_state if before else None,
        restart_count=before.restart_count if before else 0,
        image=container.image,
    )
    ordinary_init = init and not is_sidecar(container, init=True)
    if ordinary_init and any_regular_run(known.pod, known.observed):
        return replace(status, state=Terminated(0, "Completed", _INIT_RECORD_GONE))
    if before is not None and isinstance(before.state, Running):
        lost = Terminated(KILLED_EXIT_CODE, CONTAINER_STATUS_UNKNOWN, _NOT_LOCATED_ON_DELETION)
        deleted = known.pod.metadata.deletion_timestamp is not None
        count = status.restart_count if deleted else status.restart_count + 1
        return replace(status, last_state=lost, restart_count=count)
    return status


def _waiting_after_failed_start(
    known: _Known,
    container: Container,
    runs: tuple[ContainerRun, ...],
    status: ContainerStatus,
    *,
    init: bool,
) -> ContainerStatus:
    """L-206: the reason cache tells why a container that should run does not."""
    failure = known.observed.start_failures.get(container.name)
    newest = runs[0] if runs else None
    if failure is None or not should_start(known.pod, container, newest, init=init):
        return status
    ended = status.state if isinstance(status.state, Terminated) else status.last_state
    return replace(status, state=Waiting(failure.reason, failure.message), last_state=ended)


def _with_flags(
    observed: ObservedPod,
    container: Container,
    status: ContainerStatus,
    before: ContainerStatus | None,
    *,
    init: bool,
) -> ContainerStatus:
    started, ready = _flags(observed, container, status, before, init=init)
    if (status.started, status.ready) == (started, ready):
        return status
    return replace(status, started=started, ready=ready)


def _flags(
    observed: ObservedPod,
    container: Container,
    status: ContainerStatus,
    before: ContainerStatus | None,
    *,
    init: bool,
) -> tuple[bool, bool]:
    """`started` and `ready` (L-183, P-156 … P-158)."""
    running = isinstance(status.state, Running)
    if init and not is_sidecar(container, init=True):
        done = isinstance(status.state, Terminated) and status.state.exit_code == 0
        return running, done
    same = before if before and before.container_id == status.container_id else None
    started = running and _started(observed, container, status.container_id, same)
    return started, started and _ready(observed, container, status.container_id, same)


def _started(
    observed: ObservedPod, container: Container, container_id: str, same: ContainerStatus | None
) -> bool:
    """`same` is the previous status of this instance: it counts where a new daemon has no verdict
    yet (P-171)."""
    verdict = observed.verdict(ProbeKind.STARTUP, container_id)
    if verdict is not None:
        return verdict is Verdict.SUCCESS
    return container.startup_probe is None or (same is not None and same.started)


def _ready(
    observed: ObservedPod, container: Container, container_id: str, same: ContainerStatus | None
) -> bool:
    verdict = observed.verdict(ProbeKind.READINESS, container_id)
    if verdict is not None:
        return verdict is Verdict.SUCCESS
    return container.readiness_probe is None or (same is not None and same.ready)


def _terminated(run: ContainerRun, message_bytes: int) -> Terminated:
    return Terminated(
        exit_code=run.exit_code if run.exit_code is not None else KILLED_EXIT_CODE,
        reason=run.reason,
        message=run.message.encode()[:message_bytes].decode(errors="ignore"),
        started_at=run.started_at,
        finished_at=run.finished_at,
        container_id=run.container_id,
    )


def _not_located() -> Terminated:
    return Terminated(KILLED_EXIT_CODE, CONTAINER_STATUS_UNKNOWN, NOT_LOCATED_ON_TERMINATION)
