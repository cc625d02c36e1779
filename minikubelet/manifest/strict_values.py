"""Whether a scalar is what its field wants, and if not, how to write it.

Role: one function per kind of value, each giving the problem or nothing.
Invariants: pure; null is no problem, it means absent.
Upstream: the JSON decoder of sigs.k8s.io/json and the types with decoders of their own (Quantity,
IntOrString, Time).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from minikubelet.manifest.fieldpath import render_value
from minikubelet.manifest.quantity import QuantityError, parse_quantity
from minikubelet.manifest.schema import Field
from minikubelet.value_class import dataclass

_MAX_SHOWN = 60
_INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_DURATION = re.compile(r"([0-9]+)\s*(s|sec|secs|seconds?|m|min|minutes?|h|hours?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_UNIT = re.compile(r"([0-9.]+)\s*([KkMGTP])(?:i?[Bb])?")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    fix: str = ""
    upstream: str = ""
    """What the type's own decoder says; empty where the JSON decoder speaks."""


def check_scalar(field: Field, value: object, written: str | None) -> Problem | None:
    """Check one value of a field that is no object; `written` is its text where JSON's differs."""
    if value is None:
        return None
    check = _CHECKS.get(field.type)
    return check(field, value, written) if check else None


def describe(value: object, written: str | None = None) -> str:
    """A value as part of a sentence."""
    match value:
        case bool():
            return f"the boolean {written or render_value(value)}"
        case int() | float():
            return f"the number {written or render_value(value)}"
        case str():
            text = value if len(value) <= _MAX_SHOWN else value[:_MAX_SHOWN] + "…"
            return f"the string {render_value(text)}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return "null"


def _check_string(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, str):
        return None
    fix = ""
    if isinstance(value, bool | int | float):
        fix = f'write "{written or render_value(value)}", in quotes'
    elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        fix = f"write {value[0]} without the list"
    elif isinstance(value, dict) and len(value) == 1:
        key, item = next(iter(value.items()))
        if item is None or isinstance(item, str):
            fix = f'if it is meant as one text, quote it: "{key}: {item or ""}"'
    return Problem(f"a string is wanted, not {describe(value, written)}", fix)


def _check_boolean(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, bool):
        return None
    words = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false"}
    words["0"] = "false"
    word = words.get(str(value).lower()) if isinstance(value, str | int) else None
    fix = f"write {word} without quotes" if word else "write true or false"
    return Problem(f"a boolean is wanted, not {describe(value, written)}", fix)


def _check_integer(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = _INT_RANGES[field.type]
        if low <= value <= high:
            return None
        return Problem(f"{value} is out of range: {low} … {high}")
    return Problem(
        f"a whole number is wanted, not {describe(value, written)}", _integer_fix(field, value)
    )


def _integer_fix(field: Field, value: object) -> str:
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if re.fullmatch(r"-?[0-9]{1,19}", text):
        return f"write {text} without quotes"
    if field.name.endswith("Seconds") and (match := _DURATION.fullmatch(text)):
        return f"write {int(match[1]) * _SECONDS[match[2][0]]}, in seconds"
    return ""


def _check_int_or_string(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, str):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = _INT_RANGES["int32"]
        if low <= value <= high:
            return None
        return Problem(f"{value} is out of range: {low} … {high}")
    return Problem(f"a whole number or a string is wanted, not {describe(value, written)}")


def _check_quantity(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = f"a quantity is wanted, not {describe(value, written)}"
        return Problem(message, "write one as 500m or 64Mi")
    try:
        parse_quantity(str(value).strip())
    except QuantityError as err:
        return Problem(f"{describe(value)}: {err}", _quantity_fix(value), str(err))
    return None


def _quantity_fix(value: object) -> str:
    text = str(value).strip()
    if match := _UNIT.fullmatch(text):
        number, unit = match.groups()
        decimal = unit if unit in "MGTP" else "k"
        return f'write "{number}{unit.upper()}i" (powers of 1024) or "{number}{decimal}"'
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        return f'write "{text.replace(",", ".")}"'
    return "write one as 500m or 64Mi"


def _check_bytes(field: Field, value: object, written: str | None) -> Problem | None:
    if not isinstance(value, str):
        message = f"base64 text is wanted, not {describe(value, written)}"
        return Problem(message, _bytes_fix(field))
    text = value.replace("\r", "").replace("\n", "")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        good = _BASE64.match(text)
        upstream = f"illegal base64 data at input byte {good.end() if good else 0}"
        return Problem(f"not base64: {describe(value)}", _bytes_fix(field), upstream)
    return None


def _bytes_fix(field: Field) -> str:
    plain = {"data": "stringData", "binaryData": "data"}.get(field.name, "")
    return f"put plain text under {plain}" if plain else "encode it with base64"


def _check_time(field: Field, value: object, written: str | None) -> Problem | None:
    if isinstance(value, str) and _is_time(value):
        return None
    message = f"a time is wanted, not {describe(value, written)}"
    upstream = ""
    if isinstance(value, str):
        text = render_value(value)
        upstream = f'parsing time {text} as "2006-01-02T15:04:05Z07:00": cannot parse {text}'
    return Problem(message, "write it as 2026-01-31T12:00:00Z", upstream)


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


_CHECKS: Mapping[str, Callable[[Field, object, str | None], Problem | None]] = {
    "string": _check_string,
    "boolean": _check_boolean,
    "int32": _check_integer,
    "int64": _check_integer,
    "intOrString": _check_int_or_string,
    "quantity": _check_quantity,
    "bytes": _check_bytes,
    "time": _check_time,
    "microtime": _check_time,
}
