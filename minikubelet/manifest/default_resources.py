"""Requests that follow from limits (L-29), for containers and for the pod as a whole.

Role: part of `defaults.py`, on a private copy of the spec: quantities in canonical form, rounded up
to milli units; a limit without a request becomes the request. What is no quantity stays as it is.
Upstream: pkg/apis/core/v1/defaults.go. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.json_tree import Json, object_in, objects_in
from minikubelet.manifest.quantity import Quantity, QuantityError, parse_quantity
from minikubelet.manifest.resource_names import is_for_pods, is_overcommit_allowed
from minikubelet.manifest.resource_sums import aggregate_requests


def default_resources(spec: Json) -> None:
    """Change `spec` in place."""
    containers = list(objects_in(spec, "containers"))
    init_containers = list(objects_in(spec, "initContainers"))
    for owner in (*containers, *init_containers, spec):
        _canonicalize(owner)
    for container in (*containers, *init_containers):
        resources = object_in(container, "resources") or {}
        if limits := object_in(resources, "limits"):
            resources["requests"] = {**limits, **(object_in(resources, "requests") or {})}
    _default_pod_requests(spec, containers, init_containers)


def _canonicalize(owner: Json) -> None:
    resources = object_in(owner, "resources") or {}
    for quantities in (object_in(resources, "limits"), object_in(resources, "requests")):
        for name, text in (quantities or {}).items():
            quantity = _parse(text)
            if quantities is not None and quantity is not None:
                quantities[name] = str(quantity.rounded_up_to_milli())


def _default_pod_requests(spec: Json, containers: list[Json], init_containers: list[Json]) -> None:
    """Missing requests of the pod: what its containers ask for, else the pod's limit."""
    resources = object_in(spec, "resources") or {}
    limits = object_in(resources, "limits")
    if not limits:
        return
    needed = aggregate_requests(
        map(_requests, containers),
        ((_requests(init), init.get("restartPolicy") == "Always") for init in init_containers),
    )
    defaults = {name: text for name, text in limits.items() if is_for_pods(name)}
    for name, total in needed.items():
        if is_for_pods(name) and is_overcommit_allowed(name):
            defaults[name] = str(total)
    requests = {**defaults, **(object_in(resources, "requests") or {})}
    if requests:
        resources["requests"] = requests


def _requests(container: Json) -> Mapping[str, Quantity]:
    resources = object_in(container, "resources") or {}
    parsed = {name: _parse(text) for name, text in (object_in(resources, "requests") or {}).items()}
    return {name: quantity for name, quantity in parsed.items() if quantity is not None}


def _parse(value: object) -> Quantity | None:
    """A quantity is written as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        return parse_quantity(str(value))
    except QuantityError:
        return None
