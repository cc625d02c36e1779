"""Containers that join a running pod (L-253).

Role: the new and the old pod → field errors. Upstream: pkg/apis/core/validation,
ValidatePodEphemeralContainersUpdate, validateEphemeralContainers. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    not_found,
    required,
)
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.static_pods import is_mirror
from minikubelet.manifest.validate_metadata import checked

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
        yield forbidden(_PATH, "static pods do not support ephemeral containers")
        return
    after = list(objects_in(new["spec"], "ephemeralContainers"))
    yield from _validate_kept(after, list(objects_in(old["spec"], "ephemeralContainers")))
    targets = {
        str(container.get("name"))
        for kind in ("initContainers", "containers")
        for container in objects_in(new["spec"], kind)
    }
    taken = set(targets)
    for index, container in enumerate(after):
        path, name = _PATH.index(index), str(container.get("name") or "")
        if not name:
            yield required(path.child("name"))
        elif name in taken:
            yield duplicate(path.child("name"), name)
        else:
            yield from checked(path.child("name"), name, names.dns_label)
        taken.add(name)
        if not (container.get("image") or "").strip():
            yield required(path.child("image"))
        target = container.get("targetContainerName")
        if target and target not in targets:
            yield not_found(path.child("targetContainerName"), target)
        yield from _validate_fields(container, path)


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
