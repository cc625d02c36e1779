"""Volumes, from JSON: sources that exist here are typed, others only named. See `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_container import decode_field_ref, decode_resource_field_ref
from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    quantity_text,
    value_or,
)
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    HostPathVolume,
    KeyToPath,
    ProjectedVolume,
    SecretVolume,
    ServiceAccountToken,
    Volume,
    VolumeProjection,
)

_FILE_MODE = 0o644
_SOURCES = frozenset({"emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected"})
_PROJECTED_SOURCES = frozenset({"configMap", "secret", "downwardAPI", "serviceAccountToken"})


def decode_volume(document: JSONObject) -> Volume:
    given = [name for name, value in document.items() if value is not None and name != "name"]
    return Volume(
        name=value_or(document, "name", ""),
        empty_dir=object_or_none(document, "emptyDir", _decode_empty_dir),
        host_path=object_or_none(document, "hostPath", _decode_host_path),
        config_map=object_or_none(document, "configMap", _decode_config_map),
        secret=object_or_none(document, "secret", _decode_secret),
        downward_api=object_or_none(document, "downwardAPI", _decode_downward_api),
        projected=object_or_none(document, "projected", _decode_projected),
        unsupported=tuple(name for name in given if name not in _SOURCES),
    )


def _decode_empty_dir(document: JSONObject) -> EmptyDirVolume:
    size_limit = document.get("sizeLimit")
    return EmptyDirVolume(
        medium=value_or(document, "medium", ""),
        size_limit=None if size_limit is None else quantity_text(size_limit),
    )


def _decode_host_path(document: JSONObject) -> HostPathVolume:
    return HostPathVolume(value_or(document, "path", ""), value_or(document, "type", ""))


def _decode_config_map(document: JSONObject) -> ConfigMapVolume:
    return ConfigMapVolume(
        name=value_or(document, "name", ""),
        items=objects(document, "items", _decode_key_to_path),
        default_mode=value_or(document, "defaultMode", _FILE_MODE),
        optional=value_or(document, "optional", False),
    )


def _decode_secret(document: JSONObject) -> SecretVolume:
    return SecretVolume(
        secret_name=value_or(document, "secretName", ""),
        items=objects(document, "items", _decode_key_to_path),
        default_mode=value_or(document, "defaultMode", _FILE_MODE),
        optional=value_or(document, "optional", False),
    )


def _decode_projected_secret(document: JSONObject) -> SecretVolume:
    """In a projected volume the Secret's name stands in `name`."""
    return SecretVolume(
        secret_name=value_or(document, "name", ""),
        items=objects(document, "items", _decode_key_to_path),
        optional=value_or(document, "optional", False),
    )


def _decode_downward_api(document: JSONObject) -> DownwardAPIVolume:
    return DownwardAPIVolume(
        items=objects(document, "items", _decode_downward_api_file),
        default_mode=value_or(document, "defaultMode", _FILE_MODE),
    )


def _decode_projected(document: JSONObject) -> ProjectedVolume:
    return ProjectedVolume(
        sources=objects(document, "sources", _decode_projection),
        default_mode=value_or(document, "defaultMode", _FILE_MODE),
    )


def _decode_projection(document: JSONObject) -> VolumeProjection:
    others = (
        name
        for name, value in document.items()
        if value is not None and name not in _PROJECTED_SOURCES
    )
    return VolumeProjection(
        config_map=object_or_none(document, "configMap", _decode_config_map),
        secret=object_or_none(document, "secret", _decode_projected_secret),
        downward_api=object_or_none(document, "downwardAPI", _decode_downward_api),
        service_account_token=object_or_none(document, "serviceAccountToken", _decode_token),
        unsupported=next(others, ""),
    )


def _decode_token(document: JSONObject) -> ServiceAccountToken:
    return ServiceAccountToken(
        path=value_or(document, "path", ""),
        expiration_seconds=value_or(document, "expirationSeconds", 3600),
    )


def _decode_key_to_path(document: JSONObject) -> KeyToPath:
    return KeyToPath(
        key=value_or(document, "key", ""),
        path=value_or(document, "path", ""),
        mode=document.get("mode"),
    )


def _decode_downward_api_file(document: JSONObject) -> DownwardAPIFile:
    return DownwardAPIFile(
        path=value_or(document, "path", ""),
        field_ref=object_or_none(document, "fieldRef", decode_field_ref),
        resource_field_ref=object_or_none(document, "resourceFieldRef", decode_resource_field_ref),
        mode=document.get("mode"),
    )
