"""What the objects of the Kubernetes API look like.

Role: the table of messages and their fields, for strict decoding, patches and protobuf alike.
Invariants: read-only; the file is read on first use, a message is built when it is asked for.
Source: `api_fields.json`, made by `tests/tools/make_api_fields.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    number: int
    """Its number in protobuf."""
    name: str
    """Its name in JSON; empty for an embedded message, whose fields belong to the parent."""
    type: str
    """A message, or string, boolean, int32, int64, bytes, time, microtime, quantity, intOrString or
    raw (any JSON)."""
    shape: str = ""
    """From the outside in: `*` pointer, `[]` list, `{}` map by text; empty for a plain value."""
    enum: str = ""
    """The key of its values in `Schema.enums`."""
    merge_key: str = ""
    patch_strategy: str = ""

    @property
    def is_message(self) -> bool:
        return "." in self.type

    @property
    def is_pointer(self) -> bool:
        """Whether absent and zero are told apart."""
        return self.shape.startswith("*")


class Schema:
    """The table; ask `load_schema()` for it."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.enums: Mapping[str, list[str]] = table["enums"]
        """The values of each enumeration."""
        self._rows: Mapping[str, list[list[Any]]] = table["messages"]
        versions = table["groupVersions"]
        self.kinds: Mapping[tuple[str, str], str] = {
            (versions[package], kind): f"{package}.{kind}"
            for package, kind in (root.split(".") for root in table["roots"])
        }
        """The message of each (apiVersion, kind)."""
        self._declared: dict[str, tuple[Field, ...]] = {}
        self._fields: dict[str, Mapping[str, Field]] = {}

    def declared(self, message: str) -> tuple[Field, ...]:
        """The fields as protobuf numbers them, embedded messages as one field each."""
        if (fields := self._declared.get(message)) is None:
            fields = tuple(Field(*row) for row in self._rows[message])
            self._declared[message] = fields
        return fields

    def fields(self, message: str) -> Mapping[str, Field]:
        """The fields as JSON names them, those of embedded messages among them."""
        if (fields := self._fields.get(message)) is None:
            found: dict[str, Field] = {}
            for field in self.declared(message):
                found |= {field.name: field} if field.name else self.fields(field.type)
            fields = self._fields[message] = found
        return fields

    def api_versions(self, kind: str) -> tuple[str, ...]:
        """The apiVersions in which a kind exists."""
        return tuple(version for version, name in self.kinds if name == kind)


@cache
def load_schema() -> Schema:
    """The table of this package, read once."""
    path = Path(__file__).with_name("api_fields.json")
    return Schema(json.loads(path.read_text(encoding="utf-8")))
