"""Other cpu and memory for the containers of a pod: `pods/resize` (L-256, accepted and recorded).

Role: what a resize lets through, and whether it may be. Upstream: pkg/registry/core/pod strategy,
podResizeStrategy; pkg/apis/core/validation, ValidatePodResize. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.strategies.pods import complete_pod
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.fieldpath import FieldError, FieldPath, forbidden, invalid
from minikubelet.manifest.json_tree import Json, copy_json, objects_in
from minikubelet.manifest.static_pods import is_mirror
from minikubelet.manifest.validate_pod import validate_pod
from minikubelet.pod.qos import compute_qos_class

_SPEC = FieldPath().child("spec")
_LISTS = ("initContainers", "containers")
_RESIZED = ("resources", "resizePolicy")
_MUTABLE = frozenset({"cpu", "memory"})


def with_new_resources(new: Json, old: Json) -> Json:
    """The old pod with what a resize may touch; the rest of the new one does not count."""
    pod: Json = copy_json(old)
    for kind in _LISTS:
        given = {container.get("name"): container for container in objects_in(new["spec"], kind)}
        for container in objects_in(pod["spec"], kind):
            if (source := given.get(container.get("name"))) is not None:
                container.pop("resizePolicy", None)
                container |= {name: source[name] for name in _RESIZED if name in source}
    return complete_pod(pod)


def validate_resize(new: Json, old: Json) -> Iterator[FieldError]:
    if is_mirror(old):
        yield forbidden(FieldPath(), "static pods cannot be resized")
        return
    document = copy_json(new)
    document["spec"].pop("ephemeralContainers", None)
    errors = list(validate_pod(decode_pod(document)))
    yield from errors
    if errors:
        return
    if (after := compute_qos_class(decode_pod(new))) != compute_qos_class(decode_pod(old)):
        detail = "Pod QOS Class may not change as a result of resizing"
        yield invalid(_SPEC, str(after), detail)
    for kind in _LISTS:
        pairs = zip(objects_in(new["spec"], kind), objects_in(old["spec"], kind), strict=True)
        for index, (container, before) in enumerate(pairs):
            yield from _validate_container(container, before, kind, index)


def _validate_container(new: Json, old: Json, kind: str, index: int) -> Iterator[FieldError]:
    after, before = new.get("resources") or {}, old.get("resources") or {}
    if after == before:
        return
    if kind == "initContainers" and old.get("restartPolicy") != "Always":
        detail = "only cpu and memory resources for sidecar containers are mutable"
        yield forbidden(_SPEC, detail)
        return
    path = _SPEC.child(kind).index(index).child("resources")
    for part in ("limits", "requests"):
        given, had = after.get(part) or {}, before.get(part) or {}
        if any(given.get(name) != had.get(name) for name in {*given, *had} - _MUTABLE):
            yield forbidden(_SPEC, "only cpu and memory resources are mutable")
        if not had.keys() <= given.keys():
            yield forbidden(path.child(part), f"resource {part} cannot be removed")
