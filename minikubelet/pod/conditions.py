"""The conditions of a pod (lifecycle spec, section 18).

Role: the five conditions that a kubelet owns, DisruptionTarget and AllContainersRestarting, in
upstream's order; conditions of others are kept as they are (L-234).
Upstream: kubernetes pkg/kubelet/status/generate.go. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from minikubelet.manifest.pod import Pod, is_sidecar
from minikubelet.pod.container_status import ContainerStatuses
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
)
from minikubelet.pod.restart_all import ALL_CONTAINERS_RESTARTING
from minikubelet.pod.restarts import could_restart_all

POD_SCHEDULED = "PodScheduled"
POD_READY_TO_START_CONTAINERS = "PodReadyToStartContainers"
INITIALIZED = "Initialized"
READY = "Ready"
CONTAINERS_READY = "ContainersReady"
DISRUPTION_TARGET = "DisruptionTarget"
SCHEDULING_GATED = "SchedulingGated"
GATED_MESSAGE = "Scheduling is blocked due to non-empty scheduling gates"
"""Why PodScheduled is False of a pod that waits at its gates (L-73)."""

_OWN = frozenset(
    {
        POD_SCHEDULED,
        POD_READY_TO_START_CONTAINERS,
        INITIALIZED,
        READY,
        CONTAINERS_READY,
        ALL_CONTAINERS_RESTARTING,
    }
)
_FINISHED = {PodPhase.SUCCEEDED: "PodCompleted", PodPhase.FAILED: "PodFailed"}


def compute_conditions(
    pod: Pod,
    phase: PodPhase,
    statuses: ContainerStatuses,
    previous: PodStatus | None,
    *,
    sandbox_ready: bool,
    restarting_all: bool,
    disruption: str | None = None,
) -> tuple[PodCondition, ...]:
    """All conditions in their order, without generations and transition times: see `stamped`.

    `disruption`: the node ends the pod, for this reason (L-237).
    """
    foreign = foreign_conditions(previous)
    if disruption is not None:
        others = tuple(c for c in foreign if c.type != DISRUPTION_TARGET)
        target = PodCondition(DISRUPTION_TARGET, "True", "TerminationByKubelet", disruption)
        foreign = (*others, target)
    initialized = _initialized(pod, phase, statuses)
    containers_ready = _containers_ready(pod, phase, statuses)
    sandbox = _condition(POD_READY_TO_START_CONTAINERS, sandbox_ready)
    gated = (*foreign, sandbox, initialized)
    conditions = (
        *gated,
        _ready(pod, containers_ready, gated),
        containers_ready,
        PodCondition(POD_SCHEDULED, "True"),
    )
    if could_restart_all(pod):
        conditions = (*conditions, _all_containers_restarting(phase, restarting_all))
    return conditions


def gated_condition() -> PodCondition:
    """What a pod with scheduling gates shows (L-73)."""
    return PodCondition(
        POD_SCHEDULED,
        "False",
        SCHEDULING_GATED,
        GATED_MESSAGE,
    )


def foreign_conditions(previous: PodStatus | None) -> tuple[PodCondition, ...]:
    """Conditions written by others (readiness gates), then DisruptionTarget once it is set."""
    kept = [c for c in (previous.conditions if previous else ()) if c.type not in _OWN]
    return tuple(sorted(kept, key=lambda condition: condition.type == DISRUPTION_TARGET))


def with_foreign_conditions(status: PodStatus, conditions: tuple[PodCondition, ...]) -> PodStatus:
    """The status with the conditions of others as they are in `conditions`, and our own kept."""
    own = tuple(c for c in status.conditions if c.type in _OWN or c.type == DISRUPTION_TARGET)
    kept = {condition.type for condition in own}
    others = tuple(c for c in conditions if c.type not in _OWN and c.type not in kept)
    return replace(status, conditions=(*others, *own))


def is_own_condition(type_: str) -> bool:
    """Whether the node writes conditions of this type, and nobody else."""
    return type_ in _OWN


def forced_unready(
    conditions: tuple[PodCondition, ...], phase: PodPhase
) -> tuple[PodCondition, ...]:
    """Ready and ContainersReady of a pod whose phase became terminal (L-236)."""
    return tuple(
        PodCondition(condition.type, "False", _FINISHED[phase])
        if condition.type in (READY, CONTAINERS_READY)
        else condition
        for condition in conditions
    )


def stamped(
    conditions: Iterable[PodCondition],
    previous: PodStatus | None,
    now: datetime,
    generation: int,
) -> tuple[PodCondition, ...]:
    """Set the generation acted on (L-217) and the transition times (L-235) of our conditions."""
    return tuple(_stamp(condition, previous, now, generation) for condition in conditions)


def _stamp(
    condition: PodCondition, previous: PodStatus | None, now: datetime, generation: int
) -> PodCondition:
    if condition.type not in _OWN and condition.type != DISRUPTION_TARGET:
        return condition
    before = previous.condition(condition.type) if previous else None
    unchanged = before is not None and before.status == condition.status
    since = before.last_transition_time if before and unchanged else None
    return replace(condition, last_transition_time=since or now, observed_generation=generation)


def _initialized(pod: Pod, phase: PodPhase, statuses: ContainerStatuses) -> PodCondition:
    known = {status.name: status for status in statuses.init}
    unknown: list[str] = []
    incomplete: list[str] = []
    for container in pod.spec.init_containers:
        status = known.get(container.name)
        if status is None:
            unknown.append(container.name)
        elif not (status.started if is_sidecar(container, init=True) else status.ready):
            incomplete.append(container.name)
    if phase is PodPhase.SUCCEEDED and not unknown:
        return PodCondition(INITIALIZED, "True", "PodCompleted")
    if any(isinstance(status.state, (Running, Terminated)) for status in statuses.regular):
        return PodCondition(INITIALIZED, "True")
    message = _name_lists(unknown=unknown, incomplete=incomplete)
    if message:
        return PodCondition(INITIALIZED, "False", "ContainersNotInitialized", message)
    return PodCondition(INITIALIZED, "True")


def _containers_ready(pod: Pod, phase: PodPhase, statuses: ContainerStatuses) -> PodCondition:
    if phase in _FINISHED:
        return PodCondition(CONTAINERS_READY, "False", _FINISHED[phase])
    known: dict[str, ContainerStatus] = statuses.by_name()
    if not known:
        return PodCondition(CONTAINERS_READY, "False", "UnknownContainerStatuses")
    sidecars = [c.name for c in pod.spec.init_containers if is_sidecar(c, init=True)]
    names = [*sidecars, *(container.name for container in pod.spec.containers)]
    message = _name_lists(
        unknown=[name for name in names if name not in known],
        unready=[name for name in names if name in known and not known[name].ready],
    )
    if message:
        return PodCondition(CONTAINERS_READY, "False", "ContainersNotReady", message)
    return PodCondition(CONTAINERS_READY, "True")


def _ready(
    pod: Pod, containers_ready: PodCondition, conditions: tuple[PodCondition, ...]
) -> PodCondition:
    if containers_ready.status != "True":
        return replace(containers_ready, type=READY)
    by_type = {condition.type: condition for condition in conditions}
    unmet = [
        text for gate in pod.spec.readiness_gates if (text := _unmet_gate(gate, by_type.get(gate)))
    ]
    if unmet:
        return PodCondition(READY, "False", "ReadinessGatesNotReady", ", ".join(unmet))
    return PodCondition(READY, "True")


def _unmet_gate(gate: str, condition: PodCondition | None) -> str:
    if condition is None:
        return f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    if condition.status != "True":
        return f'the status of pod readiness gate "{gate}" is not "True", but {condition.status}'
    return ""


def _all_containers_restarting(phase: PodPhase, restarting: bool) -> PodCondition:
    if phase in _FINISHED:
        return PodCondition(ALL_CONTAINERS_RESTARTING, "False", _FINISHED[phase])
    if not restarting:
        return PodCondition(ALL_CONTAINERS_RESTARTING, "False")
    return PodCondition(
        ALL_CONTAINERS_RESTARTING,
        "True",
        "RestartAllContainersStarted",
        "container exited with restart policy rule",
    )


def _condition(type_: str, holds: bool) -> PodCondition:
    return PodCondition(type_, "True" if holds else "False")


def _name_lists(**names: list[str]) -> str:
    """`containers with unknown status: [a b], containers with unready status: [c]`."""
    return ", ".join(
        f"containers with {kind} status: [{' '.join(listed)}]"
        for kind, listed in names.items()
        if listed
    )
