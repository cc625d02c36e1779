"""What the containers of a pod ask for together.

Role: sums of requests, as the scheduler counts them. Upstream: component-helpers/resource,
AggregateContainerRequests. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikubelet.manifest.quantity import Quantity

Resources = Mapping[str, Quantity]


def aggregate_requests(
    regular: Iterable[Resources], init: Iterable[tuple[Resources, bool]]
) -> dict[str, Quantity]:
    """The larger of all that run together and of the hungriest moment of initialization.

    `init` pairs the requests of each init container with whether it is a sidecar, which runs on.
    """
    together: dict[str, Quantity] = {}
    for requests in regular:
        _add(together, requests)
    sidecars: dict[str, Quantity] = {}
    peak: dict[str, Quantity] = {}
    for requests, is_sidecar in init:
        if is_sidecar:
            _add(together, requests)
            _add(sidecars, requests)
            _raise(peak, sidecars)
        else:
            moment = dict(sidecars)
            _add(moment, requests)
            _raise(peak, moment)
    _raise(together, peak)
    return together


def _add(total: dict[str, Quantity], more: Resources) -> None:
    for name, quantity in more.items():
        before = total.get(name)
        total[name] = (
            quantity if before is None else Quantity(before.nano + quantity.nano, before.format)
        )


def _raise(total: dict[str, Quantity], other: Resources) -> None:
    for name, quantity in other.items():
        if name not in total or total[name] < quantity:
            total[name] = quantity
