"""What a rule of `minikubelet plan` says: what is wrong, the timeline that shows it, the way out.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.pod import Container, Pod, Probe, ProbeKind
from minikubelet.plan.pod_plan import ContainerPlan, PodPlan
from minikubelet.value_class import dataclass

PROBE_FIELDS: Mapping[ProbeKind, str] = {
    ProbeKind.STARTUP: "startupProbe",
    ProbeKind.READINESS: "readinessProbe",
    ProbeKind.LIVENESS: "livenessProbe",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline; seconds from its first line."""

    seconds: float
    what: str


@dataclass(frozen=True, slots=True)
class Harm:
    """What one rule found at one place."""

    path: FieldPath
    message: str
    timeline: tuple[Moment, ...]
    fix: str


@dataclass(frozen=True, slots=True)
class PlanFinding:
    rule: str
    harm: Harm


@dataclass(frozen=True, slots=True)
class Subject:
    """One container with its plan, as the rules look at it.

    `has_program` tells whether a command's first word can be run on this machine.
    """

    pod: Pod
    plan: PodPlan
    container: Container
    container_plan: ContainerPlan
    path: FieldPath
    has_program: Callable[[str], bool]

    def probe_path(self, probe: Probe) -> FieldPath:
        return self.path.child(PROBE_FIELDS[probe.kind])


ContainerCheck = Callable[[Subject], Iterator[Harm]]
PodCheck = Callable[[Pod, PodPlan], Iterator[Harm]]


def moments(*lines: tuple[float, str]) -> tuple[Moment, ...]:
    return tuple(Moment(seconds, what) for seconds, what in lines)
