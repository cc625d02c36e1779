"""Single values out of a JSON object that has passed the strict check.

Role: what all decoders share. null means absent, so that the default of the type stands. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from minikubelet.manifest.quantity import parse_quantity

JSONObject: TypeAlias = Mapping[str, Any]
T = TypeVar("T")


def value_or(document: JSONObject, name: str, default: T) -> T:
    """The field, or `default` where it is absent or null."""
    value = document.get(name)
    return default if value is None else value


def object_or_none(document: JSONObject, name: str, decode: Callable[[JSONObject], T]) -> T | None:
    """A nested object, decoded; None where it is absent or null."""
    value = document.get(name)
    return None if value is None else decode(value)


def objects(document: JSONObject, name: str, decode: Callable[[JSONObject], T]) -> tuple[T, ...]:
    """A list of objects, decoded; a null item counts as an empty object, as in Go."""
    return tuple(decode(item or {}) for item in document.get(name) or ())


def scalars(document: JSONObject, name: str) -> tuple[Any, ...]:
    """A list of scalars, null items as empty texts."""
    return tuple("" if item is None else item for item in document.get(name) or ())


def texts(document: JSONObject, name: str) -> dict[str, str]:
    """A map of texts, null values as empty texts."""
    return {key: "" if text is None else text for key, text in _items(document, name)}


def quantities(document: JSONObject, name: str) -> dict[str, str]:
    """A map of quantities in canonical text; raises QuantityError."""
    return {key: quantity_text(amount) for key, amount in _items(document, name)}


def quantity_text(amount: str | int | float | None) -> str:
    """The canonical text of a quantity, which may be written as a number; raises QuantityError."""
    return "0" if amount is None else str(parse_quantity(str(amount).strip()))


def time_or_none(document: JSONObject, name: str) -> datetime | None:
    """A time of RFC 3339, aware."""
    text = document.get(name)
    return datetime.fromisoformat(text) if text else None


def _items(document: JSONObject, name: str) -> list[tuple[str, Any]]:
    return list((document.get(name) or {}).items())
