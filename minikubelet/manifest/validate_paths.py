"""Rules for relative paths and file modes (L-63, L-64).

Role: shared by volumes, mounts and file references. Upstream: pkg/apis/core/validation,
validateLocalDescendingPath and ValidateLocalNonReservedPath. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid

_MODE_MAX = 0o777


def validate_no_backsteps(value: str, path: FieldPath) -> Iterator[FieldError]:
    if ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")


def validate_descending_path(value: str, path: FieldPath) -> Iterator[FieldError]:
    """Relative, and never upwards."""
    if value.startswith("/"):
        yield invalid(path, value, "must be a relative path")
    yield from validate_no_backsteps(value, path)


def validate_local_path(value: str, path: FieldPath) -> Iterator[FieldError]:
    """As above; names that begin with two dots belong to the atomic update of volumes."""
    yield from validate_descending_path(value, path)
    if value.startswith("..") and not value.startswith("../"):
        yield invalid(path, value, "must not start with '..'")


def validate_mode(mode: int | None, path: FieldPath) -> Iterator[FieldError]:
    if mode is not None and not 0 <= mode <= _MODE_MAX:
        yield invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")
