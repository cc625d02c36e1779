"""Which kind has which strategy."""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.apiserver.strategies.cluster import NAMESPACES, NODES
from minikubelet.apiserver.strategies.data import CONFIG_MAPS, SECRETS
from minikubelet.apiserver.strategies.endpoint_slices import ENDPOINT_SLICES
from minikubelet.apiserver.strategies.endpoints import ENDPOINTS, LEASES
from minikubelet.apiserver.strategies.events import EVENTS, NEWER_EVENTS
from minikubelet.apiserver.strategies.network import SERVICES
from minikubelet.apiserver.strategies.pods import PODS
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.store.kinds import Resource

_PLAIN = Strategy()
_STRATEGIES: Mapping[tuple[str, str], Strategy] = {
    ("", "configmaps"): CONFIG_MAPS,
    ("", "endpoints"): ENDPOINTS,
    ("", "events"): EVENTS,
    ("", "namespaces"): NAMESPACES,
    ("", "nodes"): NODES,
    ("", "pods"): PODS,
    ("", "secrets"): SECRETS,
    ("", "services"): SERVICES,
    ("coordination.k8s.io", "leases"): LEASES,
    ("events.k8s.io", "events"): NEWER_EVENTS,
    ("discovery.k8s.io", "endpointslices"): ENDPOINT_SLICES,
}


def strategy_of(resource: Resource) -> Strategy:
    """A kind that is kept as another may have rules of its own."""
    own = _STRATEGIES.get((resource.group, resource.plural))
    return own or _STRATEGIES.get(resource.storage, _PLAIN)
