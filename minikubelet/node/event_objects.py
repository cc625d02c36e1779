"""Events as objects of the API (L-272).

Role: from a counted Event to its `v1` document, and back for those of an earlier daemon.
Invariants: pure; what others have put into a document stays.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from minikubelet.events import Event, EventType, Reason
from minikubelet.journal import PodRef
from minikubelet.manifest.json_tree import Json

COMPONENT = "kubelet"
SCHEDULER = "default-scheduler"
"""Whose part the node takes when it accepts a pod of the API (L-74)."""


def namespace_of(event: Event) -> str:
    """Events about what has no namespace are in `default`."""
    return event.pod.namespace or "default"


def event_document(
    event: Event, *, node_name: str, uid: str, now: datetime, resource_version: str
) -> Json:
    """A new object; `resource_version` is that of the object that the Event is about."""
    source = {"component": COMPONENT, "host": node_name}
    if event.reason == Reason.SCHEDULED:
        source = {"component": SCHEDULER}
    document: Json = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": event.name,
            "namespace": namespace_of(event),
            "uid": uid,
            "creationTimestamp": _time(now),
        },
        "reason": event.reason,
        "type": str(event.type),
        "source": source,
        "firstTimestamp": _time(event.first_timestamp),
        "eventTime": None,
        "reportingComponent": source["component"],
        "reportingInstance": node_name,
    }
    return updated_document(document, event, resource_version=resource_version)


def updated_document(document: Json, event: Event, *, resource_version: str) -> Json:
    """The object after the Event was counted again."""
    pod = event.pod
    about = {
        "kind": event.kind,
        "namespace": pod.namespace,
        "name": pod.name,
        "uid": pod.uid,
        "apiVersion": "v1",
        "resourceVersion": resource_version,
        "fieldPath": event.field_path,
    }
    return {
        **document,
        "involvedObject": {name: value for name, value in about.items() if value},
        "message": event.message,
        "lastTimestamp": _time(event.last_timestamp),
        "count": event.count,
    }


def event_from_document(document: Json, node_name: str) -> Event | None:
    """None for an Event that is not this node's."""
    try:
        reporter = (document["reportingComponent"], document["reportingInstance"])
        if reporter not in ((COMPONENT, node_name), (SCHEDULER, node_name)):
            return None
        about: dict[str, Any] = document["involvedObject"]
        return Event(
            name=document["metadata"]["name"],
            pod=PodRef(about.get("namespace", ""), about["name"], about["uid"]),
            type=EventType(document["type"]),
            reason=document["reason"],
            message=document["message"],
            field_path=about.get("fieldPath", ""),
            count=int(document["count"]),
            first_timestamp=datetime.fromisoformat(document["firstTimestamp"]),
            last_timestamp=datetime.fromisoformat(document["lastTimestamp"]),
            kind=about["kind"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def last_written(document: Json) -> str:
    """When it was written last, RFC 3339; such times can be compared as texts."""
    series: dict[str, Any] = document.get("series") or {}
    times = (
        document.get("lastTimestamp"),
        series.get("lastObservedTime"),
        document.get("eventTime"),
        (document.get("metadata") or {}).get("creationTimestamp"),
    )
    return max((time for time in times if isinstance(time, str)), default="")


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
