"""metrics.k8s.io/v1beta1: what `kubectl top` asks for.

Role: PodMetrics and NodeMetrics from a snapshot of `usage.py`; rendering is pure.
Upstream: metrics-server. A pod without a running container has no metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from aiohttp import web

from minikubelet.apiserver.negotiation import Form, wanted_form
from minikubelet.apiserver.pod_instances import container_statuses
from minikubelet.apiserver.requests import selectors
from minikubelet.apiserver.responses import ApiError, bad_request
from minikubelet.apiserver.services import Handler, Route
from minikubelet.apiserver.usage import Measured, Snapshot, UsageReader
from minikubelet.manifest.json_tree import Json, object_in
from minikubelet.pod.encode_status import encode_time
from minikubelet.store.kinds import Resource, known_resource
from minikubelet.store.objects import Key, StoredObject
from minikubelet.store.store import ObjectStore

_API_VERSION = "metrics.k8s.io/v1beta1"
_PATH = f"/apis/{_API_VERSION}"
_COLUMNS = tuple(
    {"name": name, "type": "string", "format": form, "description": text, "priority": 0}
    for name, form, text in (
        ("Name", "name", "Name of the measured object."),
        ("cpu", "", "Mean number of cores used over the window."),
        ("memory", "", "Working set."),
        ("Window", "", "The time over which cpu was measured."),
    )
)


def usage_routes(store: ObjectStore, usage: UsageReader) -> tuple[Route, ...]:
    pods, nodes = _resource("pods"), _resource("nodes")
    one_pod = f"{_PATH}/namespaces/{{namespace}}/pods/{{name}}"
    return (
        Route("GET", f"{_PATH}/pods", _list_handler(pods, store, usage)),
        Route("GET", f"{_PATH}/namespaces/{{namespace}}/pods", _list_handler(pods, store, usage)),
        Route("GET", one_pod, _get_handler(pods, store, usage)),
        Route("GET", f"{_PATH}/nodes", _list_handler(nodes, store, usage)),
        Route("GET", f"{_PATH}/nodes/{{name}}", _get_handler(nodes, store, usage)),
    )


def pod_metrics(pod: Json, snapshot: Snapshot) -> Json | None:
    """None while no container of it runs."""
    containers = []
    window = 0.0
    for status in container_statuses(pod):
        measured = snapshot.containers.get(str(status.get("containerID", "")))
        if measured is not None and "running" in (object_in(status, "state") or {}):
            containers.append({"name": status["name"], "usage": _usage(measured)})
            window = max(window, measured.window_seconds)
    if not containers:
        return None
    head = _head("PodMetrics", pod, snapshot.at, window)
    return {**head, "containers": sorted(containers, key=lambda c: str(c["name"]))}


def node_metrics(node: Json, snapshot: Snapshot) -> Json:
    measured = snapshot.node
    head = _head("NodeMetrics", node, snapshot.at, measured.window_seconds)
    return {**head, "usage": _usage(measured)}


def metrics_table(items: Sequence[Json], version: str) -> Json:
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {},
        "columnDefinitions": list(_COLUMNS),
        "rows": [{"cells": _cells(item), "object": _partial(item, version)} for item in items],
    }


def _list_handler(resource: Resource, store: ObjectStore, usage: UsageReader) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch", "") in ("1", "true", "True"):
            message = f"the server does not allow watching {resource.group_resource}"
            raise ApiError(405, "MethodNotAllowed", message)
        labels, fields = selectors(request.query)
        for term in fields.terms:
            if term.field not in ("metadata.name", "metadata.namespace"):
                raise bad_request(f"field label not supported: {term.field}")
        snapshot = await usage.read()
        items = []
        for stored in store.list(("", resource.plural), request.match_info.get("namespace")):
            places = {"metadata.name": stored.key.name, "metadata.namespace": stored.key.namespace}
            own = object_in(stored.document["metadata"], "labels") or {}
            if labels.matches(own) and fields.matches(places.get):
                items += _metrics(resource, stored, snapshot)
        wanted = wanted_form(request.headers.get("Accept", ""))
        if wanted.form is Form.TABLE:
            return web.json_response(metrics_table(items, wanted.version))
        kind = {"kind": resource.list_kind, "apiVersion": _API_VERSION, "metadata": {}}
        return web.json_response({**kind, "items": items})

    return handle


def _get_handler(resource: Resource, store: ObjectStore, usage: UsageReader) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        namespace, name = request.match_info.get("namespace", ""), request.match_info["name"]
        stored = store.get(Key("", resource.plural, namespace, name))
        found = _metrics(resource, stored, await usage.read()) if stored is not None else []
        if not found:
            raise _not_found(resource, f"{namespace}/{name}" if namespace else name)
        wanted = wanted_form(request.headers.get("Accept", ""))
        if wanted.form is Form.TABLE:
            return web.json_response(metrics_table(found, wanted.version))
        return web.json_response(found[0])

    return handle


def _not_found(resource: Resource, name: str) -> ApiError:
    """metrics-server names what it lacks by the kind, not by the plural."""
    kind = resource.kind.lower()
    details = {"name": name, "group": resource.group, "kind": kind}
    message = f'{kind}.{resource.group} "{name}" not found'
    return ApiError(404, "NotFound", message, details=details)


def _metrics(resource: Resource, stored: StoredObject, snapshot: Snapshot) -> list[Json]:
    if resource.plural == "nodes":
        return [node_metrics(stored.document, snapshot)]
    found = pod_metrics(stored.document, snapshot)
    return [found] if found is not None else []


def _head(kind: str, measured: Json, at: datetime, window: float) -> Json:
    metadata = measured["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    now = encode_time(at)
    return {
        "kind": kind,
        "apiVersion": _API_VERSION,
        "metadata": {**kept, "creationTimestamp": now},
        "timestamp": now,
        "window": f"{window:.3f}s",
    }


def _usage(measured: Measured) -> Json:
    """In the units of metrics-server: nano cores and Ki."""
    nano = round(measured.cores * 1e9)
    return {
        "cpu": f"{nano}n" if nano else "0",
        "memory": f"{-(-measured.memory_bytes // 1024)}Ki",
    }


def _cells(item: Json) -> list[str]:
    usages: Iterable[Json] = [c["usage"] for c in item.get("containers", ())] or [item["usage"]]
    nano = sum(int(usage["cpu"].removesuffix("n")) for usage in usages)
    kibibytes = sum(int(usage["memory"].removesuffix("Ki")) for usage in usages)
    return [item["metadata"]["name"], f"{nano}n" if nano else "0", f"{kibibytes}Ki", item["window"]]


def _partial(item: Json, version: str) -> Json:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": item["metadata"],
    }


def _resource(plural: str) -> Resource:
    return known_resource("metrics.k8s.io", "v1beta1", plural)
