"""What a pod's account tells the journal of one instance of a container.

Role: from an instance, at a moment in its life, to the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from minikubelet.clock import Clock
from minikubelet.journal import (
    BackOffStarted,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    KillRequested,
    LimitNotEnforced,
    PodRef,
    StopStep,
)
from minikubelet.node.pod_record import CreatedNote, KeptStop
from minikubelet.pod.actions import HoldContainer
from minikubelet.pod.observed import ContainerRun
from minikubelet.runtime.records import ExitRecord
from minikubelet.value_class import dataclass

_EXIT_REASONS = {"oom": "OOMKilled", "start_error": "StartError"}


@dataclass(frozen=True, slots=True)
class Place:
    """Which container of which pod."""

    pod: PodRef
    field_path: str


def created_record(run: ContainerRun, place: Place, note: CreatedNote) -> ContainerCreated:
    return ContainerCreated(
        at=run.created_at,
        pod=place.pod,
        container=run.name,
        field_path=place.field_path,
        container_id=run.container_id,
        restart_count=run.restart_count,
        argv=note.argv,
        command_source=note.command_source,
    )


def started_record(run: ContainerRun, place: Place, at: datetime, pid: int) -> ContainerStarted:
    return ContainerStarted(
        at=at,
        pod=place.pod,
        container=run.name,
        field_path=place.field_path,
        container_id=run.container_id,
        restart_count=run.restart_count,
        pid=pid,
    )


def cpu_unlimited_record(
    run: ContainerRun, place: Place, at: datetime, limit: str
) -> LimitNotEnforced:
    return LimitNotEnforced(
        at=at,
        pod=place.pod,
        container=run.name,
        field_path=place.field_path,
        message=f"cpu limit {limit} is not enforced: no control group for it can be made here",
    )


def kill_record(run: ContainerRun, place: Place, at: datetime, stop: KeptStop) -> KillRequested:
    return KillRequested(
        at=at,
        pod=place.pod,
        container=run.name,
        field_path=place.field_path,
        container_id=run.container_id,
        cause=stop.cause,
        message=stop.message,
        grace_period_seconds=stop.grace_period_seconds,
    )


def stop_records(
    run: ContainerRun, place: Place, end: ExitRecord, stop: KeptStop | None
) -> Iterator[StopStep]:
    """The signals that a shim has sent while no daemon listened, in the course of `stop`."""
    grace = 0.0 if stop is None else stop.grace_period_seconds
    for step, moment in (("TERM", end.term_at), ("KILL", end.kill_at)):
        if moment is None or end.term_at is None:
            continue
        yield StopStep(
            at=time_of(moment),
            pod=place.pod,
            container=run.name,
            field_path=place.field_path,
            container_id=run.container_id,
            step=step,
            seconds=grace if end.kill_at is None else (end.kill_at - end.term_at) / 1e9,
        )


def exited_record(
    run: ContainerRun,
    place: Place,
    at: datetime,
    signal: int | None,
    survivors: tuple[str, ...],
) -> ContainerExited:
    return ContainerExited(
        at=at,
        pod=place.pod,
        container=run.name,
        field_path=place.field_path,
        container_id=run.container_id,
        restart_count=run.restart_count,
        exit_code=run.exit_code or 0,
        signal=signal,
        reason=run.reason,
        message=run.message,
        ran_seconds=_ran_seconds(run),
        cause=run.killed_for,
        survivors=survivors,
    )


def exit_reason(record: ExitRecord) -> str:
    """The reason that the status shows (lifecycle spec, section 8)."""
    by_itself = "Completed" if record.exit_code == 0 else "Error"
    return _EXIT_REASONS.get(record.reason_hint, by_itself)


def time_of(unix_nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(unix_nanoseconds / 1e9, UTC)


def _ran_seconds(run: ContainerRun) -> float:
    if run.started_at is None or run.finished_at is None:
        return 0.0
    return max(0.0, (run.finished_at - run.started_at).total_seconds())


def back_off_record(
    hold: HoldContainer, latest: ContainerRun | None, place: Place, clock: Clock, message: str
) -> BackOffStarted:
    return BackOffStarted(
        at=clock.now(),
        pod=place.pod,
        container=hold.name,
        field_path=place.field_path,
        delay_seconds=hold.delay_seconds,
        remaining_seconds=hold.until - clock.monotonic(),
        restart_count=latest.restart_count if latest else 0,
        message=message,
    )
