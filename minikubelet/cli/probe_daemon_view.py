"""What the daemon thinks of a probe, beside what `minikubelet probe POD` met. Pure.

Role: a container's status and the Events of its Pod → what the kubelet would say of each probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from minikubelet.cli.colors import printable
from minikubelet.cli.event_text import in_order, interval_text, message_text
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass

_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_PROBE_REASONS = ("Unhealthy", "ProbeWarning")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonView:
    state: str
    """running, waiting or terminated; empty where there is no status yet."""
    started: bool
    ready: bool
    restarts: int
    failure: str = ""
    """The message of the newest Event about this probe."""
    failed: str = ""
    """When that was: `5s ago`, `5s ago (x3 over 2m)`."""
    kind: ProbeKind


def daemon_view(
    pod: Json, container: str, kind: ProbeKind, events: Sequence[Json], now: datetime
) -> DaemonView:
    status: Json = next(
        (
            one
            for key in _STATUSES
            for one in (pod.get("status") or {}).get(key) or ()
            if one.get("name") == container
        ),
        {},
    )
    event = next((e for e in reversed(in_order(events)) if _is_of(e, container, kind)), None)
    return DaemonView(
        state=next(iter(status.get("state") or {}), ""),
        started=bool(status.get("started")),
        ready=bool(status.get("ready")),
        restarts=int(status.get("restartCount") or 0),
        failure=message_text(event) if event else "",
        failed=_ago(interval_text(event, now)) if event else "",
        kind=kind,
    )


def view_line(view: DaemonView) -> str:
    said = f"no failure of its {view.kind.lower()} probe is known"
    if view.failure:
        said = f"last failure {view.failed}: {' '.join(view.failure.split())}"
    return printable(f"  daemon: {_verdict(view)}; {said}")


def view_to_json(view: DaemonView) -> dict[str, Any]:
    return {
        "state": view.state,
        "started": view.started,
        "ready": view.ready,
        "restarts": view.restarts,
        "lastFailure": view.failure,
        "lastFailureAgo": view.failed,
    }


def _verdict(view: DaemonView) -> str:
    """What the probe decides about, as it stands."""
    if view.state != "running":
        return f"the container is {view.state or 'not started yet'}"
    match view.kind:
        case ProbeKind.STARTUP:
            return f"the container counts as {'' if view.started else 'not '}started"
        case ProbeKind.READINESS:
            return f"the container is {'' if view.ready else 'not '}ready"
        case ProbeKind.LIVENESS:
            times = "once" if view.restarts == 1 else f"{view.restarts} times"
            was = f"was restarted {times}" if view.restarts else "was never restarted"
            return f"the container runs and {was}"


def _is_of(event: Json, container: str, kind: ProbeKind) -> bool:
    field = (event.get("involvedObject") or {}).get("fieldPath") or ""
    return (
        event.get("reason") in _PROBE_REASONS
        and field.endswith(f"{{{container}}}")
        and message_text(event).startswith(f"{kind} probe ")
    )


def _ago(interval: str) -> str:
    """`5s (x3 over 2m)` → `5s ago (x3 over 2m)`."""
    last, space, more = interval.partition(" ")
    return f"{last} ago{space}{more}"
