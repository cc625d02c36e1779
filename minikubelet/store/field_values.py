"""What a field selector can ask of each kind.

Role: the fields of `fieldSelector` (K-31) and how they are read from a document. Pure.
Upstream: ToSelectableFields and AddFieldLabelConversions of each kind. Differs: metadata.name and
metadata.namespace are answered for every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource

Read = Callable[[Json], str]


def field_value(resource: Resource, document: Json, field: str) -> str | None:
    """What the document has there, empty when nothing. None: clients cannot select by this field
    (400 `field label not supported: …`)."""
    read = _METADATA.get(field) or _BY_KIND.get((resource.group, resource.kind), {}).get(field)
    return read(document) if read else None


def unsupported_field(resource: Resource, field: str) -> str:
    """The text of the 400; kinds without fields of their own have upstream's general one."""
    if (resource.group, resource.kind) in _BY_KIND:
        return f"field label not supported: {field}"
    offered = ", ".join(go_quote(name) for name in _METADATA)
    return f"{go_quote(field)} is not a known field selector: only {offered}"


def _at(path: str, default: str = "") -> Read:
    """The text at a dotted path."""
    steps = path.split(".")

    def read(document: Json) -> str:
        value: Any = document
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return default if value is None or value == "" else _text(value)

    return read


def _first(*paths: str) -> Read:
    """The first of the paths where something is."""
    reads = [_at(path) for path in paths]
    return lambda document: next((found for read in reads if (found := read(document))), "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _pod_ip(document: Json) -> str:
    status = document.get("status")
    pod_ips = status.get("podIPs") if isinstance(status, dict) else None
    if isinstance(pod_ips, list) and pod_ips and isinstance(pod_ips[0], dict):
        return _text(pod_ips[0].get("ip") or "")
    return _at("status.podIP")(document)


def _regarding(core: str, newer: str) -> dict[str, Read]:
    """Fields of the object an event is about, which the two groups name differently; a stored event
    has either form."""
    parts = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return {
        f"{shown}.{part}": _first(f"{core}.{part}", f"{newer}.{part}")
        for shown in (core, newer)
        for part in parts
    }


_REGARDING = _regarding("involvedObject", "regarding")
_REPORTER = _first("reportingComponent", "reportingController")

_METADATA: Mapping[str, Read] = {
    "metadata.name": _at("metadata.name"),
    "metadata.namespace": _at("metadata.namespace"),
}

_BY_KIND: Mapping[tuple[str, str], Mapping[str, Read]] = {
    ("", "Pod"): {
        "spec.nodeName": _at("spec.nodeName"),
        "spec.restartPolicy": _at("spec.restartPolicy"),
        "spec.schedulerName": _at("spec.schedulerName"),
        "spec.serviceAccountName": _at("spec.serviceAccountName"),
        "spec.hostNetwork": _at("spec.hostNetwork", "false"),
        "status.phase": _at("status.phase"),
        "status.podIP": _pod_ip,
        "status.podIPs": _pod_ip,
        "status.nominatedNodeName": _at("status.nominatedNodeName"),
    },
    ("", "Event"): {
        **{name: read for name, read in _REGARDING.items() if name.startswith("involved")},
        "reason": _at("reason"),
        "type": _at("type"),
        "reportingComponent": _REPORTER,
        "source": _first("source.component", "reportingComponent", "reportingController"),
    },
    ("events.k8s.io", "Event"): {
        **{name: read for name, read in _REGARDING.items() if name.startswith("regarding")},
        "reason": _at("reason"),
        "type": _at("type"),
        "reportingController": _REPORTER,
    },
    ("", "Secret"): {"type": _at("type")},
    ("", "Namespace"): {"status.phase": _at("status.phase"), "name": _at("metadata.name")},
    ("", "Node"): {"spec.unschedulable": _at("spec.unschedulable", "false")},
    ("", "Service"): {
        "spec.clusterIP": _at("spec.clusterIP"),
        "spec.type": _at("spec.type"),
    },
    ("", "ReplicationController"): {"status.replicas": _at("status.replicas", "0")},
    ("apps", "ReplicaSet"): {"status.replicas": _at("status.replicas", "0")},
    ("batch", "Job"): {"status.successful": _at("status.succeeded", "0")},
}
