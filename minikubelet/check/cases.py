"""The cases of a check: what was proved of each Pod, what failed, what was not reached. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from minikubelet.check.judge import CheckState, Stage
from minikubelet.check.progress import Goal, PodProgress
from minikubelet.check.verdict import CaseKind, CaseRef, Failure
from minikubelet.value_class import dataclass


class CaseResult(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    result: CaseResult
    seconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases of one Pod, or the command."""

    name: str
    cases: tuple[Case, ...]

    @property
    def seconds(self) -> float:
        return sum(case.seconds for case in self.cases)

    def count(self, result: CaseResult) -> int:
        return sum(case.result is result for case in self.cases)


def suites(state: CheckState, *, soak: bool, ended_at: datetime) -> tuple[Suite, ...]:
    """One suite per Pod, then one for the command and for failures that belong to no Pod."""
    found = [
        Suite(str(pod.ref), tuple(_pod_cases(pod, state, soak=soak, ended_at=ended_at)))
        for pod in state.pods.values()
    ]
    own = tuple(_own_cases(state))
    return (*found, Suite("check", own)) if own else tuple(found)


def _own_cases(state: CheckState) -> Iterator[Case]:
    failure = state.failure
    if state.command_status is not None:
        result = CaseResult.FAILED if state.command_failure else CaseResult.PASSED
        yield Case("command", result, state.command_seconds, state.command_failure)
    if failure is not None and failure.pod is None and failure != state.command_failure:
        yield Case(failure.code.title, CaseResult.FAILED, 0.0, failure)


def _pod_cases(
    pod: PodProgress, state: CheckState, *, soak: bool, ended_at: datetime
) -> Iterator[Case]:
    failure = state.failure
    if failure is not None and failure.pod != pod.ref:
        failure = None

    def case(ref: CaseRef, name: str, began: datetime | None, ended: datetime | None) -> Case:
        if failure is not None and failure.case == ref:
            return Case(name, CaseResult.FAILED, _seconds(began, failure.at), failure)
        if began is None or ended is None:
            return Case(name, CaseResult.SKIPPED)
        return Case(name, CaseResult.PASSED, _seconds(began, ended))

    began = pod.began_at
    initialized = pod.initialized_at
    if pod.plain_init_containers:
        yield case(CaseRef(CaseKind.INIT), "init", began, initialized)
    yield case(CaseRef(CaseKind.START), "start", initialized or began, _all_started(pod))
    for name, container in pod.containers.items():
        for kind, probe in container.probes.items():
            ref = CaseRef(CaseKind.PROBE, name, kind.lower())
            title = f"{name}: {kind.lower()} probe"
            yield case(ref, title, container.first_started_at, probe.healthy_at)
    yield case(CaseRef(CaseKind.GOAL), str(pod.goal), began, pod.reached_at)
    stop = state.entered_at(Stage.STOP)
    soaked = state.entered_at(Stage.SOAK)
    # A crash while the command ran is a failed soak too, also where none was asked for.
    if soak or (failure is not None and failure.case.kind is CaseKind.SOAK):
        lasted = pod.goal is Goal.READY and (state.failure is None or state.stage >= Stage.COMMAND)
        until = (state.entered_at(Stage.COMMAND) or stop) if lasted else None
        yield case(CaseRef(CaseKind.SOAK), "soak", soaked or pod.reached_at, until)
    stopped = ended_at if pod.last_at is None else max(pod.last_at, stop or ended_at)
    yield case(CaseRef(CaseKind.STOP), "clean stop", stop, stopped)


def _all_started(pod: PodProgress) -> datetime | None:
    """When the last container was started for the first time."""
    times = [container.first_started_at for container in pod.containers.values()]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


def _seconds(began: datetime | None, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds()) if began else 0.0
