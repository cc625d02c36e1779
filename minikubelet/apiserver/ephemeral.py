"""Containers that join a running pod (L-253).

Role: the new and the old pod → field errors. Upstream: pkg/apis/core/validation,
ValidatePodEphemeralContainersUpdate, validateEphemeralContainers. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    not_found,
)
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.pod import PodSpec
from minikubelet.manifest.static_pods import is_mirror
from minikubelet.manifest.validate_containers import validate_common, validate_images
from minikubelet.manifest.validate_volumes import validate_volumes

_PATH = FieldPath().child("spec", "ephemeralContainers")
_FORBIDDEN = (
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
)


def validate_ephemeral_containers(new: Json, old: Json) -> Iterator[FieldError]:
    if is_mirror(old):
        yield forbidden(FieldPath(), "static pods do not support ephemeral containers")
        return
    after = list(objects_in(new["spec"], "ephemeralContainers"))
    yield from _validate_containers(after, decode_pod(new).spec)
    yield from _validate_kept(after, list(objects_in(old["spec"], "ephemeralContainers")))


def _validate_containers(documents: list[Json], spec: PodSpec) -> Iterator[FieldError]:
    """The rules of all containers first (L-253): a name of its own, known volumes and the rest."""
    _, volumes = validate_volumes(spec.volumes, FieldPath())
    yield from validate_images(spec.ephemeral_containers, _PATH)
    targets = {container.name for container in (*spec.init_containers, *spec.containers)}
    taken = set(targets)
    pairs = zip(spec.ephemeral_containers, documents, strict=True)
    for index, (container, document) in enumerate(pairs):
        path = _PATH.index(index)
        yield from validate_common(container, spec, volumes, path)
        if container.name in taken:
            yield duplicate(path.child("name"), container.name)
        taken.add(container.name)
        target = document.get("targetContainerName")
        if target and target not in targets:
            yield not_found(path.child("targetContainerName"), target)
        yield from _validate_fields(document, path)


def _validate_kept(after: list[Json], before: list[Json]) -> Iterator[FieldError]:
    by_name = {container.get("name"): container for container in after}
    for container in before:
        name = container.get("name")
        if name not in by_name:
            yield forbidden(_PATH, f'existing ephemeral containers "{name}" may not be removed\n')
        elif by_name[name] != container:
            yield forbidden(_PATH, f'existing ephemeral containers "{name}" may not be changed\n')


def _validate_fields(container: Json, path: FieldPath) -> Iterator[FieldError]:
    for field in _FORBIDDEN:
        if container.get(field) not in (None, {}, [], ""):
            yield forbidden(path.child(field), "cannot be set for an Ephemeral Container")
    for index, mount in enumerate(objects_in(container, "volumeMounts")):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                at = path.child("volumeMounts").index(index).child(field)
                yield forbidden(at, "cannot be set for an Ephemeral Container")
