"""Rules for volume mounts (L-63).

Role: a container's `volumeMounts` → field errors in upstream's order. Upstream names the list, not
the entry, for subPath, subPathExpr, mountPropagation and recursiveReadOnly; so do we.
Upstream: pkg/apis/core/validation, ValidateVolumeMounts. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from minikubelet.manifest.pod import Container, VolumeMount
from minikubelet.manifest.validate_paths import validate_descending_path

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE_READ_ONLY = ("Disabled", "Enabled", "IfPossible")


def validate_mounts(
    container: Container, volumes: frozenset[str], path: FieldPath
) -> Iterator[FieldError]:
    """`volumes` are the names that can be mounted."""
    taken: set[str] = set()
    for index, mount in enumerate(container.volume_mounts):
        at = path.index(index)
        if not mount.name:
            yield required(at.child("name"))
        if mount.name not in volumes:
            yield not_found(at.child("name"), mount.name)
        if not mount.mount_path:
            yield required(at.child("mountPath"))
        if mount.mount_path in taken:
            yield invalid(at.child("mountPath"), mount.mount_path, "must be unique")
        taken.add(mount.mount_path)
        yield from validate_descending_path(mount.sub_path, path.child("subPath"))
        if mount.sub_path and mount.sub_path_expr:
            detail = "subPathExpr and subPath are mutually exclusive"
            yield invalid(at.child("subPathExpr"), mount.sub_path_expr, detail)
        yield from validate_descending_path(mount.sub_path_expr, path.child("subPathExpr"))
        yield from _validate_propagation(mount, container, path.child("mountPropagation"))
        yield from _validate_recursive_read_only(mount, path.child("recursiveReadOnly"))


def _validate_propagation(
    mount: VolumeMount, container: Container, path: FieldPath
) -> Iterator[FieldError]:
    mode = mount.mount_propagation
    if mode is None:
        return
    if mode not in _PROPAGATIONS:
        yield not_supported(path, mode, _PROPAGATIONS)
    context = container.security_context
    if mode == "Bidirectional" and not (context is not None and context.privileged):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(path, detail)


def _validate_recursive_read_only(mount: VolumeMount, path: FieldPath) -> Iterator[FieldError]:
    mode = mount.recursive_read_only
    if mode in {"Enabled", "IfPossible"}:
        if not mount.read_only:
            yield forbidden(path, "may only be specified when readOnly is true")
        if mount.mount_propagation not in {None, "None"}:
            detail = "may only be specified when mountPropagation is None or not specified"
            yield forbidden(path, detail)
    elif mode not in {None, "Disabled"}:
        yield not_supported(path, mode, _RECURSIVE_READ_ONLY)
