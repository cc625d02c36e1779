"""How far the Pods of a check are, as one value that journal records move on.

Role: keeps what the verdict and its reports need of each Pod: who started, ended and became
healthy, and when. What a record means for the verdict is decided in `judge.py`.
Invariants: pure; frozen values, `after()` gives the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from minikubelet.journal import (
    ConditionChanged,
    ContainerExited,
    ContainerStarted,
    KillRequested,
    PhaseChanged,
    PodAccepted,
    PodRef,
    ProbeAttempted,
    Record,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod, ProbeKind, RestartPolicy, is_sidecar
from minikubelet.pod.restarts import RestartDecision, restart_decision, restarts_after_kill
from minikubelet.value_class import dataclass


class Goal(StrEnum):
    """What the check waits for."""

    READY = "ready"
    SUCCEEDED = "succeeded"


def default_goal(pod: Pod) -> Goal:
    """Pods that are always restarted serve; the others run to their end."""
    return Goal.READY if pod.spec.restart_policy == RestartPolicy.ALWAYS else Goal.SUCCEEDED


@dataclass(frozen=True, slots=True)
class ProbeProgress:
    healthy_at: datetime | None = None
    last: ProbeAttempted | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class ContainerProgress:
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    running: bool = False
    restarts: int = 0
    """How often it ended, or is being killed, to be started again."""
    last_exit: ContainerExited | None = None
    killed_for: KillCause | None = None
    """Why it is being stopped, or was."""
    probes: Mapping[ProbeKind, ProbeProgress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodProgress:
    pod: Pod
    goal: Goal
    containers: Mapping[str, ContainerProgress]
    began_at: datetime | None = None
    initialized_at: datetime | None = None
    reached_at: datetime | None = None
    """When the goal was first reached."""
    ready: bool = False
    phase: str = ""
    last_at: datetime | None = None
    """Of its newest record."""

    @classmethod
    def of(cls, pod: Pod, goal: Goal) -> PodProgress:
        containers = {
            container.name: ContainerProgress(
                probes={probe.kind: ProbeProgress() for probe in container.probes()}
            )
            for container in pod.containers()
        }
        return cls(pod, goal, containers)

    @property
    def ref(self) -> PodRef:
        return PodRef.of(self.pod.metadata)

    @property
    def reached(self) -> bool:
        return self.ready if self.goal is Goal.READY else self.phase == "Succeeded"

    @property
    def plain_init_containers(self) -> tuple[str, ...]:
        """Init containers that run to their end, which sidecars do not."""
        return tuple(c.name for c in self.pod.spec.init_containers if not is_sidecar(c, init=True))

    def after(self, record: Record) -> PodProgress:
        """The next value: `record` is one of this Pod."""
        progress = replace(self, last_at=record.at)
        if record.container in self.containers:
            before = self.containers[record.container]
            container = _container_after(self.pod, before, record)
            if container is not before:
                containers = {**self.containers, record.container: container}
                progress = replace(progress, containers=containers)
        match record:
            case PodAccepted():
                progress = replace(progress, began_at=record.at)
            case ConditionChanged(type="Initialized", status="True"):
                if progress.initialized_at is None:
                    progress = replace(progress, initialized_at=record.at)
            case ConditionChanged(type="Ready"):
                progress = replace(progress, ready=record.status == "True")
            case PhaseChanged():
                progress = replace(progress, phase=record.new)
        if progress.reached and progress.reached_at is None:
            progress = replace(progress, reached_at=record.at)
        return progress


def _container_after(pod: Pod, container: ContainerProgress, record: Record) -> ContainerProgress:
    match record:
        case ContainerStarted():
            return replace(
                container,
                running=True,
                killed_for=None,
                started_at=record.at,
                first_started_at=container.first_started_at or record.at,
            )
        case KillRequested():
            return replace(container, killed_for=record.cause)
        case ContainerExited():
            return replace(
                container,
                running=False,
                last_exit=record,
                completed_at=record.at if record.exit_code == 0 else container.completed_at,
                restarts=container.restarts + restarts(pod, record),
            )
        case ProbeAttempted():
            before = container.probes.get(record.kind, ProbeProgress())
            healthy = record.verdict == "success" and record.outcome in ("success", "warning")
            failed = record.outcome in ("failure", "error")
            probe = ProbeProgress(
                before.healthy_at or (record.at if healthy else None),
                record,
                before.failures + failed,
            )
            return replace(container, probes={**container.probes, record.kind: probe})
    return container


def restarts(pod: Pod, ended: ContainerExited) -> bool:
    """Whether the container is started again by itself after this end."""
    container, init = pod.container(ended.container), pod.is_init(ended.container)
    if ended.cause not in (None, KillCause.LIVENESS, KillCause.STARTUP, KillCause.POST_START_HOOK):
        return False
    if restarts_after_kill(pod, container, ended.cause, init=init):
        return True
    decision = restart_decision(pod, container, init=init, exit_code=ended.exit_code)
    return decision is not RestartDecision.NO
