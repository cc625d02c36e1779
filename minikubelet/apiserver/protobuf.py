"""Protobuf request bodies → JSON documents (K-93 … K-97).

Role: what kubectl 1.32+ sends for typed creates, decoded by the field table. Pure.
Invariants: whatever the bytes are, the answer is a document or a ValueError, in time that is linear
in their number. Values that Go writes although nobody set them are left out, as JSON leaves them
out; behind a pointer they count.
Upstream: k8s.io/apimachinery pkg/runtime/serializer/protobuf, and the generated Unmarshal methods.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.schema import Field, load_schema
from minikubelet.store.kinds import resource_of
from minikubelet.value_class import dataclass

MAGIC = b"k8s\x00"
MAX_DEPTH = 64
"""Of messages inside messages; no object of the API comes near."""
MAX_FIELDS = 200_000
"""Of one body: each costs memory, however few bytes it takes."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OMITTED: Any = object()
_WHOLE_NUMBERS = {"int32": 32, "int64": 64}

Entry = tuple[int, int, Any]
"""Number, wire type, and the value: a whole number or the bytes."""


def decode_protobuf(body: bytes) -> Json:
    """The object in an envelope (K-93), with its apiVersion and kind."""
    if body[:4] != MAGIC:
        raise ValueError("provided data does not appear to be a protobuf message")
    reader = _Reader()
    type_meta = {1: "", 2: ""}
    raw = memoryview(b"")
    for number, wire, value in reader.entries(memoryview(body)[4:]):
        if wire != _BYTES:
            continue
        match number:
            case 1:
                for part, part_wire, text in reader.entries(value):
                    if part in type_meta and part_wire == _BYTES:
                        type_meta[part] = _text(text)
            case 2:
                raw = value
            case 3 if value:
                raise ValueError(f"the content encoding {_text(value)!r} is not supported")
            case 4 if value and bytes(value) != b"application/vnd.kubernetes.protobuf":
                raise ValueError(f"the content type {_text(value)!r} is not supported")
    api_version, kind = type_meta[1], type_meta[2]
    return {"apiVersion": api_version, "kind": kind} | reader.message(
        raw, _message_of(api_version, kind), {}, 0
    )


def _message_of(api_version: str, kind: str) -> str:
    """Some kinds exist in more versions than the table names; DeleteOptions exist in all."""
    if kind == "DeleteOptions":
        return "meta.DeleteOptions"
    message = load_schema().kinds.get((api_version, kind), "")
    if not message and (resource := resource_of(api_version, kind)):
        message = resource.message
    if not message:
        raise ValueError(f'no kind "{kind}" is registered for version "{api_version}"')
    return message


@dataclass(slots=True)
class _Reader:
    """Reads one body; counts what it has read."""

    fields_read: int = 0

    def entries(self, data: memoryview) -> Iterator[Entry]:
        position = 0
        while position < len(data):
            self._count()
            tag, position = _varint(data, position)
            number, wire = tag >> 3, tag & 7
            if number == 0:
                raise ValueError("illegal field number 0")
            value: Any
            if wire == _VARINT:
                value, position = _varint(data, position)
            else:
                length = {_FIXED64: 8, _FIXED32: 4}.get(wire)
                if wire == _BYTES:
                    length, position = _varint(data, position)
                if length is None:
                    raise ValueError(f"illegal wire type {wire} of field {number}")
                if length > len(data) - position:
                    raise ValueError("unexpected end of the data")
                value = data[position : position + length]
                position += length
            yield number, wire, value

    def _count(self) -> None:
        self.fields_read += 1
        if self.fields_read > MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS} fields")

    def message(self, data: memoryview, name: str, into: Json, depth: int) -> Json:
        """Fields of a message; those of an embedded message belong to it (K-96)."""
        if depth > MAX_DEPTH:
            raise ValueError(f"messages nested deeper than {MAX_DEPTH}")
        fields = _by_number(name)
        for number, wire, value in self.entries(data):
            field = fields.get(number)
            if field is None:
                continue
            if field.name:
                self._add(field, wire, value, into, depth)
            elif wire == _BYTES:
                self.message(value, field.type, into, depth + 1)
            else:
                raise ValueError(f"wrong wire type {wire} for {field.type}")
        return into

    def _add(self, field: Field, wire: int, value: Any, into: Json, depth: int) -> None:
        shape = field.shape.removeprefix("*")
        if shape.startswith("[]"):
            items = into.setdefault(field.name, [])
            if wire == _BYTES and field.type in (*_WHOLE_NUMBERS, "boolean"):
                items += [self._scalar(field, _VARINT, number) for number in self._packed(value)]
            else:
                items.append(self._value(field, wire, value, {}, depth))
        elif shape.startswith("{}"):
            key, item = self._map_entry(field, shape[2:], wire, value, depth)
            into.setdefault(field.name, {})[key] = item
        elif field.is_message:
            old = into.get(field.name, {})
            decoded = self._value(field, wire, value, old, depth)
            if decoded or field.is_pointer:
                into[field.name] = decoded
        else:
            decoded = self._scalar(field, wire, value)
            if decoded is not _OMITTED and (field.is_pointer or not _is_zero(decoded)):
                into[field.name] = decoded
            else:
                into.pop(field.name, None)

    def _packed(self, data: memoryview) -> Iterator[int]:
        position = 0
        while position < len(data):
            self._count()
            value, position = _varint(data, position)
            yield value

    def _map_entry(
        self, field: Field, shape: str, wire: int, value: Any, depth: int
    ) -> tuple[str, Any]:
        if wire != _BYTES:
            raise ValueError(f"wrong wire type {wire} for field {field.name}")
        key = ""
        item: Any = [] if shape.startswith("[]") else None
        for number, part_wire, part in self.entries(value):
            if number == 1 and part_wire == _BYTES:
                key = _text(part)
            elif number == 2 and isinstance(item, list):
                item += self._texts(part) if part_wire == _BYTES else []
            elif number == 2:
                item = self._value(field, part_wire, part, {}, depth)
        return key, ({} if field.is_message else "") if item is None else item

    def _texts(self, data: memoryview) -> list[str]:
        """A list inside a map is a message whose field 1 repeats, such as ExtraValue."""
        return [_text(value) for _, wire, value in self.entries(data) if wire == _BYTES]

    def _value(self, field: Field, wire: int, value: Any, old: Json, depth: int) -> Any:
        if not field.is_message:
            decoded = self._scalar(field, wire, value)
            return None if decoded is _OMITTED else decoded
        if wire != _BYTES:
            raise ValueError(f"wrong wire type {wire} for field {field.name}")
        return self.message(value, field.type, old, depth + 1)

    def _scalar(self, field: Field, wire: int, value: Any) -> Any:
        """`_OMITTED` for what Go writes in place of nothing at all."""
        whole = field.type in _WHOLE_NUMBERS or field.type == "boolean"
        if wire != (_VARINT if whole else _BYTES):
            raise ValueError(f"wrong wire type {wire} for field {field.name}")
        match field.type:
            case "boolean":
                return value != 0
            case "int32" | "int64" as width:
                return _signed(value, _WHOLE_NUMBERS[width])
            case "bytes":
                return base64.b64encode(value).decode("ascii")
            case "time" | "microtime":
                return self._time(value, micro=field.type == "microtime")
            case "quantity":
                return self._first_text(value)
            case "intOrString":
                return self._int_or_string(value)
            case "raw":
                return self._raw(value)
        return _text(value)

    def _time(self, data: memoryview, *, micro: bool) -> Any:
        parts = {n: _signed(v, 64) for n, wire, v in self.entries(data) if wire == _VARINT}
        if not parts:
            return _OMITTED
        try:
            time = _EPOCH + timedelta(seconds=parts.get(1, 0), microseconds=parts.get(2, 0) // 1000)
        except OverflowError:
            raise ValueError("a time outside of the years 1 to 9999") from None
        text = time.isoformat(timespec="microseconds" if micro else "seconds")
        return text.replace("+00:00", "Z")

    def _first_text(self, data: memoryview) -> str:
        texts = [_text(v) for n, wire, v in self.entries(data) if n == 1 and wire == _BYTES]
        return texts[-1] if texts else ""

    def _int_or_string(self, data: memoryview) -> int | str:
        kind, number, text = 0, 0, ""
        for part, wire, value in self.entries(data):
            if part == 1 and wire == _VARINT:
                kind = value
            elif part == 2 and wire == _VARINT:
                number = _signed(value, 32)
            elif part == 3 and wire == _BYTES:
                text = _text(value)
        return text if kind == 1 else number

    def _raw(self, data: memoryview) -> Any:
        text = self._first_text(data)
        if not text:
            return _OMITTED
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as err:
            raise ValueError(f"embedded JSON: {err}") from None


@cache
def _by_number(message: str) -> Mapping[int, Field]:
    fields = {field.number: field for field in load_schema().declared(message)}
    if message == "core.SleepAction":
        # JSON writes its zero: it is the one request field where zero is an answer of its own.
        fields = {number: replace(field, shape="*") for number, field in fields.items()}
    return fields


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("unexpected end of the data")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, position
    raise ValueError("a whole number of more than 64 bits")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _text(data: memoryview) -> str:
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as err:
        raise ValueError(f"a text is not UTF-8: {err.reason} at byte {err.start}") from None


def _is_zero(value: Any) -> bool:
    """Whether Go's zero value; a JSON value of its own (raw) is none."""
    return value is False or (isinstance(value, str | int) and not value)
