"""Where a pod may run and which names it resolves: the parts of its spec about its surroundings.

Role: frozen types used by `pod.py`, named as in Kubernetes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Toleration:
    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class PodDNSConfigOption:
    name: str = ""
    value: str | None = None


@dataclass(frozen=True, slots=True)
class PodDNSConfig:
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSelectorRequirement:
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSelectorTerm:
    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferredSchedulingTerm:
    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """`required` is None when absent; an empty tuple, a selector without terms, is invalid."""

    required: tuple[NodeSelectorTerm, ...] | None = None
    preferred: tuple[PreferredSchedulingTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[NodeSelectorRequirement, ...] = ()


@dataclass(frozen=True, slots=True)
class PodAffinityTerm:
    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightedPodAffinityTerm:
    weight: int = 0
    term: PodAffinityTerm = PodAffinityTerm()


@dataclass(frozen=True, slots=True)
class PodAffinity:
    """Also the type of `podAntiAffinity`. It has no effect here, and is checked all the same."""

    required: tuple[PodAffinityTerm, ...] = ()
    preferred: tuple[WeightedPodAffinityTerm, ...] = ()
