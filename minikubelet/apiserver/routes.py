"""The route table: which path and method lead to which handler."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.pod_actions import PodActions
from minikubelet.apiserver.resources import ResourceHandlers
from minikubelet.apiserver.services import Handler, Route
from minikubelet.apiserver.streams import PodStreams

_END = "{end:/?}"
"""A slash at the end changes nothing, as upstream (K-11)."""
_ROOTS = ("/api/{version}", "/apis/{group}/{version}")
_POD = "/api/{version:v1}/namespaces/{namespace}/{plural:pods}/{name}"
_ACCOUNT = "/api/{version:v1}/namespaces/{namespace}/{plural:serviceaccounts}/{name}"


def resource_routes(handlers: ResourceHandlers) -> Iterator[Route]:
    """Every kind, at cluster scope and in a namespace; more literal ones come first."""
    for root in _ROOTS:
        for subresource in ("status", "finalize"):
            # A namespace's own, which would else read as a kind in a namespace.
            path = f"{root}/{{plural:namespaces}}/{{name}}/{{subresource:{subresource}}}"
            yield from _item(path, handlers, subresource=True)
        for place in (f"{root}/namespaces/{{namespace}}/{{plural}}", f"{root}/{{plural}}"):
            yield Route("GET", place + _END, handlers.list_or_watch)
            yield Route("POST", place + _END, handlers.create)
            yield Route("DELETE", place + _END, handlers.delete_collection)
            # Which else would read as a subresource of a namespace.
            for method in ("PUT", "PATCH"):
                yield Route(method, place + _END, handlers.refuse_method)
            yield from _item(f"{place}/{{name}}", handlers)
            yield from _item(f"{place}/{{name}}/{{subresource}}", handlers, subresource=True)


def pod_routes(actions: PodActions, log: Handler) -> Iterator[Route]:
    yield Route("GET", f"{_POD}/log", log)
    yield Route("POST", f"{_POD}/binding", actions.bind)
    yield Route("POST", f"{_POD}/eviction", actions.evict)
    yield Route("POST", f"{_ACCOUNT}/token", actions.create_token)


def stream_routes(streams: PodStreams) -> Iterator[Route]:
    """WebSockets begin with GET, SPDY with POST (K-50)."""
    for method in ("GET", "POST"):
        yield Route(method, f"{_POD}/exec", streams.exec)
        yield Route(method, f"{_POD}/attach", streams.attach)
        yield Route(method, f"{_POD}/portforward", streams.port_forward)


def _item(path: str, handlers: ResourceHandlers, *, subresource: bool = False) -> Iterator[Route]:
    yield Route("GET", path + _END, handlers.get)
    yield Route("PUT", path + _END, handlers.update)
    yield Route("PATCH", path + _END, handlers.patch)
    if not subresource:
        yield Route("DELETE", path + _END, handlers.delete)
