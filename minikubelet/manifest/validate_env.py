"""Rules for environment variables and the downward API (L-60 … L-62).

Role: env, envFrom and the references that volumes share with them → field errors in upstream's
order. Upstream: pkg/apis/core/validation, ValidateEnv and validateObjectFieldSelector. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import (
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    KeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
)
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.manifest.validate_metadata import checked
from minikubelet.manifest.validate_paths import validate_local_path

ENV_FIELD_PATHS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
VOLUME_FIELD_PATHS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels",
        "metadata.annotations",
    }
)
_CONVERTIBLE = (
    ENV_FIELD_PATHS
    | VOLUME_FIELD_PATHS
    | {
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    }
)
_RESOURCES = frozenset(
    f"{kind}.{resource}"
    for kind in ("limits", "requests")
    for resource in ("cpu", "memory", "ephemeral-storage")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_BYTES = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
_BYTE_DIVISORS = tuple(
    f"1{suffix}" for suffix in ("", *"kMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
)


def validate_env(variables: tuple[EnvVar, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, variable in enumerate(variables):
        at = path.index(index)
        if not variable.name:
            yield required(at.child("name"))
        yield from checked(at.child("name"), variable.name, names.env_name)
        if variable.value_from is not None:
            yield from _validate_value_from(
                variable.value_from, at.child("valueFrom"), has_value=bool(variable.value)
            )


def validate_env_from(sources: tuple[EnvFromSource, ...], path: FieldPath) -> Iterator[FieldError]:
    for index, source in enumerate(sources):
        at = path.index(index)
        yield from checked(at.child("prefix"), source.prefix, names.env_name)
        refs = (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref))
        given = [(name, ref) for name, ref in refs if ref is not None]
        for name, ref in given:
            yield from _validate_env_from_ref(ref, at.child(name))
        # Upstream names the list here, not the entry.
        if not given:
            yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid(path, "", "may not have more than one field specified at a time")


def validate_field_ref(
    ref: ObjectFieldSelector, allowed: frozenset[str], path: FieldPath
) -> Iterator[FieldError]:
    """L-62; `allowed` are the paths without a subscript."""
    if not ref.api_version:
        yield required(path.child("apiVersion"))
        return
    at = path.child("fieldPath")
    if not ref.field_path:
        yield required(at)
        return
    problem = _conversion_problem(ref)
    if problem:
        yield invalid(at, ref.field_path, f"error converting fieldPath: {problem}")
        return
    match _subscript(ref.field_path):
        case None:
            if ref.field_path not in allowed:
                yield not_supported(at, ref.field_path, sorted(allowed))
        case ("metadata.annotations", key):
            yield from checked(path, key.lower(), names.qualified_name)
        case (_, key):
            yield from checked(path, key, names.qualified_name)


def validate_resource_field_ref(
    ref: ResourceFieldSelector, path: FieldPath, *, in_volume: bool
) -> Iterator[FieldError]:
    """A container of its own has to be named in a volume only."""
    if in_volume and not ref.container_name:
        yield required(path.child("containerName"))
    elif not ref.resource:
        yield required(path.child("resource"))
    elif ref.resource not in _RESOURCES and not ref.resource.startswith(_HUGE_PAGES):
        yield not_supported(path.child("resource"), ref.resource, sorted(_RESOURCES))
    yield from _validate_divisor(ref, path.child("divisor"))


def _validate_value_from(
    source: EnvVarSource, path: FieldPath, *, has_value: bool
) -> Iterator[FieldError]:
    given = 0
    if source.field_ref is not None:
        given += 1
        yield from validate_field_ref(source.field_ref, ENV_FIELD_PATHS, path.child("fieldRef"))
    if source.resource_field_ref is not None:
        given += 1
        at = path.child("resourceFieldRef")
        yield from validate_resource_field_ref(source.resource_field_ref, at, in_volume=False)
    if source.config_map_key_ref is not None:
        given += 1
        yield from _validate_key_ref(source.config_map_key_ref, path.child("configMapKeyRef"))
    if source.secret_key_ref is not None:
        given += 1
        yield from _validate_key_ref(source.secret_key_ref, path.child("secretKeyRef"))
    if source.file_key_ref is not None:
        given += 1
        yield from _validate_file_key_ref(source.file_key_ref, path.child("fileKeyRef"))
    if given == 0:
        yield invalid(
            path,
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
            "`secretKeyRef` or `fileKeyRef`",
        )
    elif has_value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif given > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def _validate_key_ref(ref: KeySelector, path: FieldPath) -> Iterator[FieldError]:
    yield from checked(path.child("name"), ref.name, names.dns_subdomain)
    yield from _validate_key(ref.key, path.child("key"))


def _validate_file_key_ref(ref: FileKeySelector, path: FieldPath) -> Iterator[FieldError]:
    if not ref.key:
        yield required(path.child("key"))
    yield from checked(path.child("key"), ref.key, names.env_name)
    if not ref.volume_name:
        yield required(path.child("volumeName"))
    if not ref.path:
        yield required(path.child("path"))
    yield from validate_local_path(ref.path, path.child("path"))


def _validate_key(key: str, path: FieldPath) -> Iterator[FieldError]:
    if not key:
        yield required(path)
    yield from checked(path, key, names.config_key, empty_is_fine=True)


def _validate_env_from_ref(ref: EnvFromRef, path: FieldPath) -> Iterator[FieldError]:
    if not ref.name:
        yield required(path.child("name"))
    yield from checked(path.child("name"), ref.name, names.dns_subdomain, empty_is_fine=True)


def _conversion_problem(ref: ObjectFieldSelector) -> str:
    """Why no field of a Pod has this label; empty when one has."""
    if ref.api_version != "v1":
        return f"unsupported pod version: {ref.api_version}"
    subscript = _subscript(ref.field_path)
    if subscript is not None:
        if subscript[0] in {"metadata.annotations", "metadata.labels"}:
            return ""
        return f"field label does not support subscript: {ref.field_path}"
    return "" if ref.field_path in _CONVERTIBLE else f"field label not supported: {ref.field_path}"


def _subscript(field_path: str) -> tuple[str, str] | None:
    """`metadata.labels['app']` → (`metadata.labels`, `app`); None without a subscript."""
    head, mark, key = field_path.partition("['")
    return (head, key[:-2]) if head and mark and key.endswith("']") else None


def _validate_divisor(ref: ResourceFieldSelector, path: FieldPath) -> Iterator[FieldError]:
    divisor = str(parse_quantity(ref.divisor))
    _, _, resource = ref.resource.partition(".")
    if divisor == "0":
        return
    if resource == "cpu":
        if divisor not in {"1m", "1"}:
            detail = "only divisor's values 1m and 1 are supported with the cpu resource"
            yield invalid(path, ref.resource, detail)
        return
    what = "hugepages" if resource.startswith("hugepages-") else _BYTES.get(resource)
    if what is not None and divisor not in _BYTE_DIVISORS:
        listed = ", ".join(_BYTE_DIVISORS)
        detail = f"only divisor's values {listed} are supported with the {what} resource"
        yield invalid(path, ref.resource, detail)
