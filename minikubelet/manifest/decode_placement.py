"""Tolerations, node affinity and dnsConfig of a Pod, from JSON. Pure; see `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    scalars,
    value_or,
)
from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodDNSConfig,
    PodDNSConfigOption,
    PreferredSchedulingTerm,
    Toleration,
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
