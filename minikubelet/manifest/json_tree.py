"""Walking and copying JSON documents.

Role: small helpers for code that works on a document rather than on typed values. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]


def copy_json(value: Any) -> Any:
    """A copy that shares no mapping and no list with `value`; nulls in mappings are left out."""
    if isinstance(value, Mapping):
        return {str(key): copy_json(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [copy_json(item) for item in value]
    return value


def objects_in(parent: Json, key: str) -> Iterator[Json]:
    """The mappings in the list `parent[key]`; none when it is absent or something else."""
    items = parent.get(key)
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def object_in(parent: Json, key: str) -> Json | None:
    """The mapping `parent[key]`; None when it is absent or something else."""
    value = parent.get(key)
    return value if isinstance(value, dict) else None
