"""Plans as tables for people. Pure.

Pod web: Ready 2s…3s after its start
CONTAINER  PROBE      FIRST  PASSES   GIVES UP  SEES FAILURE  SEES HANG  RECOVERS
app        readiness  2s     2s…3s    -         1s…3s         2s…4s      0s…2s
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikubelet.cli import colors
from minikubelet.plan.figures import Change
from minikubelet.plan.finding import PROBE_FIELDS, PlanFinding
from minikubelet.plan.pod_plan import ContainerPlan, PodPlan
from minikubelet.plan.probe_plan import ProbePlan
from minikubelet.plan.span import Span
from minikubelet.plan.stop_plan import PodStopPlan
from minikubelet.pod.durations import go_duration

_CONTAINER_HEADINGS = (
    "CONTAINER",
    "STARTS",
    "READY AFTER",
    "FAILURE TO KILL",
    "KILL TO GONE",
    "FAILURE TO READY AGAIN",
    "WITH BACK-OFF",
)
_PROBE_HEADINGS = (
    "CONTAINER",
    "PROBE",
    "FIRST",
    "PASSES",
    "GIVES UP",
    "SEES FAILURE",
    "SEES HANG",
    "RECOVERS",
)
_STOP_HEADINGS = ("CONTAINER", "PRESTOP", "WAITS FOR", "TERM", "KILL")


def plan_lines(plan: PodPlan) -> list[str]:
    ready = "never Ready by itself" if plan.ready is None else f"Ready after {plan.ready}"
    probes = [_probe_row(c, probe) for c in plan.containers for probe in c.probes]
    lines = [
        f"Pod {plan.name}: {ready}; restartPolicy {plan.restart_policy}",
        "",
        *_table([_CONTAINER_HEADINGS, *(_container_row(c) for c in plan.containers)]),
    ]
    if probes:
        lines += ["", *_table([_PROBE_HEADINGS, *probes])]
    return [*lines, "", *_stop_lines(plan.stop)]


def finding_text(finding: PlanFinding, file: str, line: int, *, color: bool) -> list[str]:
    harm = finding.harm
    place = f"{file}:{line}" if line else file
    head = colors.printable(f"{place}: {finding.rule}: {harm.path}: {harm.message}")
    times = [go_duration(moment.seconds) for moment in harm.timeline]
    width = max(map(len, times), default=0)
    return [
        f"{colors.YELLOW}{head}{colors.RESET}" if color else head,
        *(
            f"    {time:>{width}}  {colors.printable(moment.what)}"
            for time, moment in zip(times, harm.timeline, strict=True)
        ),
        f"    fix: {colors.printable(harm.fix)}",
    ]


def change_lines(name: str, changes: Sequence[Change]) -> list[str]:
    """What changed in the figures of one pod."""
    if not changes:
        return [f"Pod {name}: no figure changes"]
    rows = [
        (
            change.container or "-",
            change.part or "-",
            change.figure,
            _text(change.old),
            "→",
            _text(change.new),
        )
        for change in changes
    ]
    headings = ("CONTAINER", "PART", "FIGURE", "OLD", "", "NEW")
    return [f"Pod {name}:", *_table([headings, *rows])]


def _container_row(plan: ContainerPlan) -> tuple[str, ...]:
    name = plan.name
    if plan.init:
        name += " (sidecar)" if plan.sidecar else " (init)"
    figures = (
        plan.starts,
        plan.ready,
        plan.detects,
        plan.gone_after_kill,
        plan.ready_again,
        plan.ready_again_after_back_off,
    )
    return (name, *map(_text, figures))


def _probe_row(container: ContainerPlan, plan: ProbePlan) -> tuple[str, ...]:
    figures = (
        plan.first_attempt,
        plan.passes,
        plan.gives_up,
        plan.detects_failure,
        plan.detects_hang,
        plan.recovers,
    )
    kind = PROBE_FIELDS[plan.probe.kind].removesuffix("Probe")
    return (container.name, kind, *map(_text, figures))


def _stop_lines(stop: PodStopPlan) -> list[str]:
    rows = [
        (
            name,
            _text(plan.pre_stop),
            ", ".join(plan.waits_for) or "-",
            str(plan.signal),
            str(plan.kill),
        )
        for name, plan in stop.containers.items()
    ]
    grace = go_duration(stop.grace_seconds)
    return [
        f"Stop: grace period {grace}, gone after {stop.gone}",
        "",
        *_table([_STOP_HEADINGS, *rows]),
    ]


def _text(span: Span | None) -> str:
    return "-" if span is None else str(span)


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = [[colors.printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
