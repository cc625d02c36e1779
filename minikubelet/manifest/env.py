"""Where a container's environment comes from, as typed values. Pure."""

from __future__ import annotations

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class ObjectFieldSelector:
    field_path: str
    api_version: str = "v1"


@dataclass(frozen=True, slots=True)
class ResourceFieldSelector:
    resource: str
    container_name: str = ""
    divisor: str = "0"


@dataclass(frozen=True, slots=True)
class KeySelector:
    """configMapKeyRef or secretKeyRef."""

    name: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FileKeySelector:
    volume_name: str
    path: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EnvVarSource:
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None
    file_key_ref: FileKeySelector | None = None


@dataclass(frozen=True, slots=True)
class EnvVar:
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


@dataclass(frozen=True, slots=True)
class EnvFromRef:
    """configMapRef or secretRef of an envFrom entry."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EnvFromSource:
    prefix: str = ""
    config_map_ref: EnvFromRef | None = None
    secret_ref: EnvFromRef | None = None
