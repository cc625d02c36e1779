"""Nulls in lists and maps: what the item would be with nothing in it, as Go's decoder has it. Pure.

So `data: {key: }` of a ConfigMap is an empty text, while a field that is null is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.schema import Field, load_schema

_ZEROS: Mapping[str, Any] = {"boolean": False, "int32": 0, "int64": 0, "quantity": "0"}


def has_null_items(value: Any) -> bool:
    """Or may have some: which nulls of an object are fields is for its message to say."""
    if isinstance(value, dict):
        return any(item is None or has_null_items(item) for item in value.values())
    if isinstance(value, list):
        return any(item is None or has_null_items(item) for item in value)
    return False


def without_null_items(document: Json, message: str) -> Json:
    """What the message does not know, or has of another type, stays as it is."""
    fields = load_schema().fields(message)
    return {
        name: _filled(fields[name], fields[name].shape, value) if name in fields else value
        for name, value in document.items()
    }


def _filled(field: Field, shape: str, value: Any) -> Any:
    shape = shape.removeprefix("*")
    if shape.startswith("[]") and isinstance(value, list):
        items = (_zero(field, shape[2:]) if item is None else item for item in value)
        return [_filled(field, shape[2:], item) for item in items]
    if shape.startswith("{}") and isinstance(value, dict):
        members = {
            name: _zero(field, shape[2:]) if item is None else item for name, item in value.items()
        }
        return {name: _filled(field, shape[2:], item) for name, item in members.items()}
    if not shape and field.is_message and isinstance(value, dict):
        return without_null_items(value, field.type)
    return value


def _zero(field: Field, shape: str) -> Any:
    if shape.startswith("[]"):
        return []
    return {} if shape.startswith("{}") or field.is_message else _ZEROS.get(field.type, "")
