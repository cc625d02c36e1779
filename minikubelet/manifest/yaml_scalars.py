"""What a YAML scalar means to Kubernetes.

Role: turn the text of one scalar into a JSON value (L-8).
Invariants: pure; the result is `str`, `bool`, `int` within 64 bits, a finite `float`, or None.
Upstream: sigs.k8s.io/yaml, which reads YAML 1.1 with the resolver of go-yaml v2: unlike PyYAML it
takes `0o17` and `1e3` for numbers, `y` and `n` for booleans, and `12:30` and dates for strings.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import TypeAlias

Scalar: TypeAlias = str | bool | int | float | None

_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset({"str", "bool", "int", "float", "null", "timestamp", "binary"})


def _spellings(*words: str) -> tuple[str, ...]:
    return tuple(s for word in words for s in (word, word.capitalize(), word.upper()))


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(_spellings("y", "yes", "on", "true"), True),
    **dict.fromkeys(_spellings("n", "no", "off", "false"), False),
    **dict.fromkeys(("", "~", *_spellings("null")), None),
}
_NOT_IN_JSON = frozenset(
    {*_spellings(".inf", "+.inf", "-.inf"), ".Inf", "+.Inf", "-.Inf", ".nan", ".NaN", ".NAN"}
)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9:]+))?)?"
)
_INTEGER = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)"
    r"|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_UINT64 = 2**64 - 1
_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1


class ScalarError(ValueError):
    """A scalar that cannot be what its tag says, or has no place in JSON; the text says why."""


def resolve_scalar(text: str, tag: str | None = None, *, plain: bool = True) -> Scalar:
    """Read one scalar; `tag` is the one written in the text, `plain` says it was not quoted.

    Raises ScalarError.
    """
    kind = tag.removeprefix(_TAG) if tag else ""
    if kind == "str" or (kind not in _RESOLVED_TAGS and (kind or not plain)):
        return text
    if kind == "binary":
        return _decode_binary(text)
    if text in _NOT_IN_JSON:
        raise ScalarError(f"JSON has no number {text}")
    value = _resolve(text)
    if kind and not _agrees(kind, value):
        raise ScalarError(f"cannot read {text!r} as a !!{kind}")
    return value


def _resolve(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-." or _TIMESTAMP.fullmatch(text):
        return text
    # A number that starts with a point is read as it stands, any other without its underscores.
    number = text if text[0] == "." else text.replace("_", "")
    if (integer := _read_integer(number)) is not None:
        return integer
    if _FLOAT.fullmatch(number):
        value = float(number)
        return text if math.isinf(value) else as_json_number(value)
    return text


def _read_integer(text: str) -> int | float | None:
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > 100:  # longer ones are floats: they exceed 64 bits
        return None
    base = match.lastgroup or "dec"
    value = int(match[base], _BASES[base])
    if text[0] == "-":
        value = -value
    if not _MIN_INT64 <= value <= _MAX_UINT64:
        return None
    return value if value <= _MAX_INT64 else float(value)


def as_json_number(value: float) -> int | float:
    """JSON does not tell 1000.0 from 1000, and neither does Kubernetes."""
    if value.is_integer() and _MIN_INT64 <= value <= _MAX_INT64:
        return int(value)
    return value


def _agrees(kind: str, value: Scalar) -> bool:
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "null":
            return value is None
    return isinstance(value, str)


def _decode_binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError) as err:
        raise ScalarError("!!binary value contains invalid base64 data") from err


def key_text(value: Scalar) -> str:
    """The JSON key for a mapping key; raises ScalarError for a key that JSON cannot have."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
    raise ScalarError("a key must be a text; this one is empty")
