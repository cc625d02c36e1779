"""Events of the core API as text: when, how often, who says so. Pure.

Upstream: kubectl pkg/describe, DescribeEvents, and pkg/cmd/events.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from minikubelet.manifest.json_tree import Json
from minikubelet.pod.printer import age_text, parse_time


def age_of(text: str | None, now: datetime) -> str:
    time = parse_time(text)
    return age_text(None if time is None else (now - time).total_seconds())


def interval_text(event: Json, now: datetime) -> str:
    """`5s`, or `5s (x3 over 2m)` (L-290)."""
    first = age_of(event.get("eventTime") or event.get("firstTimestamp"), now)
    if series := event.get("series"):
        return (
            f"{age_of(series.get('lastObservedTime'), now)} (x{series.get('count')} over {first})"
        )
    if (count := event.get("count") or 0) > 1:
        return f"{age_of(event.get('lastTimestamp'), now)} (x{count} over {first})"
    return first


def last_time(event: Json) -> datetime:
    """When it happened last."""
    series = event.get("series") or {}
    texts = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    times = [time for text in texts if (time := parse_time(text)) is not None]
    return times[0] if times else datetime.fromtimestamp(0, UTC)


def in_order(events: Iterable[Json]) -> list[Json]:
    return sorted(events, key=last_time)


def source_text(event: Json) -> str:
    """The component, else the controller that reports."""
    return (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""


def message_text(event: Json) -> str:
    return str(event.get("message") or "").strip()
