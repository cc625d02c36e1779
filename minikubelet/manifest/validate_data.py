"""Rules for ConfigMaps and Secrets that come with the pods that use them.

Role: typed objects → field errors. Upstream: pkg/apis/core/validation, ValidateConfigMap and
ValidateSecret. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import ErrorType, FieldError, FieldPath, invalid
from minikubelet.manifest.meta import ConfigMap, Secret
from minikubelet.manifest.validate_metadata import validate_object_meta

DATA_MAX_BYTES = 1024 * 1024


def validate_config_map(config_map: ConfigMap) -> tuple[FieldError, ...]:
    return tuple(_validate_config_map(config_map))


def validate_secret(secret: Secret) -> tuple[FieldError, ...]:
    return tuple(_validate_secret(secret))


def _validate_config_map(config_map: ConfigMap) -> Iterator[FieldError]:
    yield from validate_object_meta(config_map.metadata, FieldPath().child("metadata"))
    data, binary = FieldPath().child("data"), FieldPath().child("binaryData")
    yield from _validate_keys(config_map.data, data)
    yield from _validate_keys(config_map.binary_data, binary)
    for key in sorted(config_map.binary_data.keys() & config_map.data.keys()):
        yield invalid(data.key(key), key, "duplicate of key present in binaryData")
    size = sum(len(text.encode()) for text in config_map.data.values())
    size += sum(map(len, config_map.binary_data.values()))
    yield from _validate_size(size, FieldPath())


def _validate_secret(secret: Secret) -> Iterator[FieldError]:
    yield from validate_object_meta(secret.metadata, FieldPath().child("metadata"))
    path = FieldPath().child("data")
    yield from _validate_keys(secret.data, path)
    yield from _validate_size(sum(map(len, secret.data.values())), path)


def _validate_keys(data: Mapping[str, object], path: FieldPath) -> Iterator[FieldError]:
    for key in sorted(data):
        for detail in names.config_key(key):
            yield invalid(path.key(key), key, detail)


def _validate_size(size: int, path: FieldPath) -> Iterator[FieldError]:
    if size > DATA_MAX_BYTES:
        detail = f"may not be more than {DATA_MAX_BYTES} bytes"
        yield FieldError(path, ErrorType.TOO_LONG, detail)
