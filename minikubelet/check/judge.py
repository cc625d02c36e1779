"""From journal records to a verdict.

Role: a state machine over the records of all Pods. It knows at once what cannot become well: a
start that is impossible, one restart too many, a kill by a probe; and what time or the end shows.
Invariants: pure; the first failure stands, whatever comes later. Records of the stop are judged for
how clean it was, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import IntEnum

from minikubelet.check.causes import (
    Cause,
    ended_for_good,
    failed_pod,
    hook_failed,
    kill_by_probe,
    not_in_time,
    port_taken,
    start_failed,
    too_many_restarts,
    unclean_stop,
    unready,
    unready_by_probe,
    volume_failed,
)
from minikubelet.check.progress import Goal, PodProgress, restarts
from minikubelet.check.verdict import CaseKind, CaseRef, ExitCode, Failure
from minikubelet.journal import (
    ConditionChanged,
    ContainerExited,
    ContainerStartFailed,
    HookRan,
    KillFailed,
    KillRequested,
    PhaseChanged,
    PortClash,
    ProbeAttempted,
    Record,
    StopStep,
    VolumeFailed,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass

_BY_PROBE = (KillCause.LIVENESS, KillCause.STARTUP)
_BY_ITSELF = (None, KillCause.LIVENESS, KillCause.STARTUP, KillCause.POST_START_HOOK)
_ORDERLY = (KillCause.SHUTDOWN, KillCause.POD_FINISHED)
_TOLD_ELSEWHERE = frozenset({"CrashLoopBackOff", "PostStartHookError", "ImagePullBackOff"})


class Stage(IntEnum):
    """What a check is doing."""

    START = 1
    SOAK = 2
    COMMAND = 3
    STOP = 4


@dataclass(frozen=True, slots=True)
class CheckState:
    """The whole check at one moment."""

    pods: Mapping[str, PodProgress]
    """By UID, in the order of the input."""
    max_restarts: int = 0
    stage: Stage = Stage.START
    entered: Mapping[Stage, datetime] | None = None
    """When each stage so far began."""
    failure: Failure | None = None
    command_status: int | None = None
    command_seconds: float = 0.0
    command_failure: Failure | None = None
    """Also when a Pod had failed before."""

    @classmethod
    def of(cls, pods: Iterable[PodProgress], *, max_restarts: int, now: datetime) -> CheckState:
        by_uid = {progress.pod.metadata.uid: progress for progress in pods}
        return cls(by_uid, max_restarts, entered={Stage.START: now})

    @property
    def reached(self) -> bool:
        """All Pods are where they are to be, at this moment."""
        return all(pod.reached for pod in self.pods.values())

    def entered_at(self, stage: Stage) -> datetime | None:
        return (self.entered or {}).get(stage)

    def enter(self, stage: Stage, now: datetime) -> CheckState:
        return replace(self, stage=stage, entered={**(self.entered or {}), stage: now})

    def fail(self, failure: Failure) -> CheckState:
        return self if self.failure else replace(self, failure=failure)

    def timed_out(self, seconds: float, now: datetime) -> CheckState:
        """The goal was not reached in time."""
        late = [pod for pod in self.pods.values() if not pod.reached]
        if not late:
            return self
        cause = not_in_time(late[0], seconds)
        if len(late) > 1:
            others = ", ".join(pod.ref.name for pod in late[1:])
            cause = replace(cause, evidence=(*cause.evidence, f"neither were: {others}"))
        return self.fail(_failure(cause, late[0], now))

    def soak_ended(self, now: datetime) -> CheckState:
        """Whoever was restarted has to be back."""
        for pod in self.pods.values():
            if not pod.reached and (cause := unready(pod, at_end=True)):
                return self.fail(_failure(cause, pod, now))
        return self

    def command_ended(self, status: int, seconds: float, command: str, now: datetime) -> CheckState:
        """`status` is an exit code, 128 + n after signal n."""
        state = replace(self, command_status=status, command_seconds=seconds)
        if status == 0:
            return state
        failure = Failure(
            ExitCode.COMMAND_FAILED,
            now,
            f"the command exited with {status}: {command}",
            CaseRef(CaseKind.COMMAND),
        )
        return replace(state, command_failure=failure).fail(failure)

    def record(self, record: Record) -> CheckState:
        """The state after one more record."""
        before = self.pods.get(record.pod.uid)
        if before is None:
            return self
        after = before.after(record)
        state = replace(self, pods={**self.pods, record.pod.uid: after})
        if self.failure is not None:
            return state
        cause = state._judge(record, before, after)
        return state if cause is None else state.fail(_failure(cause, after, record.at))

    def _judge(self, record: Record, before: PodProgress, pod: PodProgress) -> Cause | None:
        match record:
            case StopStep(step="KILL") | KillFailed():
                return unclean_stop(record) if _is_unclean(pod, record) else None
            case HookRan(ok=False, hook="preStop"):
                return unclean_stop(record) if self.stage is Stage.STOP else None
        if self.stage is Stage.STOP:
            return None
        return self._judge_run(record, before, pod)

    def _judge_run(self, record: Record, before: PodProgress, pod: PodProgress) -> Cause | None:
        soaking = self.stage is not Stage.START
        match record:
            case ContainerStartFailed(reason=reason) if reason not in _TOLD_ELSEWHERE:
                return start_failed(pod, record)
            case VolumeFailed():
                return volume_failed(record)
            case PortClash():
                return port_taken(record)
            case HookRan(ok=False, hook="postStart") if self._is_last(pod, record.container):
                return hook_failed(pod, record)
            case KillRequested(cause=cause) if cause in _BY_PROBE:
                return self._judge_kill(record, pod, soaking=soaking)
            case ContainerExited(cause=cause) if cause in _BY_ITSELF and record.reason != (
                "StartError"
            ):
                return self._judge_exit(record, pod, soaking=soaking)
            case PhaseChanged(new="Failed"):
                return failed_pod(pod, record, soaking=soaking)
            case ConditionChanged(type="Ready", status="False") if before.ready:
                return unready(pod, at_end=False) if self._soaks(pod) else None
            case ProbeAttempted(kind=ProbeKind.READINESS, verdict="failure") if (
                record.verdict_before == "success" and pod.containers[record.container].running
            ):
                # Also while another container of the Pod keeps it from being Ready.
                return unready_by_probe(record, at_end=False) if self._soaks(pod) else None
        return None

    def _soaks(self, pod: PodProgress) -> bool:
        return self.stage is Stage.SOAK and pod.goal is Goal.READY

    def _judge_kill(
        self, record: KillRequested, pod: PodProgress, *, soaking: bool
    ) -> Cause | None:
        never = pod.pod.spec.restart_policy == "Never"
        if never or self._is_last(pod, record.container):
            return kill_by_probe(pod, record, soaking=soaking)
        return None

    def _judge_exit(
        self, record: ContainerExited, pod: PodProgress, *, soaking: bool
    ) -> Cause | None:
        if restarts(pod.pod, record):
            if pod.containers[record.container].restarts > self.max_restarts:
                return too_many_restarts(pod, record, self.max_restarts, soaking=soaking)
            return None
        init = pod.pod.is_init(record.container)
        if record.exit_code or (pod.goal is Goal.READY and not init):
            return ended_for_good(pod, record, soaking=soaking)
        return None

    def _is_last(self, pod: PodProgress, container: str) -> bool:
        """Whether one more restart of the container is too many."""
        return pod.containers[container].restarts >= self.max_restarts


def _is_unclean(pod: PodProgress, record: StopStep | KillFailed) -> bool:
    """That a container which failed its probe had to be killed is part of that failure."""
    container = pod.containers.get(record.container)
    return isinstance(record, KillFailed) or (
        container is not None and container.killed_for in _ORDERLY
    )


def _failure(cause: Cause, pod: PodProgress, at: datetime) -> Failure:
    return Failure(cause.code, at, cause.text, cause.case, pod.ref, cause.container, cause.evidence)
