"""ConfigMaps and Secrets.

Upstream: pkg/apis/core/validation ValidateConfigMapUpdate, ValidateSecret, ValidateSecretUpdate;
pkg/apis/core/v1/conversion.go (stringData). Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping

from minikubelet.apiserver.metadata import validate_references
from minikubelet.apiserver.strategies.strategy import Strategy
from minikubelet.manifest.decode import decode_config_map, decode_secret
from minikubelet.manifest.fieldpath import FieldError, FieldPath, forbidden, invalid, required
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.validate_data import validate_config_map, validate_secret

_IMMUTABLE = "field is immutable when `immutable` is set"
_DATA = FieldPath().child("data")
_REDACTED = "<secret contents redacted>"
_ACCOUNT = "kubernetes.io/service-account.name"
_REQUIRED_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_LOGIN = ("username", "password")


def _validate_config_map(document: Json) -> Iterator[FieldError]:
    errors = list(_validate_bytes(document, "binaryData"))
    yield from errors
    if not errors:
        yield from validate_config_map(decode_config_map(document))
    yield from validate_references(document)


def _update_config_map(new: Json, old: Json) -> Iterator[FieldError]:
    yield from _validate_immutable(new, old, ("data", "binaryData"))


def _complete_secret(document: Json) -> Json:
    """`stringData` is for writing only: it becomes data."""
    if not document.get("type"):
        document["type"] = "Opaque"
    written = document.pop("stringData", None)
    if written:
        encoded = {k: base64.b64encode(v.encode()).decode() for k, v in written.items()}
        document["data"] = {**(document.get("data") or {}), **encoded}
    return document


def _validate_secret(document: Json) -> Iterator[FieldError]:
    errors = list(_validate_bytes(document, "data"))
    yield from errors
    if not errors:
        yield from validate_secret(decode_secret(document))
        yield from _validate_type(document)
    yield from validate_references(document)


def _validate_type(document: Json) -> Iterator[FieldError]:
    """The keys that a type of Secret has to have."""
    data, kind = document.get("data") or {}, document["type"]
    for key in _REQUIRED_KEYS.get(kind, ()):
        if key not in data:
            yield required(_DATA.key(key))
    if kind in ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"):
        key = _REQUIRED_KEYS[kind][0]
        if key in data:
            try:
                json.loads(base64.b64decode(data[key]))
            except (ValueError, RecursionError) as err:
                yield invalid(_DATA.key(key), _REDACTED, str(err))
    if kind == "kubernetes.io/basic-auth" and not any(key in data for key in _LOGIN):
        for key in _LOGIN:
            yield required(_DATA.key(key))
    annotations = document["metadata"].get("annotations") or {}
    if kind == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT):
        yield required(FieldPath().child("metadata", "annotations").key(_ACCOUNT))


def _update_secret(new: Json, old: Json) -> Iterator[FieldError]:
    if new["type"] != old["type"]:
        yield invalid(FieldPath().child("type"), new["type"], "field is immutable")
    yield from _validate_immutable(new, old, ("data",))


def _validate_immutable(new: Json, old: Json, fields: tuple[str, ...]) -> Iterator[FieldError]:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden(FieldPath().child("immutable"), _IMMUTABLE)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield forbidden(FieldPath().child(field), _IMMUTABLE)


def _validate_bytes(document: Json, field: str) -> Iterator[FieldError]:
    """What is no base64 cannot be decoded any further."""
    for key, text in (document.get(field) or {}).items():
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as err:
            yield invalid(FieldPath().child(field).key(key), text, f"illegal base64 data: {err}")


CONFIG_MAPS = Strategy(validate=_validate_config_map, validate_update=_update_config_map)
SECRETS = Strategy(
    complete=_complete_secret, validate=_validate_secret, validate_update=_update_secret
)
