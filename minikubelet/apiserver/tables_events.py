"""The rows of Events, in the form of core as well as of events.k8s.io. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from minikubelet.apiserver.tables_cells import Column, name, part, since
from minikubelet.manifest.json_tree import Json
from minikubelet.pod.printer import parse_time

EVENT_COLUMNS = (
    Column("Last Seen", "How long ago it happened last."),
    Column("Type", "Normal or Warning."),
    Column("Reason", "Why, in one word."),
    Column("Object", "What it is about."),
    Column("Subobject", "The part of the object that it is about.", wide=True),
    Column("Source", "Who says so.", wide=True),
    Column("Message", "What happened."),
    Column("First Seen", "How long ago it happened first.", wide=True),
    Column("Count", "How often it happened.", wide=True),
    Column("Name", "Name of the Event itself.", format="name", wide=True),
)


def event_cells(document: Json, now: datetime) -> list[Any]:
    about = part(document, "involvedObject") or part(document, "regarding")
    series = part(document, "series")
    count = _either(document, "count", "deprecatedCount")
    message = document.get("message") or document.get("note") or ""
    first, last = event_times(document)
    return [
        since(last, now),
        document.get("type", ""),
        document.get("reason", ""),
        event_object(about),
        about.get("fieldPath", ""),
        event_source(document),
        message.strip(),
        since(first, now),
        count or series.get("count") or 1,
        name(document),
    ]


def event_times(document: Json) -> tuple[datetime | None, datetime | None]:
    """When it happened first and last."""
    happened = parse_time(document.get("eventTime"))
    first = parse_time(_either(document, "firstTimestamp", "deprecatedFirstTimestamp"))
    last = parse_time(_either(document, "lastTimestamp", "deprecatedLastTimestamp"))
    series = parse_time(part(document, "series").get("lastObservedTime"))
    return first or happened, last or series or happened or first


def event_object(about: Json) -> str:
    kind = str(about.get("kind", "")).lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def event_source(document: Json) -> str:
    """The component, and its host where one is known."""
    source = part(document, "source") or part(document, "deprecatedSource")
    component = (
        source.get("component")
        or document.get("reportingComponent")
        or document.get("reportingController")
        or ""
    )
    host = source.get("host") or document.get("reportingInstance")
    return f"{component}, {host}" if host else component


def _either(document: Json, core: str, deprecated: str) -> Any:
    return document.get(core) or document.get(deprecated)
