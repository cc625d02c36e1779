"""Checks in tests: a Pod, records of it, and where they lead."""

from __future__ import annotations

from typing import Any

from minikubelet.check.cases import suites
from minikubelet.check.judge import CheckState, Stage
from minikubelet.check.progress import Goal, PodProgress, default_goal
from minikubelet.check.result import CheckResult
from minikubelet.check.verdict import ExitCode
from minikubelet.journal import (
    ConditionChanged,
    KillRequested,
    PhaseChanged,
    PodAccepted,
    PodRef,
    ProbeAttempted,
    Record,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod, ProbeKind
from tests.cli.records import ID, a_kill, a_probe, a_start, an_exit, at
from tests.pod.builders import a_container, a_pod
from tests.pod.builders import a_probe as a_probe_spec

WEB = PodRef("default", "web", "uid-1")
PROBED = a_pod(a_container(readiness_probe=a_probe_spec(ProbeKind.READINESS)))


def of_web(record: Any, **changes: Any) -> Any:
    """The same record of the Pod that `a_pod()` makes."""
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return type(record)(**{**values, "pod": WEB, **changes})


def accepted(seconds: float = 0) -> Record:
    return PodAccepted(at=at(seconds), pod=WEB)


def started(seconds: float = 0, restart_count: int = 0, container: str = "app") -> Record:
    record: Record = of_web(a_start(seconds, restart_count), container=container)
    return record


def exited(code: int, cause: KillCause | None = None, **members: Any) -> Record:
    container = members.pop("container", "app")
    record: Record = of_web(an_exit(code, cause, **members), container=container)
    return record


def probed(outcome: str, kind: ProbeKind = ProbeKind.READINESS, **members: Any) -> ProbeAttempted:
    record: ProbeAttempted = of_web(a_probe(outcome, kind, **members))
    return record


def killing(cause: KillCause, seconds: float = 0) -> KillRequested:
    record: KillRequested = of_web(a_kill(cause, seconds=seconds), container_id=ID)
    return record


def ready(is_ready: bool, seconds: float = 0) -> Record:
    status = "True" if is_ready else "False"
    return ConditionChanged(at=at(seconds), pod=WEB, type="Ready", status=status)


def phase(new: str, reason: str = "", message: str = "", seconds: float = 0) -> Record:
    return PhaseChanged(
        at=at(seconds), pod=WEB, old="Running", new=new, reason=reason, message=message
    )


def judged(
    *steps: Record | Stage, pod: Pod | None = None, max_restarts: int = 0, goal: Goal | None = None
) -> CheckState:
    """The state after these records and stages of a check of one Pod."""
    pod = pod or a_pod()
    progress = PodProgress.of(pod, goal or default_goal(pod))
    state = CheckState.of([progress], max_restarts=max_restarts, now=at(0))
    for step in steps:
        state = state.enter(step, at(50)) if isinstance(step, Stage) else state.record(step)
    return state


def a_result(state: CheckState, **members: Any) -> CheckResult:
    """What the reports are made of."""
    defaults: dict[str, Any] = {
        "code": state.failure.code if state.failure else ExitCode.OK,
        "failure": state.failure,
        "suites": suites(state, soak=True, ended_at=at(60)),
        "began_at": at(0),
        "ended_at": at(60),
        "log_tails": {},
        "command_status": state.command_status,
    }
    return CheckResult(**{**defaults, **members})
