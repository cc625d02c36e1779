"""Objects for the tests of Tables, and the cells of their rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from minikubelet.apiserver.tables import IncludeObject, table
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Resource

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CREATED = "2026-01-01T11:55:30Z"
AGE = "4m30s"


def kind(name: str) -> Resource:
    return next(resource for resource in RESOURCES if resource.kind == name)


def an_object(**parts: Any) -> Json:
    metadata = {"name": "x", "namespace": "default", "creationTimestamp": CREATED}
    return {"metadata": metadata | parts.pop("metadata", {}), **parts}


def the_table(
    name: str, *documents: Json, include: IncludeObject = "Metadata", version: str = "v1"
) -> Json:
    metadata = {"resourceVersion": "7"}
    return table(
        kind(name), documents, include=include, now=NOW, list_metadata=metadata, version=version
    )


def cells(name: str, document: Json) -> dict[str, Any]:
    """The cells of one row by the heading that kubectl prints, `+` for wide ones."""
    found = the_table(name, document)
    headings = [c["name"].upper() + "+" * c["priority"] for c in found["columnDefinitions"]]
    return dict(zip(headings, found["rows"][0]["cells"], strict=True))


def template(**pod_spec: Any) -> Json:
    containers = [{"name": "a", "image": "one:1"}, {"name": "b", "image": "two"}]
    return {"spec": {"containers": containers, **pod_spec}}


TEMPLATE_CELLS = {"CONTAINERS+": "a,b", "IMAGES+": "one:1,two"}
SELECTOR = {
    "matchLabels": {"tier": "front"},
    "matchExpressions": [
        {"key": "app", "operator": "In", "values": ["b", "a"]},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}
SELECTOR_CELL = {"SELECTOR+": "app in (a,b),!old,tier=front"}

RUNNING: Json = {"state": {"running": {"startedAt": CREATED}}, "ready": True, "restartCount": 0}


def entry(name: str, **fields: Any) -> Json:
    return {"name": name, **RUNNING, **fields}
