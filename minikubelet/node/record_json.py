"""Values of this program as JSON and back, by their types.

Role: the encoding of what workers keep on disk. Dataclasses become objects; a member whose type is
one of several dataclasses is tagged with the name of its class.
Invariants: `decode(type, encode(value)) == value`; a member that is missing takes its default, one
that is not known is left out, so that neighbouring versions read each other; anything else that
does not fit is a ValueError.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

_T = TypeVar("_T")
_TAG = "class"


def encode(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case tuple() | list():
            return [encode(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"cannot encode {value!r}")
    members: dict[str, Any] = {_TAG: type(value).__name__}
    for name, default in _members(type(value)):
        item = getattr(value, name)
        if item is not default and item != default:
            members[name] = encode(item)
    return members


def decode(kind: type[_T], document: object) -> _T:
    """Raises ValueError."""
    return cast("_T", _decode(kind, document))


def _decode(kind: Any, document: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), document)
    if origin is tuple:
        item, *rest = typing.get_args(kind)
        _require(rest == [Ellipsis] and isinstance(document, list), kind, document)
        return tuple(_decode(item, entry) for entry in document)
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        _require(isinstance(document, dict), kind, document)
        item = typing.get_args(kind)[1]
        return {key: _decode(item, entry) for key, entry in document.items()}
    if kind is Any:
        return document
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(cast("type[Any]", kind), document)
    return _decode_scalar(kind, document)


def _decode_scalar(kind: Any, document: Any) -> Any:
    if kind is type(None):
        _require(document is None, kind, document)
        return None
    if kind is float:
        _require(isinstance(document, (int, float)) and document is not True, kind, document)
        return float(document)
    if kind is datetime:
        _require(isinstance(document, str), kind, document)
        return datetime.fromisoformat(document)
    if issubclass(kind, Enum):
        return kind(document)
    _require(type(document) is kind, kind, document)
    return document


def _decode_union(kinds: tuple[Any, ...], document: Any) -> Any:
    if document is None:
        _require(type(None) in kinds, kinds, document)
        return None
    several = [kind for kind in kinds if kind is not type(None)]
    if len(several) == 1:
        return _decode(several[0], document)
    _require(isinstance(document, dict), kinds, document)
    for kind in several:
        if kind.__name__ == document.get(_TAG):
            return _decode(kind, document)
    raise ValueError(f"{document.get(_TAG)!r} is none of {kinds}")


def _decode_dataclass(kind: Any, document: Any) -> Any:
    _require(isinstance(document, dict), kind, document)
    hints = _hints(kind)
    values = {
        name: _decode(hints[name], document[name]) for name, _ in _members(kind) if name in document
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(str(error)) from error


@cache
def _members(kind: Any) -> tuple[tuple[str, object], ...]:
    """Names and defaults; a member without a default is compared to itself alone."""
    return tuple((item.name, item.default) for item in dataclasses.fields(kind))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _require(fits: bool, kind: object, document: object) -> None:
    if not fits:
        raise ValueError(f"{document!r} is not {kind}")
