"""The figures of a plan by name: for tables, for JSON and for comparing two plans. Pure.

Names are those of the JSON document, and stable.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.plan.finding import PROBE_FIELDS
from minikubelet.plan.pod_plan import ContainerPlan, PodPlan
from minikubelet.plan.probe_plan import ProbePlan
from minikubelet.plan.span import Span
from minikubelet.value_class import dataclass

Figures = dict[str, Span | None]


def pod_figures(plan: PodPlan) -> Figures:
    return {"ready": plan.ready, "stopped": plan.stop.gone}


def container_figures(plan: ContainerPlan) -> Figures:
    return {
        "starts": plan.starts,
        "ready": plan.ready,
        "detectsFailure": plan.detects,
        "goneAfterKill": plan.gone_after_kill,
        "readyAgain": plan.ready_again,
        "readyAgainAfterBackOff": plan.ready_again_after_back_off,
    }


def stop_figures(plan: PodPlan, container: str) -> Figures:
    """Empty for a container that no longer runs when the pod is stopped."""
    stop = plan.stop.containers.get(container)
    if stop is None:
        return {}
    return {"preStop": stop.pre_stop, "stopSignal": stop.signal, "kill": stop.kill}


def probe_figures(plan: ProbePlan) -> Figures:
    return {
        "firstAttempt": plan.first_attempt,
        "every": plan.every,
        "passes": plan.passes,
        "givesUp": plan.gives_up,
        "detectsFailure": plan.detects_failure,
        "detectsHang": plan.detects_hang,
        "recovers": plan.recovers,
    }


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that two plans differ in; None where it has no value, or is not there."""

    container: str
    """Empty for the pod itself."""
    part: str
    """`livenessProbe` …, `stop`, or empty for the container or pod as a whole."""
    figure: str
    old: Span | None
    new: Span | None


def changes(old: PodPlan, new: PodPlan) -> tuple[Change, ...]:
    """In the order of the new plan; what is gone comes last."""
    before, after = dict(_all_figures(old)), dict(_all_figures(new))
    return tuple(
        Change(*name, before.get(name), after.get(name))
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    )


def _all_figures(plan: PodPlan) -> Iterator[tuple[tuple[str, str, str], Span | None]]:
    for figure, span in pod_figures(plan).items():
        yield ("", "", figure), span
    for container in plan.containers:
        name = container.name
        for figure, span in container_figures(container).items():
            yield (name, "", figure), span
        for probe in container.probes:
            for figure, span in probe_figures(probe).items():
                yield (name, PROBE_FIELDS[probe.probe.kind], figure), span
        for figure, span in stop_figures(plan, name).items():
            yield (name, "stop", figure), span
