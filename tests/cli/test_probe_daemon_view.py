"""What the daemon thinks of a probe, from a Pod's status and Events."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from minikubelet.cli.probe_daemon_view import daemon_view, view_line
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import ProbeKind

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
RUNNING: Json = {"state": {"running": {}}, "started": True, "ready": True, "restartCount": 0}


def event(message: str, second: int, container: str = "app", **more: object) -> Json:
    return {
        "reason": "Unhealthy",
        "message": message,
        "involvedObject": {"fieldPath": f"spec.containers{{{container}}}"},
        "firstTimestamp": "2026-01-01T12:00:00Z",
        "lastTimestamp": f"2026-01-01T12:00:{second:02}Z",
        **more,
    }


EVENTS = [
    event("Readiness probe failed: new\nlines", 25, count=3),
    event("Readiness probe failed: old", 5),
    event("Readiness probe failed: of another", 29, container="side"),
    event("Liveness probe failed: dead", 20),
    event("Startup probe failed: is no reason", 28, reason="Killing"),
]


@pytest.mark.parametrize(
    ("status", "kind", "line"),
    [
        pytest.param(
            RUNNING,
            ProbeKind.READINESS,
            "the container is ready; last failure 5s ago (x3 over 30s): Readiness probe failed: "
            "new lines",
            id="ready, and the newest Event of this probe of this container",
        ),
        pytest.param(
            {**RUNNING, "ready": False, "restartCount": 2},
            ProbeKind.LIVENESS,
            "the container runs and was restarted 2 times; last failure 30s ago: Liveness probe "
            "failed: dead",
            id="restarted",
        ),
        pytest.param(
            {**RUNNING, "started": False},
            ProbeKind.STARTUP,
            "the container counts as not started; no failure of its startup probe is known",
            id="not started",
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ProbeKind.STARTUP,
            "the container is waiting; no failure of its startup probe is known",
            id="waiting",
        ),
        pytest.param(
            None,
            ProbeKind.STARTUP,
            "the container is not started yet; no failure of its startup probe is known",
            id="no status yet",
        ),
    ],
)
def test_lines(status: Json | None, kind: ProbeKind, line: str) -> None:
    statuses = [{"name": "side"}, {"name": "app", **status}] if status else []
    pod = {"status": {"containerStatuses": statuses}}
    assert view_line(daemon_view(pod, "app", kind, EVENTS, NOW)) == f"  daemon: {line}"
