"""Namespaces and nodes.

Upstream: pkg/registry/core/namespace, pkg/registry/core/node. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.metadata import validate_metadata
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    ErrorType,
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.validate_metadata import checked

CONTENT_FINALIZER = "kubernetes"
"""Of a namespace's spec: its content has to go first."""
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
NAME_LABEL = "kubernetes.io/metadata.name"


def _complete_namespace(document: Json) -> Json:
    meta = document["metadata"]
    if name := meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), NAME_LABEL: name}
    return document


def _initial_namespace_status(document: Json) -> Json:
    document.setdefault("spec", {})["finalizers"] = [CONTENT_FINALIZER]
    return {"phase": "Active"}


def _validate_namespace(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document, names.dns_label)


def _update_namespace(new: Json, old: Json) -> Iterator[FieldError]:
    before = (old.get("spec") or {}).get("finalizers")
    after = (new.get("spec") or {}).get("finalizers")
    if (after or []) != (before or []):
        path = FieldPath().child("spec", "finalizers")
        yield invalid(path, after, "field is immutable; use the finalize subresource")


def _complete_node(document: Json) -> Json:
    document.setdefault("spec", {})
    return document


def _initial_node_status(document: Json) -> Json | None:
    return {}


def _validate_node(document: Json) -> Iterator[FieldError]:
    yield from validate_metadata(document)
    taken: set[tuple[str, str]] = set()
    for index, taint in enumerate(objects_in(document.get("spec") or {}, "taints")):
        path = FieldPath().child("spec", "taints").index(index)
        key, effect = str(taint.get("key") or ""), str(taint.get("effect") or "")
        yield from checked(path.child("key"), key, names.qualified_name)
        yield from checked(path.child("value"), str(taint.get("value") or ""), names.label_value)
        if not effect:
            yield required(path.child("effect"))
        elif effect not in _EFFECTS:
            yield not_supported(path.child("effect"), effect, _EFFECTS)
        if (key, effect) in taken:
            detail = "taints must be unique by key and effect pair"
            yield FieldError(path, ErrorType.DUPLICATE, detail, taint)
        taken.add((key, effect))


NAMESPACES = Strategy(
    complete=_complete_namespace,
    initial_status=_initial_namespace_status,
    validate=_validate_namespace,
    validate_update=_update_namespace,
    has_status=True,
    returned_on_delete=True,
)
NODES = Strategy(
    complete=_complete_node,
    initial_status=_initial_node_status,
    validate=_validate_node,
    has_status=True,
)
