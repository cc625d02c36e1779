"""Journal records as JSON objects, and back.

Role: `record_to_json` is what `-o json` prints and what the journal keeps on disk;
`record_from_json` reads what this or another version of the program wrote.
Invariants: pure; a record comes back as it went, its times to the millisecond.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from minikubelet import journal
from minikubelet.journal import PodRef, Record
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.value_class import dataclass


def record_to_json(record: Record) -> dict[str, Any]:
    """The record as the JSON object that `-o json` prints: camelCase names, RFC 3339 times,
    `record` = its type."""
    out: dict[str, Any] = {"record": type(record).__name__}
    for name, member in _members(type(record)):
        value = getattr(record, name)
        if value is None or value == "":
            continue
        out[member] = _json_value(value)
    return out


def record_from_json(
    document: Mapping[str, Any], skipped: Counter[str] | None = None
) -> Record | None:
    """The record that `record_to_json` wrote, perhaps in another version of the program.

    None for a type that is not known and for a damaged record; members that are not known are left
    out. `skipped` counts what was not taken over.
    """
    skipped = Counter() if skipped is None else skipped
    kind = str(document.get("record"))
    record_type = _RECORD_TYPES.get(kind)
    if record_type is None:
        skipped[kind] += 1
        return None
    values: dict[str, Any] = {}
    readers = _readers(kind)
    taken = 1
    try:
        for reader in readers:
            value = document.get(reader.member, _REQUIRED)
            if value is _REQUIRED:
                value = reader.absent
            else:
                taken += 1
                value = reader.read(value)
            if value is not _REQUIRED:
                values[reader.name] = value
        record = record_type(**values)
    except (AttributeError, KeyError, TypeError, ValueError):
        skipped[f"{kind} (damaged)"] += 1
        return None
    if taken < len(document):
        known = {"record", *(reader.member for reader in readers)}
        skipped.update(f"{kind}.{member}" for member in document if member not in known)
    return record


@dataclass(frozen=True, slots=True)
class _Reader:
    """How one field is read. `absent` stands for what `record_to_json` leaves out."""

    name: str
    member: str
    read: Callable[[Any], object]
    absent: object


_REQUIRED = object()


_RECORD_TYPES: Mapping[str, type[Record]] = {
    name: kind
    for name, kind in vars(journal).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}
_known_members: dict[type, tuple[tuple[str, str], ...]] = {}


def _members(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Field names with those of their JSON members."""
    members = _known_members.get(kind)
    if members is None:
        members = tuple((item.name, _camel(item.name)) for item in dataclasses.fields(kind))
        _known_members[kind] = members
    return members


@functools.cache
def _readers(type_name: str) -> tuple[_Reader, ...]:
    kind = _RECORD_TYPES[type_name]
    hints = typing.get_type_hints(kind)
    return tuple(
        _Reader(name, member, _VALUE_READERS[hints[name]], _absent(kind, name, hints[name]))
        for name, member in _members(kind)
    )


def _absent(kind: type[Record], name: str, hint: object) -> object:
    default = next(item.default for item in dataclasses.fields(kind) if item.name == name)
    if default is not dataclasses.MISSING:
        return default
    if hint is str:
        return ""
    return None if type(None) in typing.get_args(hint) else _REQUIRED


def _exactly(*types: type) -> Callable[[Any], object]:
    def read(value: Any) -> object:
        if type(value) not in types:
            raise TypeError(f"{value!r} is of the wrong type")
        return value

    return read


def _pod_ref(value: Any) -> PodRef:
    return _known_ref(value["namespace"], value["name"], value["uid"])


@functools.lru_cache(maxsize=1024)
def _known_ref(namespace: str, name: str, uid: str) -> PodRef:
    for text in (namespace, name, uid):
        _exactly(str)(text)
    return PodRef(namespace, name, uid)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(_exactly(str)(item)) for item in value)


_VALUE_READERS: Mapping[object, Callable[[Any], object]] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _exactly(float, int),
    datetime: datetime.fromisoformat,
    PodRef: _pod_ref,
    ProbeKind: ProbeKind,
    KillCause: KillCause,
    tuple[str, ...]: _texts,
    int | None: _exactly(int),
    KillCause | None: KillCause,
}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join("ID" if part == "id" else part.capitalize() for part in rest)


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {member: _json_value(getattr(value, name)) for name, member in _members(type(value))}
    if isinstance(value, Mapping):
        return {str(k): _json_value(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_json_value(item) for item in value]
    if isinstance(value, float):
        return round(value, 6)
    return value
