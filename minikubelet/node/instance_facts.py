"""What a fact of the runtime makes of an instance. Pure: the instance as it was, and the fact, in;
the instance as it is, out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from minikubelet.manifest.pod import Container
from minikubelet.node.container_records import exit_reason, time_of
from minikubelet.pod.observed import ContainerRun, RunState
from minikubelet.runtime.records import ExitRecord, StartRecord

START_ERROR_EXIT_CODE = 128
LOST_EXIT_CODE = 137


def new_instance(
    container: Container, container_id: str, restart_count: int, now: datetime
) -> ContainerRun:
    """One that is about to be started."""
    return ContainerRun(
        container_id=container_id,
        name=container.name,
        restart_count=restart_count,
        state=RunState.CREATED,
        created_at=now,
        image=container.image,
        resources=container.resources,
        hook_pending=True,
    )


def started(run: ContainerRun, record: StartRecord) -> ContainerRun:
    return replace(
        run,
        state=RunState.RUNNING,
        started_at=time_of(record.started_at),
        started_monotonic=record.started_monotonic,
    )


def not_executed(
    run: ContainerRun, message: str, now: datetime, now_monotonic: float
) -> ContainerRun:
    """It counts as exited with 128, StartError (L-111)."""
    return replace(
        run,
        state=RunState.EXITED,
        started_at=now,
        finished_at=now,
        finished_monotonic=now_monotonic,
        exit_code=START_ERROR_EXIT_CODE,
        reason="StartError",
        message=message,
        hook_pending=False,
    )


def exited(run: ContainerRun, record: ExitRecord) -> ContainerRun:
    return replace(
        run,
        state=RunState.EXITED,
        started_at=run.started_at or run.created_at,
        finished_at=time_of(record.finished_at),
        finished_monotonic=record.finished_monotonic,
        exit_code=record.exit_code,
        reason=exit_reason(record),
        message=record.message,
    )


def lost(run: ContainerRun, now: datetime, now_monotonic: float) -> ContainerRun:
    """Nobody knows how it ended (L-218)."""
    return replace(
        run,
        state=RunState.EXITED,
        started_at=run.started_at or run.created_at,
        finished_at=now,
        finished_monotonic=now_monotonic,
        exit_code=LOST_EXIT_CODE,
        reason="ContainerStatusUnknown",
        message="The container could not be located when the pod was terminated",
    )
