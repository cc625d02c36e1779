"""Tolerations, affinity and dnsConfig of a Pod, from JSON. Pure; see `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    scalars,
    value_or,
)
from minikubelet.manifest.placement import (
    LabelSelector,
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodDNSConfig,
    PodDNSConfigOption,
    PreferredSchedulingTerm,
    Toleration,
    WeightedPodAffinityTerm,
)


def decode_toleration(document: JSONObject) -> Toleration:
    return Toleration(
        key=value_or(document, "key", ""),
        operator=value_or(document, "operator", ""),
        value=value_or(document, "value", ""),
        effect=value_or(document, "effect", ""),
        toleration_seconds=document.get("tolerationSeconds"),
    )


def decode_dns_config(document: JSONObject) -> PodDNSConfig:
    return PodDNSConfig(
        nameservers=scalars(document, "nameservers"),
        searches=scalars(document, "searches"),
        options=objects(
            document,
            "options",
            lambda option: PodDNSConfigOption(value_or(option, "name", ""), option.get("value")),
        ),
    )


def decode_node_affinity(document: JSONObject) -> NodeAffinity:
    return NodeAffinity(
        required=object_or_none(
            document,
            "requiredDuringSchedulingIgnoredDuringExecution",
            lambda selector: objects(selector, "nodeSelectorTerms", _decode_term),
        ),
        preferred=objects(
            document, "preferredDuringSchedulingIgnoredDuringExecution", _decode_preferred
        ),
    )


def _decode_preferred(document: JSONObject) -> PreferredSchedulingTerm:
    return PreferredSchedulingTerm(
        value_or(document, "weight", 0), _decode_term(value_or(document, "preference", {}))
    )


def _decode_term(document: JSONObject) -> NodeSelectorTerm:
    return NodeSelectorTerm(
        match_expressions=objects(document, "matchExpressions", _decode_requirement),
        match_fields=objects(document, "matchFields", _decode_requirement),
    )


def _decode_requirement(document: JSONObject) -> NodeSelectorRequirement:
    return NodeSelectorRequirement(
        key=value_or(document, "key", ""),
        operator=value_or(document, "operator", ""),
        values=scalars(document, "values"),
    )


def decode_pod_affinity(document: JSONObject) -> PodAffinity:
    return PodAffinity(
        required=objects(
            document, "requiredDuringSchedulingIgnoredDuringExecution", _decode_affinity_term
        ),
        preferred=objects(
            document,
            "preferredDuringSchedulingIgnoredDuringExecution",
            lambda weighted: WeightedPodAffinityTerm(
                value_or(weighted, "weight", 0),
                _decode_affinity_term(value_or(weighted, "podAffinityTerm", {})),
            ),
        ),
    )


def _decode_affinity_term(document: JSONObject) -> PodAffinityTerm:
    return PodAffinityTerm(
        topology_key=value_or(document, "topologyKey", ""),
        label_selector=object_or_none(document, "labelSelector", _decode_label_selector),
        namespace_selector=object_or_none(document, "namespaceSelector", _decode_label_selector),
        namespaces=scalars(document, "namespaces"),
    )


def _decode_label_selector(document: JSONObject) -> LabelSelector:
    return LabelSelector(
        match_labels=dict(value_or(document, "matchLabels", {})),
        match_expressions=objects(document, "matchExpressions", _decode_requirement),
    )
