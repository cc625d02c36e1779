"""What the process layer tells: facts about one container, each told once."""

from __future__ import annotations

from minikubelet.runtime.records import ExitRecord
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class ContainerExitedEvent:
    """The main process has ended, nothing of its tree lives, and the record is on disk."""

    container_id: str
    record: ExitRecord


@dataclass(frozen=True, slots=True)
class StopStepEvent:
    """`step`: TERM (the grace that follows), KILL (since TERM; `detail` names who was alive), or
    stuck (since KILL; something does not die, and the shim keeps trying, L-200)."""

    container_id: str
    step: str
    at_monotonic: float
    seconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class LogLostEvent:
    """Output could not be written; told at the begin of each such time."""

    container_id: str
    lost_bytes: int
    message: str


@dataclass(frozen=True, slots=True)
class ShimLostEvent:
    """Somebody killed the shim: how the container ended is not known. What it left is killed."""

    container_id: str
    survivors: tuple[str, ...] = ()


ContainerEvent = ContainerExitedEvent | StopStepEvent | LogLostEvent | ShimLostEvent
