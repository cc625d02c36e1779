"""Whether a pod's demands fit a node: selector, affinity, taints.

Role: the matching rules that admission and scheduling share.
Invariants: pure; a requirement that makes no sense matches nothing.
Upstream: component-helpers/scheduling/corev1, nodeaffinity and TolerationsTolerateTaint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from minikubelet.manifest.go_numbers import parse_int64
from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Toleration,
)
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str = ""
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


def matches_node(
    selector: Mapping[str, str],
    affinity: NodeAffinity | None,
    labels: Mapping[str, str],
    name: str,
) -> bool:
    """Whether `nodeSelector` and the required node affinity both hold."""
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    if affinity is None or affinity.required is None:
        return True
    return any(_term_matches(term, labels, name) for term in affinity.required)


def _term_matches(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    """An empty term matches no node."""
    if not term.match_expressions and not term.match_fields:
        return False
    return all(_holds(r, labels) for r in term.match_expressions) and all(
        r.key == "metadata.name" and r.operator in ("In", "NotIn") and _holds(r, {r.key: name})
        for r in term.match_fields
    )


def _holds(requirement: NodeSelectorRequirement, values: Mapping[str, str]) -> bool:
    value = values.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return value is not None and _compares(value, operator, requirement.values)
        case _:
            return False


def _compares(value: str, operator: str, values: tuple[str, ...]) -> bool:
    if len(values) != 1:
        return False
    own, other = parse_int64(value), parse_int64(values[0])
    if own is None or other is None:
        return False
    return own > other if operator == "Gt" else own < other


def untolerated(
    taints: Iterable[Taint], tolerations: Iterable[Toleration], effects: Collection[str]
) -> Taint | None:
    """The first taint of these effects that no toleration covers."""
    tolerations = tuple(tolerations)
    for taint in taints:
        if taint.effect in effects and not any(_tolerates(t, taint) for t in tolerations):
            return taint
    return None


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    match toleration.operator:
        case "Exists":
            return True
        case "" | "Equal":
            return bool(toleration.key) and toleration.value == taint.value
        case _:
            return False
