"""Pods that wait at scheduling gates: where they may run can still be narrowed.

Role: the new and the old spec → field errors. Upstream: pkg/apis/core/validation,
ValidatePodUpdate, the part for gated pods. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import FieldError, FieldPath, forbidden, invalid
from minikubelet.manifest.json_tree import Json, object_in, objects_in

_SPEC = FieldPath().child("spec")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_ADDITIONS = "are allowed (no mutations or deletions)"


def is_gated(spec: Json) -> bool:
    return bool(spec.get("schedulingGates"))


def validate_gates(new: Json, old: Json) -> Iterator[FieldError]:
    """Gates go, they do not come."""
    known = [gate.get("name") for gate in objects_in(old, "schedulingGates")]
    for index, gate in enumerate(objects_in(new, "schedulingGates")):
        if gate.get("name") not in known:
            detail = "only deletion is allowed, but found new scheduling gate "
            at = _SPEC.child("schedulingGates").index(index).child("name")
            yield forbidden(at, f"{detail}'{gate.get('name')}'")


def validate_narrower(new: Json, old: Json) -> Iterator[FieldError]:
    """Of a gated pod: labels and terms may be added to what selects its node."""
    before, after = old.get("nodeSelector") or {}, new.get("nodeSelector") or {}
    if not before.items() <= after.items():
        detail = f"only additions to spec.nodeSelector {_ADDITIONS}"
        yield invalid(_SPEC.child("nodeSelector"), after, detail)
    wanted = _required_terms(old)
    if wanted is None:
        return  # what was not there may be set
    path = _SPEC.child("affinity", "nodeAffinity", _REQUIRED, "nodeSelectorTerms")
    terms = _required_terms(new) or []
    if len(terms) != len(wanted):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield invalid(path, terms, detail)
        return
    for index, (term, given) in enumerate(zip(wanted, terms, strict=True)):
        if not all(_begins(given, term, part) for part in ("matchExpressions", "matchFields")):
            yield invalid(path.index(index), given, f"only additions {_ADDITIONS}")


def _required_terms(spec: Json) -> list[Json] | None:
    affinity = object_in(object_in(spec, "affinity") or {}, "nodeAffinity") or {}
    required = object_in(affinity, _REQUIRED)
    return None if required is None else list(objects_in(required, "nodeSelectorTerms"))


def _begins(term: Json, before: Json, part: str) -> bool:
    kept = list(objects_in(before, part))
    return list(objects_in(term, part))[: len(kept)] == kept
