"""Times as the API server writes them, however a client wrote them.

Role: RFC 3339 in any zone and precision → UTC, in seconds or (MicroTime) microseconds. The Python
clients send back `+00:00`. Upstream: apimachinery pkg/apis/meta/v1, Time and MicroTime. Pure.
Invariants: a document without such a time is returned as it is; no argument is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.schema import Field, load_schema

_LENGTHS = {"time": len("2006-01-02T15:04:05Z"), "microtime": len("2006-01-02T15:04:05.000000Z")}
_METADATA = "meta.ObjectMeta"
_PRECISIONS = {"time": "seconds", "microtime": "microseconds"}


def with_plain_times(document: Json, message: str) -> Json:
    """The document has the shapes of the message."""
    changed = {
        name: plain
        for name, field in _fields_with_times(message).items()
        if (value := document.get(name)) is not None
        and (plain := _plain(field, field.shape, value)) is not value
    }
    return {**document, **changed} if changed else document


def with_null_times(document: Json, message: str) -> Json:
    """Times that upstream writes as null where there are none, so that what a client sends back
    without them is no change. Metadata and values in maps have none of these."""
    changed: Json = {}
    for name, field in _fields_with_times(message).items():
        value = document.get(name)
        if value is None:
            if name not in document and field.type in _LENGTHS and not field.shape:
                changed[name] = None
        elif (filled := _with_nulls(field, value)) is not value:
            changed[name] = filled
    return {**document, **changed} if changed else document


def _with_nulls(field: Field, value: Any) -> Any:
    if not field.is_message or field.type == _METADATA or "{" in field.shape:
        return value
    if isinstance(value, list):
        items = [with_null_times(item, field.type) for item in value]
        same = all(item is old for item, old in zip(items, value, strict=True))
        return value if same else items
    return with_null_times(value, field.type)


def _plain(field: Field, shape: str, value: Any) -> Any:
    shape = shape.removeprefix("*")
    if shape.startswith("[]"):
        items = [_plain(field, shape[2:], item) for item in value]
        same = all(item is old for item, old in zip(items, value, strict=True))
        return value if same else items
    if field.is_message:
        return with_plain_times(value, field.type) if value and not shape else value
    return plain_time(value, field.type) if isinstance(value, str) else value


def plain_time(text: str, kind: str = "time") -> str:
    if len(text) == _LENGTHS[kind] and text.endswith("Z"):
        return text
    try:
        time = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return text
    return time.isoformat(timespec=_PRECISIONS[kind]) + "Z"


@cache
def _fields_with_times(message: str) -> Mapping[str, Field]:
    """Those that are times, and those that lead to some."""
    fields = load_schema().fields(message)
    return {name: field for name, field in fields.items() if _leads_to_times(field, (message,))}


def _leads_to_times(field: Field, above: tuple[str, ...]) -> bool:
    if not field.is_message or field.type in above:
        return field.type in _LENGTHS
    below = load_schema().fields(field.type).values()
    return any(_leads_to_times(each, (*above, field.type)) for each in below)
