"""The volumes of a Pod, as typed values. Pure."""

from __future__ import annotations

from minikubelet.manifest.env import ObjectFieldSelector, ResourceFieldSelector
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class KeyToPath:
    key: str
    path: str
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class EmptyDirVolume:
    medium: str = ""
    size_limit: str | None = None


@dataclass(frozen=True, slots=True)
class HostPathVolume:
    path: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class ConfigMapVolume:
    name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int | None = 0o644
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SecretVolume:
    secret_name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int | None = 0o644
    optional: bool = False


@dataclass(frozen=True, slots=True)
class DownwardAPIFile:
    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class DownwardAPIVolume:
    items: tuple[DownwardAPIFile, ...] = ()
    default_mode: int | None = 0o644


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """Its file is left out: there are no tokens (L-145)."""

    path: str = ""
    expiration_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class VolumeProjection:
    """One source of a projected volume; `unsupported` names one that minikubelet cannot provide."""

    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    downward_api: DownwardAPIVolume | None = None
    service_account_token: ServiceAccountToken | None = None
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class ProjectedVolume:
    sources: tuple[VolumeProjection, ...] = ()
    default_mode: int | None = 0o644


@dataclass(frozen=True, slots=True)
class Volume:
    name: str
    empty_dir: EmptyDirVolume | None = None
    host_path: HostPathVolume | None = None
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    downward_api: DownwardAPIVolume | None = None
    projected: ProjectedVolume | None = None
    unsupported: tuple[str, ...] = ()
    """JSON names of given sources that minikubelet cannot provide (nfs, persistentVolumeClaim
    …)."""
