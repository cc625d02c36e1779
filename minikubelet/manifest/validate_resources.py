"""Rules for resources: names, quantities, requests within limits.

Role: the resources of containers and of the whole pod → field errors in upstream's order; names are
taken in alphabetical order, where upstream takes them at random.
Upstream: pkg/apis/core/validation, validateResourceRequirements. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minikubelet.manifest import names
from minikubelet.manifest import resource_names as resources
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import PodSpec, ResourceRequirements, is_sidecar
from minikubelet.manifest.quantity import Quantity, QuantityError, parse_quantity
from minikubelet.manifest.resource_sums import aggregate_requests

_ZERO = parse_quantity("0")
_NameRule = Callable[[str, FieldPath], Iterator[FieldError]]
_Quantities = Mapping[str, Quantity]


def validate_resources(requirements: ResourceRequirements, path: FieldPath) -> Iterator[FieldError]:
    """The resources of one container."""
    limits, requests = _parsed(requirements.limits), _parsed(requirements.requests)
    yield from _validate(limits, requests, _validate_container_name, path)


def validate_overhead(overhead: Mapping[str, str], path: FieldPath) -> Iterator[FieldError]:
    """Upstream treats it as limits."""
    yield from _validate(_parsed(overhead), {}, _validate_container_name, path)


def validate_pod_resources(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    """`spec.resources`, which has to cover what the containers ask for."""
    if spec.resources is None:
        return
    limits, requests = _parsed(spec.resources.limits), _parsed(spec.resources.requests)
    yield from _validate(limits, requests, _validate_pod_name, path)
    needed = aggregate_requests(
        (_parsed(container.resources.requests) for container in spec.containers),
        (
            (_parsed(container.resources.requests), is_sidecar(container, init=True))
            for container in spec.init_containers
        ),
    )
    for name, total in sorted(needed.items()):
        request = requests.get(name, _ZERO)
        if total > request:
            detail = f"must be greater than or equal to aggregate container requests of {total}"
            yield invalid(path.child("requests").key(name), str(request), detail)
    for index, container in enumerate(spec.containers):
        for name, limit in sorted(_parsed(container.resources.limits).items()):
            if name in limits and limit > limits[name]:
                at = path.child("containers").index(index).key(name).child("limits")
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                yield invalid(at, str(limit), detail)


def _parsed(texts: Mapping[str, str]) -> dict[str, Quantity]:
    """The strict check has made sure that these are quantities."""
    return {name: parse_quantity(text) for name, text in texts.items()}


def _validate(
    limits: _Quantities, requests: _Quantities, name_rule: _NameRule, path: FieldPath
) -> Iterator[FieldError]:
    for name, limit in sorted(limits.items()):
        at = path.child("limits").key(name)
        yield from name_rule(name, at)
        yield from _validate_quantity(name, limit, at)
        yield from _validate_huge_pages(name, limit, at)
    for name, request in sorted(requests.items()):
        at = path.child("requests").key(name)
        yield from name_rule(name, at)
        yield from _validate_quantity(name, request, at)
        yield from _validate_within_limit(name, request, limits.get(name), path)
        yield from _validate_huge_pages(name, request, at)
    given = limits.keys() | requests.keys()
    if any(map(resources.is_huge_pages, given)) and not given & set(resources.COMPUTE):
        yield forbidden(path, "HugePages require cpu or memory")


def _validate_within_limit(
    name: str, request: Quantity, limit: Quantity | None, path: FieldPath
) -> Iterator[FieldError]:
    may_differ = resources.is_overcommit_allowed(name)
    if limit is None:
        if not may_differ:
            detail = "Limit must be set for non overcommitable resources"
            yield required(path.child("limits"), detail)
    elif not may_differ and request != limit:
        detail = f"must be equal to {name} limit of {limit}"
        yield invalid(path.child("requests"), str(request), detail)
    elif request > limit:
        detail = f"must be less than or equal to {name} limit of {limit}"
        yield invalid(path.child("requests"), str(request), detail)


def _validate_quantity(name: str, quantity: Quantity, path: FieldPath) -> Iterator[FieldError]:
    if quantity < _ZERO:
        yield invalid(path, str(quantity), "must be greater than or equal to 0")
    if resources.is_counted(name) and quantity.milli_value() % 1000:
        yield invalid(path, str(quantity), "must be an integer")


def _validate_huge_pages(name: str, quantity: Quantity, path: FieldPath) -> Iterator[FieldError]:
    """The amount is a multiple of the page size, which stands in the name."""
    if not resources.is_huge_pages(name):
        return
    try:
        page = parse_quantity(name.removeprefix(resources.HUGE_PAGES_PREFIX)).value()
    except QuantityError:
        page = 0
    if page <= 0 or quantity.value() % page:
        detail = f"{quantity} is not positive integer multiple of {name}"
        yield invalid(path, str(quantity), detail)


def _validate_container_name(name: str, path: FieldPath) -> Iterator[FieldError]:
    details = names.qualified_name(name)
    yield from (invalid(path, name, detail) for detail in details)
    if "/" not in name:
        if not details and not resources.is_standard(name):
            yield invalid(path, name, "must be a standard resource type or fully qualified")
        if not resources.is_for_containers(name):
            yield invalid(path, name, "must be a standard resource for containers")
    elif not resources.is_native(name) and not resources.is_extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def _validate_pod_name(name: str, path: FieldPath) -> Iterator[FieldError]:
    yield from (invalid(path, name, detail) for detail in names.qualified_name(name))
    if not resources.is_for_pods(name):
        yield not_supported(path, name, resources.COMPUTE)
