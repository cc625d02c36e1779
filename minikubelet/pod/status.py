"""`pod.status` as the kubelet would publish it (lifecycle spec, sections 16-18).

Role: put container statuses, phase and conditions together, and apply the rules across two
statuses: what is final, held back, kept or refused.
Invariants: pure; a terminal phase never changes; a status with a terminal phase is never ready.
Upstream: kubernetes pkg/kubelet, generateAPIPodStatus, and status, status_manager.go.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from minikubelet.manifest.pod import Pod
from minikubelet.pod.conditions import (
    POD_READY_TO_START_CONTAINERS,
    compute_conditions,
    foreign_conditions,
    gated_condition,
    stamped,
)
from minikubelet.pod.container_status import (
    ContainerStatuses,
    compute_container_statuses,
    published_runs,
)
from minikubelet.pod.observed import ObservedPod, RunState
from minikubelet.pod.phase import compute_phase
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodPhase,
    PodStatus,
    Terminated,
)
from minikubelet.pod.qos import compute_qos_class
from minikubelet.pod.restart_all import is_restarting_all
from minikubelet.pod.restarts import (
    RestartDecision,
    could_restart_all,
    restart_decision,
    restarts_after_kill,
)
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class StatusOverride:
    """What a request to kill the pod makes of its status: DeadlineExceeded, Evicted, Terminated.

    `spares_success`: a pod that has succeeded by then stays so (L-249); a deadline is exceeded also
    by a pod whose containers exit with 0 when they are stopped (L-251). `disruption`: the node is
    the reason, so the DisruptionTarget condition comes with the terminal phase (L-237).
    """

    phase: PodPhase
    reason: str
    message: str
    disruption: bool = False
    spares_success: bool = False


def compute_status(
    pod: Pod,
    observed: ObservedPod,
    previous: PodStatus | None,
    now: datetime,
    *,
    host_ip: str = "",
    pod_ip: str = "",
    volumes_ready: bool = True,
    terminated: bool = False,
    override: StatusOverride | None = None,
) -> PodStatus:
    """The status to publish at `now`; `previous` is the one published last, None before the first.

    `volumes_ready`: they have been set up, which comes before the sandbox (L-90, L-104).
    `terminated`: the pod's termination has stopped all that ran (L-238). `override` is given from
    the request to kill the pod on, each time.
    """
    if pod.spec.scheduling_gates:
        return _gated(pod, previous, now, override)
    restarting_all = is_restarting_all(pod, observed, previous)
    statuses = compute_container_statuses(
        pod, observed, previous, restarting_all=restarting_all, terminated=terminated
    )
    if previous is not None and not _transitions_allowed(pod, observed, statuses, previous):
        return previous
    phase = compute_phase(
        pod,
        statuses.by_name(),
        regular_started=_any_regular_started(pod, observed),
        restarting=_restarting(pod, observed, restarting_all),
        terminated=terminated,
    )
    phase, reason, message = _settle(phase, previous, override)
    held_back = (
        phase.terminal
        and observed.any_running()
        and not (previous is not None and previous.phase.terminal)
    )
    node_ended_it = override is not None and override.disruption and reason == override.reason
    conditions = compute_conditions(
        pod,
        phase,
        statuses,
        previous,
        sandbox_ready=observed.sandbox_ready
        and not terminated
        and (volumes_ready or _had_sandbox(previous)),
        restarting_all=restarting_all and any(observed.runs.values()),
        disruption=message if node_ended_it and not held_back else None,
    )
    if held_back:
        phase, reason, message = _unchanged(previous)
    return PodStatus(
        phase=phase,
        reason=reason,
        message=message,
        conditions=stamped(conditions, previous, now, pod.metadata.generation),
        init_container_statuses=statuses.init,
        container_statuses=statuses.regular,
        ephemeral_container_statuses=statuses.ephemeral,
        start_time=(previous.start_time if previous else None) or now,
        qos_class=(previous.qos_class if previous else None) or compute_qos_class(pod),
        host_ip=host_ip,
        pod_ip=pod_ip,
        observed_generation=pod.metadata.generation,
    )


def _had_sandbox(previous: PodStatus | None) -> bool:
    """Whether a new daemon, which sets up the volumes again, finds the sandbox made."""
    condition = previous.condition(POD_READY_TO_START_CONTAINERS) if previous else None
    return condition is not None and condition.status == "True"


def _gated(
    pod: Pod, previous: PodStatus | None, now: datetime, override: StatusOverride | None
) -> PodStatus:
    """A pod with scheduling gates: no node has it, so nothing of it is known (L-73)."""
    phase, reason, message = _settle(PodPhase.PENDING, previous, override)
    conditions = (*foreign_conditions(previous), gated_condition())
    return PodStatus(
        phase=phase,
        reason=reason,
        message=message,
        conditions=stamped(conditions, previous, now, pod.metadata.generation),
        qos_class=(previous.qos_class if previous else None) or compute_qos_class(pod),
        observed_generation=pod.metadata.generation,
    )


def _settle(
    phase: PodPhase, previous: PodStatus | None, override: StatusOverride | None
) -> tuple[PodPhase, str, str]:
    """Phase, reason and message: a terminal phase is final (L-226), reason and message last as long
    as their phase (L-228)."""
    if previous is not None and previous.phase.terminal:
        return _unchanged(previous)
    spared = override is None or (override.spares_success and phase is PodPhase.SUCCEEDED)
    if override is not None and not spared:
        return override.phase, override.reason, override.message
    if previous is not None and previous.phase is phase:
        return _unchanged(previous)
    return phase, "", ""


def _unchanged(previous: PodStatus | None) -> tuple[PodPhase, str, str]:
    if previous is None:
        return PodPhase.PENDING, "", ""
    return previous.phase, previous.reason, previous.message


def _any_regular_started(pod: Pod, observed: ObservedPod) -> bool:
    return any(
        run.state is not RunState.CREATED
        for container in pod.spec.containers
        for run in published_runs(observed, container.name)
    )


def _restarting(pod: Pod, observed: ObservedPod, restarting_all: bool) -> Set[str]:
    """The containers that run again whatever their exit code says."""
    if restarting_all:
        return frozenset(container.name for container in pod.containers())
    return frozenset(
        container.name
        for container in pod.containers()
        if (runs := published_runs(observed, container.name))
        and _restarts_regardless(pod, observed, container.name, runs[0].container_id)
    )


def _restarts_regardless(pod: Pod, observed: ObservedPod, name: str, container_id: str) -> bool:
    causes = [
        run.killed_for
        for run in observed.runs.get(name, ())
        if run.container_id == container_id and run.killed_for is not None
    ]
    return any(
        restarts_after_kill(pod, pod.container(name), cause, init=pod.is_init(name))
        for cause in causes
    )


def _transitions_allowed(
    pod: Pod, observed: ObservedPod, statuses: ContainerStatuses, previous: PodStatus
) -> bool:
    """Whether every container that leaves the terminated state may run again (L-220)."""
    if could_restart_all(pod):
        return True
    now = statuses.by_name()
    return all(
        before.name not in now
        or not isinstance(before.state, Terminated)
        or isinstance(now[before.name].state, Terminated)
        or _may_leave(pod, observed, before, before.state.exit_code)
        for before in (*previous.init_container_statuses, *previous.container_statuses)
    )


def _may_leave(pod: Pod, observed: ObservedPod, before: ContainerStatus, exit_code: int) -> bool:
    container = pod.container(before.name)
    decision = restart_decision(pod, container, init=pod.is_init(before.name), exit_code=exit_code)
    return decision is not RestartDecision.NO or _restarts_regardless(
        pod, observed, before.name, before.container_id
    )
