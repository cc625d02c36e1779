"""Empty lists, maps and texts: what Go leaves out when it writes an object (K-97).

Role: a document as a client wrote it → as the API server would write it after reading it, so that
`labels: {}` is no labels, `restartPolicy: ""` has its default, and writing either again is no
change (K-36). Pure.
Invariants: empty objects (`emptyDir: {}`) and what is behind a pointer stay, for they say
something; so do values in maps and what the node tells of an object, its status.
"""

from __future__ import annotations

from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.schema import Field, load_schema

_STATUS = "status"
_SPEC = "spec"
_ALWAYS_WRITTEN = frozenset(
    {("discovery.EndpointSlice", "endpoints"), ("discovery.EndpointSlice", "ports")}
)


def without_empty_values(document: Json, message: str) -> Json:
    """The document has the shapes of the message. Texts are left out of the spec alone: other
    parts have some that Go writes though they are empty."""
    if not _has_empty(document):
        return document
    fields = load_schema().fields(message)
    kept: Json = {}
    for name, value in document.items():
        field = fields.get(name)
        if field is None or name == _STATUS:
            kept[name] = value
        elif not _is_left_out(field, value, texts=False) or (message, name) in _ALWAYS_WRITTEN:
            kept[name] = _inside(field, value, texts=name == _SPEC)
    return kept


def _without(document: Json, message: str, texts: bool) -> Json:
    fields = load_schema().fields(message)
    return {
        name: _inside(fields[name], value, texts) if name in fields else value
        for name, value in document.items()
        if name not in fields or not _is_left_out(fields[name], value, texts)
    }


def _inside(field: Field, value: Any, texts: bool) -> Any:
    if not field.is_message or "{" in field.shape:
        return value
    if isinstance(value, list):
        return [_without(item, field.type, texts) for item in value]
    return _without(value, field.type, texts) if isinstance(value, dict) else value


def _is_left_out(field: Field, value: Any, texts: bool) -> bool:
    if field.shape.startswith(("[]", "{}")):
        return isinstance(value, list | dict) and not value
    return bool(texts and value == "" and field.type == "string" and not field.shape)


def _has_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(_has_empty(item) for item in value.values())
    if isinstance(value, list):
        return not value or any(_has_empty(item) for item in value)
    return bool(value == "")
