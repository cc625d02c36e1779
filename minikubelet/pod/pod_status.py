"""`pod.status` as typed values: what is published (lifecycle spec, sections 16-18). Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from minikubelet.value_class import dataclass


class PodPhase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
    """Never computed: only a client can have written it."""

    @property
    def terminal(self) -> bool:
        return self in (PodPhase.SUCCEEDED, PodPhase.FAILED)


class QOSClass(StrEnum):
    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Terminated:
    exit_code: int
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = ""
    signal: int = 0
    """Never set by us (L-119): a client can have written it."""


ContainerState = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    name: str
    state: ContainerState
    last_state: Terminated | None = None
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    image: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class PodCondition:
    type: str
    status: str
    """"True", "False" or "Unknown"."""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int | None = None


@dataclass(frozen=True, slots=True)
class PodStatus:
    phase: PodPhase = PodPhase.PENDING
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: datetime | None = None
    qos_class: QOSClass | None = None
    host_ip: str = ""
    pod_ip: str = ""
    observed_generation: int | None = None

    def condition(self, type: str) -> PodCondition | None:
        return next((c for c in self.conditions if c.type == type), None)

    def container(self, name: str) -> ContainerStatus | None:
        for status in self._all():
            if status.name == name:
                return status
        return None

    def by_name(self) -> dict[str, ContainerStatus]:
        """Of all containers."""
        return {status.name: status for status in self._all()}

    def _all(self) -> tuple[ContainerStatus, ...]:
        return (
            *self.init_container_statuses,
            *self.container_statuses,
            *self.ephemeral_container_statuses,
        )
