"""The result of a check as one HTML file that needs nothing else: the timeline of each container.

Role: records and log lines → lanes of states, probe attempts, events and lines, as JSON in the page
`report.html`, whose script draws them. Times are milliseconds since the check began.
Invariants: pure but for reading the template; nothing that a container wrote can become markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from importlib import resources
from typing import Any

from minikubelet.check.causes import probe_text
from minikubelet.check.result import CheckResult, evidence_lines, verdict_line
from minikubelet.journal import (
    BackOffStarted,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    ContainerStartFailed,
    HookRan,
    KillRequested,
    PodRef,
    ProbeAttempted,
    Record,
    StopStep,
)
from minikubelet.manifest.pod import Pod, ProbeKind, is_sidecar
from minikubelet.pod.wording import brief, exit_text, one_line
from minikubelet.value_class import dataclass

PROBE_KINDS = tuple(ProbeKind)
"""The order of the rows of a lane; probes name theirs by index."""


@dataclass(frozen=True, slots=True)
class LogLine:
    at: datetime
    stream: str
    text: str


@dataclass(slots=True)
class _Lane:
    """One container, as it is gathered."""

    pod: PodRef
    name: str
    kind: str
    ready_at_start: bool
    """It has no readiness probe, and does not run to its end."""
    states: list[list[Any]] = field(default_factory=list)
    """[begin, state, text]; each lasts until the next one."""
    probes: list[list[Any]] = field(default_factory=list)
    """[begin, duration, kind, ok, index of its text]"""
    events: list[list[Any]] = field(default_factory=list)
    """[time, is bad, text]"""

    def enter(self, at: float, state: str, text: str) -> None:
        self.states.append([at, state, text])


def report_html(
    result: CheckResult,
    pods: Sequence[Pod],
    records: Iterable[Record],
    logs: Mapping[tuple[PodRef, str], Sequence[LogLine]],
) -> str:
    """The page."""
    data = report_data(result, pods, records, logs)
    # In a script element only "<" could end or open something.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = resources.files("minikubelet.check").joinpath("report.html").read_text("utf-8")
    return template.replace("/*DATA*/null", text, 1)


def report_data(
    result: CheckResult,
    pods: Sequence[Pod],
    records: Iterable[Record],
    logs: Mapping[tuple[PodRef, str], Sequence[LogLine]],
) -> dict[str, Any]:
    """What the page shows."""
    lanes = _lanes(pods)
    texts: dict[str, int] = {}
    for record in records:
        lane = lanes.get((record.pod.uid, record.container))
        if lane is not None:
            _add(lane, record, _since(result, record.at), texts)
    return {
        "passed": result.failure is None,
        "verdict": verdict_line(result),
        "evidence": [*evidence_lines(result), *result.notes],
        "began": result.began_at.isoformat(timespec="milliseconds"),
        "end": _since(result, result.ended_at),
        "kinds": [kind.lower() for kind in PROBE_KINDS],
        "texts": list(texts),
        "lanes": [
            {
                "pod": lane.pod.name,
                "name": lane.name,
                "kind": lane.kind,
                "states": lane.states,
                "probes": sorted(lane.probes),
                "events": lane.events,
                "logs": [
                    [_since(result, line.at), line.stream, line.text]
                    for line in logs.get((lane.pod, lane.name), ())
                ],
            }
            for lane in lanes.values()
        ],
        "suites": [
            {
                "name": suite.name,
                "cases": [[case.name, case.result, round(case.seconds, 3)] for case in suite.cases],
            }
            for suite in result.suites
        ],
    }


def _lanes(pods: Sequence[Pod]) -> dict[tuple[str, str], _Lane]:
    lanes = {}
    for pod in pods:
        ref = PodRef.of(pod.metadata)
        for container in pod.containers():
            init = pod.is_init(container.name)
            kind = "container"
            if init:
                kind = "sidecar" if is_sidecar(container, init=True) else "init"
            ready_at_start = container.readiness_probe is None and kind != "init"
            lanes[(ref.uid, container.name)] = _Lane(ref, container.name, kind, ready_at_start)
    return lanes


def _add(lane: _Lane, record: Record, at: float, texts: dict[str, int]) -> None:
    match record:
        case ProbeAttempted():
            _add_probe(lane, record, at, texts)
        case ContainerCreated():
            lane.events.append([at, False, f"created: {one_line(' '.join(record.argv))}"])
        case ContainerStarted():
            again = f", restart {record.restart_count}" if record.restart_count else ""
            lane.events.append([at, False, f"started (pid {record.pid}{again})"])
            state = "ready" if lane.ready_at_start else "running"
            lane.enter(at, state, f"running{again}")
        case ContainerStartFailed():
            text = f"cannot start: {record.reason}: {one_line(record.message)}"
            lane.events.append([at, True, text])
            lane.enter(at, "failed", text)
        case ContainerExited():
            text = f"ended after {brief(record.ran_seconds)}: {exit_text(record)}"
            lane.events.append([at, record.exit_code != 0 and record.cause is None, text])
            lane.enter(at, "ended" if record.exit_code == 0 or record.cause else "failed", text)
        case BackOffStarted():
            text = f"back-off: next start in {brief(record.remaining_seconds)}"
            lane.events.append([at, True, text])
            lane.enter(at, "backoff", text)
        case KillRequested():
            text = f"killing: {record.message or record.cause}"
            lane.events.append([at, False, f"{text} (grace {brief(record.grace_period_seconds)})"])
            lane.enter(at, "stopping", text)
        case StopStep():
            lane.events.append([at, record.step == "KILL", _step_text(record)])
        case HookRan():
            ended = "succeeded" if record.ok else f"failed: {one_line(record.message)}"
            text = f"{record.hook} hook {ended} after {brief(record.duration_seconds)}"
            lane.events.append([at, not record.ok, text])


def _add_probe(lane: _Lane, record: ProbeAttempted, at: float, texts: dict[str, int]) -> None:
    ok = record.outcome in ("success", "warning")
    duration = round(record.duration_seconds * 1000, 2)
    index = texts.setdefault(_probe_words(record), len(texts))
    lane.probes.append([at, duration, PROBE_KINDS.index(record.kind), int(ok), index])
    changed = record.verdict != record.verdict_before
    if changed and record.verdict in ("success", "failure"):
        well = record.verdict == "success"
        ended = round(at + duration, 1)
        text = f"{record.kind.lower()} probe: {probe_text(record)}"
        lane.events.append([ended, not well, text])
        running = lane.states and lane.states[-1][1] in ("running", "ready")
        if record.kind is ProbeKind.READINESS and running:
            lane.enter(ended, "ready" if well else "running", "ready" if well else "not ready")


def _probe_words(record: ProbeAttempted) -> str:
    """Without its latency, so that equal results share one text."""
    said = one_line(record.error or record.output)
    return f"{record.outcome}: {said}" if said else record.outcome


def _step_text(record: StopStep) -> str:
    match record.step:
        case "TERM":
            return f"stop signal sent, SIGKILL after {brief(record.seconds)}"
        case "KILL":
            return f"SIGKILL: still running {brief(record.seconds)} after its stop signal"
        case _:
            return f"waited {brief(record.seconds)} for its turn to stop"


def _since(result: CheckResult, at: datetime) -> float:
    return round(max(0.0, (at - result.began_at).total_seconds()) * 1000, 1)
