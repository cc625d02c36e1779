"""What may change in a pod that exists (L-68).

Role: the new and the old document → field errors in upstream's order. Upstream:
pkg/apis/core/validation, ValidatePodUpdate. Pure.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from minikubelet.apiserver.metadata import validate_references
from minikubelet.apiserver.strategies.gated_pods import (
    is_gated,
    validate_gates,
    validate_narrower,
)
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.fieldpath import FieldError, FieldPath, forbidden, invalid, required
from minikubelet.manifest.json_tree import Json, copy_json, objects_in
from minikubelet.manifest.names import between
from minikubelet.manifest.static_pods import CONFIG_MIRROR
from minikubelet.manifest.validate_pod import validate_pod

_SPEC = FieldPath().child("spec")
_INT32_MAX = 2**31 - 1
_ALLOWED = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def validate_pod_update(new: Json, old: Json) -> Iterator[FieldError]:
    yield from _validate_as_new(new)
    yield from validate_references(new)
    yield from _validate_mirror(new, old)
    new_spec, old_spec = new["spec"], old["spec"]
    changed_lists = list(_validate_images(new_spec, old_spec))
    yield from changed_lists
    if any("add or remove" in error.detail for error in changed_lists):
        return
    yield from _validate_deadline(new_spec, old_spec)
    yield from validate_gates(new_spec, old_spec)
    if is_gated(old_spec):
        yield from validate_narrower(new_spec, old_spec)
    yield from _validate_tolerations(new_spec, old_spec)
    munged = _with_allowed_changes(new_spec, old_spec)
    if munged != old_spec:
        yield forbidden(_SPEC, f"{_ALLOWED}\n{_difference(old_spec, munged)}")


def _validate_as_new(new: Json) -> Iterator[FieldError]:
    """The rules of creation, but for those that only creation has."""
    document = copy_json(new)
    document["spec"].pop("ephemeralContainers", None)
    for error in validate_pod(decode_pod(document)):
        if not str(error.path).endswith(".image"):
            yield error


def _validate_images(new: Json, old: Json) -> Iterator[FieldError]:
    for kind in ("containers", "initContainers"):
        path = _SPEC.child(kind)
        after, before = list(objects_in(new, kind)), list(objects_in(old, kind))
        if len(after) != len(before):
            yield forbidden(path, "pod updates may not add or remove containers")
            return
        for index, container in enumerate(after):
            image = container.get("image") or ""
            if not image:
                yield required(path.index(index).child("image"))
            elif image != image.strip():
                detail = "must not have leading or trailing whitespace"
                yield invalid(path.index(index).child("image"), image, detail)


def _validate_deadline(new: Json, old: Json) -> Iterator[FieldError]:
    path = _SPEC.child("activeDeadlineSeconds")
    after, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if after is not None:
        if not 0 <= after <= _INT32_MAX:
            yield invalid(path, after, between(0, _INT32_MAX))
        elif before is not None and before < after:
            yield invalid(path, after, "must be less than or equal to previous value")
    elif before is not None:
        yield invalid(path, None, "must not update from a positive integer to nil value")


def _validate_mirror(new: Json, old: Json) -> Iterator[FieldError]:
    """The mark of a static pod's mirror is the node's."""
    after, before = (
        (pod["metadata"].get("annotations") or {}).get(CONFIG_MIRROR) for pod in (new, old)
    )
    path = FieldPath().child("metadata", "annotations").key(CONFIG_MIRROR)
    if before is None and after is not None:
        yield forbidden(path, "may not add mirror pod annotation")
    elif before != after:
        yield forbidden(path, "may not remove or update mirror pod annotation")


def _validate_tolerations(new: Json, old: Json) -> Iterator[FieldError]:
    after = [_without_seconds(item) for item in objects_in(new, "tolerations")]
    for item in objects_in(old, "tolerations"):
        if _without_seconds(item) not in after:
            detail = "existing toleration can not be modified except its tolerationSeconds"
            yield forbidden(_SPEC.child("tolerations"), detail)
            return


def _without_seconds(toleration: Json) -> Json:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _with_allowed_changes(new: Json, old: Json) -> Json:
    """The new spec with the old one's values where a change is allowed: what differs now was not
    allowed."""
    munged: Json = copy_json(new)
    for kind in ("containers", "initContainers"):
        pairs = zip(objects_in(munged, kind), objects_in(old, kind), strict=False)
        for container, before in pairs:
            _take(container, before, "image")
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates", "serviceAccount"):
        _take(munged, old, name)
    if is_gated(old):
        for name in ("nodeSelector", "affinity"):
            _take(munged, old, name)
    grace = "terminationGracePeriodSeconds"
    if old.get(grace, 0) < 0 and munged.get(grace) == 1:
        _take(munged, old, grace)
    return munged


def _take(target: Json, source: Json, name: str) -> None:
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)


def _difference(old: Any, new: Any) -> str:
    """Lines that went and lines that came, with their surroundings."""
    before, after = (
        json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
        for spec in (old, new)
    )
    lines = difflib.unified_diff(before, after, lineterm="", n=2)
    shown = [f"{line[:1]} {line[1:]}" for line in lines if not line.startswith(("---", "+++"))]
    return "\n".join("..." if line.startswith("@") else line for line in shown) + "\n"
