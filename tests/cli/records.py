"""Records, Events and statuses of one small run, as the output tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from minikubelet.events import Event, EventType
from minikubelet.journal import (
    ContainerExited,
    ContainerStarted,
    KillRequested,
    PodRef,
    ProbeAttempted,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.runtime.container_log import LogEntry

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = PodRef("default", "web", "1")
DB = PodRef("default", "db", "2")
ID = "process://" + "5f" * 32


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def of_app(seconds: float = 0, pod: PodRef = WEB, container: str = "app") -> dict[str, Any]:
    """What every record of a container has."""
    return {
        "at": at(seconds),
        "pod": pod,
        "container": container,
        "field_path": f"spec.containers{{{container}}}",
    }


def a_start(seconds: float = 0, restart_count: int = 0, pid: int = 7) -> ContainerStarted:
    return ContainerStarted(
        **of_app(seconds), container_id=ID, restart_count=restart_count, pid=pid
    )


def a_probe(
    outcome: str,
    kind: ProbeKind = ProbeKind.LIVENESS,
    *,
    run: int = 1,
    threshold: int = 3,
    verdict: str = "success",
    before: str = "success",
    output: str = "",
    error: str = "",
    seconds: float = 0,
) -> ProbeAttempted:
    return ProbeAttempted(
        **of_app(seconds),
        kind=kind,
        container_id=ID,
        planned_at=at(seconds),
        trigger="schedule",
        duration_seconds=0.01,
        outcome=outcome,
        output=output,
        error=error,
        verdict=verdict,
        verdict_before=before,
        run_length=run,
        threshold=threshold,
    )


def a_kill(
    cause: KillCause, message: str = "", grace: float = 30, seconds: float = 0
) -> KillRequested:
    return KillRequested(
        **of_app(seconds),
        container_id=ID,
        cause=cause,
        message=message,
        grace_period_seconds=grace,
    )


def an_exit(
    code: int,
    cause: KillCause | None = None,
    *,
    signal: int | None = None,
    reason: str = "",
    message: str = "",
    ran: float = 3.2,
    seconds: float = 0,
    survivors: tuple[str, ...] = (),
) -> ContainerExited:
    return ContainerExited(
        **of_app(seconds),
        container_id=ID,
        restart_count=0,
        exit_code=code,
        signal=signal,
        reason=reason or ("Error" if code else "Completed"),
        message=message,
        ran_seconds=ran,
        cause=cause,
        survivors=survivors,
    )


def an_event(
    reason: str, message: str, count: int = 1, *, field_path: str = "", seconds: float = 0
) -> Event:
    return Event(
        name="web.18",
        pod=WEB,
        type=EventType.WARNING,
        reason=reason,
        message=message,
        field_path=field_path,
        count=count,
        first_timestamp=BEGAN,
        last_timestamp=at(seconds),
    )


def a_line(text: bytes, stream: str = "stdout", *, partial: bool = False) -> LogEntry:
    return LogEntry(BEGAN, "2026-01-01T12:00:00.123456789Z", stream, text, partial)
