"""Rules for affinity to other pods, and for the label selectors in it.

Role: `spec.affinity.podAffinity` and `podAntiAffinity` → field errors in upstream's order.
Upstream: pkg/apis/core/validation, validatePodAffinity; apimachinery, ValidateLabelSelector. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid, required
from minikubelet.manifest.placement import (
    LabelSelector,
    PodAffinity,
    PodAffinityTerm,
)
from minikubelet.manifest.validate_metadata import checked, validate_labels
from minikubelet.manifest.validate_placement import validate_requirement

_WEIGHT_MAX = 100


def validate_pod_affinity(affinity: PodAffinity, path: FieldPath) -> Iterator[FieldError]:
    at = path.child("requiredDuringSchedulingIgnoredDuringExecution")
    for index, term in enumerate(affinity.required):
        yield from _validate_term(term, at.index(index))
    at = path.child("preferredDuringSchedulingIgnoredDuringExecution")
    for index, weighted in enumerate(affinity.preferred):
        if not 1 <= weighted.weight <= _WEIGHT_MAX:
            detail = f"must be in the range 1-{_WEIGHT_MAX}"
            yield invalid(at.index(index).child("weight"), weighted.weight, detail)
        yield from _validate_term(weighted.term, at.index(index).child("podAffinityTerm"))


def _validate_term(term: PodAffinityTerm, path: FieldPath) -> Iterator[FieldError]:
    for name, selector in (
        ("labelSelector", term.label_selector),
        ("namespaceSelector", term.namespace_selector),
    ):
        if selector is not None:
            yield from _validate_selector(selector, path.child(name))
    for namespace in term.namespaces:
        # Upstream names one of them where the field names several.
        yield from checked(path.child("namespace"), namespace, names.dns_label)
    at = path.child("topologyKey")
    if not term.topology_key:
        yield required(at, "can not be empty")
    yield from checked(at, term.topology_key, names.qualified_name)


def _validate_selector(selector: LabelSelector, path: FieldPath) -> Iterator[FieldError]:
    yield from validate_labels(selector.match_labels, path.child("matchLabels"))
    for index, requirement in enumerate(selector.match_expressions):
        yield from validate_requirement(requirement, path.child("matchExpressions").index(index))
