"""What a pod's worker tells the journal of statuses, hooks and the runtime's news.

Role: from two statuses, the result of a hook or an event of the runtime to records.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from minikubelet.clock import Clock
from minikubelet.journal import (
    ConditionChanged,
    HookRan,
    KillFailed,
    LogLost,
    PhaseChanged,
    PodRef,
    Record,
    StopStep,
)
from minikubelet.manifest.pod import LifecycleHandler
from minikubelet.node.hooks import HookResult, describe_handler
from minikubelet.node.pod_state import PodState
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.processes import LogLostEvent, StopStepEvent


def status_records(
    before: PodStatus | None, status: PodStatus, ref: PodRef, now: datetime
) -> Iterator[Record]:
    """The phase and the conditions that are others now."""
    old_phase = before.phase if before else ""
    if status.phase != old_phase:
        yield PhaseChanged(
            at=now,
            pod=ref,
            old=old_phase,
            new=status.phase,
            reason=status.reason,
            message=status.message,
        )
    for condition in status.conditions:
        old = before.condition(condition.type) if before else None
        if old is None or old.status != condition.status:
            yield ConditionChanged(
                at=now,
                pod=ref,
                type=condition.type,
                status=condition.status,
                reason=condition.reason,
                message=condition.message,
            )


def hook_record(
    hook: str,
    handler: LifecycleHandler,
    result: HookResult,
    began: float,
    *,
    state: PodState,
    container: str,
    container_id: str,
    clock: Clock,
) -> HookRan:
    """A hook (`postStart` or `preStop`) that began at `began` (monotonic) and has ended now."""
    return HookRan(
        at=clock.now(),
        pod=state.ref,
        container=container,
        field_path=state.field_path(container),
        hook=hook,
        handler=describe_handler(handler),
        duration_seconds=clock.monotonic() - began,
        ok=result.ok,
        message=result.message,
        container_id=container_id,
        fallback_host=result.fallback_host,
    )


def runtime_record(
    event: StopStepEvent | LogLostEvent, ref: PodRef, name: str, field_path: str, now: datetime
) -> Record:
    """The record of an event about container `name`."""
    match event:
        case StopStepEvent(step="stuck"):
            return KillFailed(
                at=now,
                pod=ref,
                container=name,
                field_path=field_path,
                reason="FailedKillPod",
                message=f"container {name} survives SIGKILL: {event.detail}",
            )
        case StopStepEvent():
            return StopStep(
                at=now,
                pod=ref,
                container=name,
                field_path=field_path,
                container_id=event.container_id,
                step=event.step,
                seconds=event.seconds,
                detail=event.detail,
            )
        case LogLostEvent():
            return LogLost(
                at=now,
                pod=ref,
                container=name,
                field_path=field_path,
                lost_bytes=event.lost_bytes,
                message=event.message,
            )
