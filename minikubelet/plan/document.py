"""Plans and what was found as a JSON document. Pure.

A figure is `{"earliest": 2.0, "latest": 3.0}` in seconds, `latest` null where nothing bounds it;
null stands for what cannot happen. The shape is told in `cli/plan.py`.
"""

from __future__ import annotations

from typing import Any

from minikubelet.plan.figures import (
    Change,
    Figures,
    container_figures,
    pod_figures,
    probe_figures,
    stop_figures,
)
from minikubelet.plan.finding import PROBE_FIELDS, PlanFinding
from minikubelet.plan.pod_plan import ContainerPlan, PodPlan, back_off_delays
from minikubelet.plan.span import Span


def plan_document(plan: PodPlan) -> dict[str, Any]:
    return {
        "namespace": plan.namespace,
        "name": plan.name,
        "restartPolicy": plan.restart_policy,
        **_encoded(pod_figures(plan)),
        "gracePeriodSeconds": plan.stop.grace_seconds,
        "backOffSeconds": list(back_off_delays()),
        "containers": [_container(plan, container) for container in plan.containers],
    }


def _container(plan: PodPlan, container: ContainerPlan) -> dict[str, Any]:
    stop = plan.stop.containers.get(container.name)
    return {
        "name": container.name,
        "init": container.init,
        "sidecar": container.sidecar,
        **_encoded(container_figures(container)),
        "probes": {
            PROBE_FIELDS[probe.probe.kind]: _encoded(probe_figures(probe))
            for probe in container.probes
        },
        "stop": stop
        and {
            **_encoded(stop_figures(plan, container.name)),
            "waitsFor": list(stop.waits_for),
        },
    }


def finding_document(finding: PlanFinding, file: str, line: int) -> dict[str, Any]:
    harm = finding.harm
    return {
        "rule": finding.rule,
        "file": file,
        "line": line,
        "path": str(harm.path),
        "message": harm.message,
        "timeline": [{"seconds": moment.seconds, "what": moment.what} for moment in harm.timeline],
        "fix": harm.fix,
    }


def change_document(change: Change) -> dict[str, Any]:
    return {
        "container": change.container,
        "part": change.part,
        "figure": change.figure,
        "old": _span(change.old),
        "new": _span(change.new),
    }


def _encoded(figures: Figures) -> dict[str, Any]:
    return {name: _span(span) for name, span in figures.items()}


def _span(span: Span | None) -> dict[str, float | None] | None:
    return None if span is None else {"earliest": span.earliest, "latest": span.latest}
