"""Paths to fields and the errors found there, in Kubernetes' own words.

Role: `spec.containers[0].image: Required value` as values. Upstream: apimachinery `field.Path` and
`field.Error` (L-35 … L-39). Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class FieldPath:
    """Where in an object: names and list indexes; a `str` after `key()` prints in brackets."""

    parts: tuple[str, ...] = ()

    def child(self, *names: str) -> FieldPath:
        return FieldPath((*self.parts, *(f".{name}" for name in names)))

    def index(self, index: int) -> FieldPath:
        return FieldPath((*self.parts, f"[{index}]"))

    def key(self, key: str) -> FieldPath:
        return FieldPath((*self.parts, f"[{key}]"))

    def __str__(self) -> str:
        return "".join(self.parts).removeprefix(".")


class ErrorType(StrEnum):
    """The body of an error, as upstream prints it (L-36)."""

    REQUIRED = "Required value"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid value"
    NOT_SUPPORTED = "Unsupported value"
    NOT_FOUND = "Not found"
    DUPLICATE = "Duplicate value"
    TOO_LONG = "Too long"
    TOO_SHORT = "Too short"
    TOO_MANY = "Too many"
    TOO_FEW = "Too few"
    INTERNAL = "Internal error"


_WITHOUT_VALUE = frozenset(
    {
        ErrorType.REQUIRED,
        ErrorType.FORBIDDEN,
        ErrorType.TOO_LONG,
        ErrorType.TOO_SHORT,
        ErrorType.INTERNAL,
    }
)


def go_quote(text: str) -> str:
    """`%q` of Go: double quotes, with backslash escapes; printable non-ASCII stays."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable() or char == " ":
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
    return '"' + "".join(out) + '"'


_ESCAPES = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\v": "\\v",
}


def render_value(value: object) -> str:
    """A value as an error shows it (L-37): strings in Go quotes, scalars plain, the rest as
    JSON."""
    if isinstance(value, str):
        return go_quote(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One finding: `str()` gives upstream's line."""

    path: FieldPath
    type: ErrorType
    detail: str = ""
    value: object = None

    def __str__(self) -> str:
        body = str(self.type)
        if self.type not in _WITHOUT_VALUE:
            body += f": {render_value(self.value)}"
        if self.detail:
            body += f": {self.detail}"
        return f"{self.path}: {body}"


def invalid(path: FieldPath, value: object, detail: str) -> FieldError:
    return FieldError(path, ErrorType.INVALID, detail, value)


def required(path: FieldPath, detail: str = "") -> FieldError:
    return FieldError(path, ErrorType.REQUIRED, detail)


def forbidden(path: FieldPath, detail: str) -> FieldError:
    return FieldError(path, ErrorType.FORBIDDEN, detail)


def duplicate(path: FieldPath, value: object) -> FieldError:
    return FieldError(path, ErrorType.DUPLICATE, "", value)


def not_found(path: FieldPath, value: object) -> FieldError:
    return FieldError(path, ErrorType.NOT_FOUND, "", value)


def not_supported(path: FieldPath, value: object, supported: Iterable[str]) -> FieldError:
    listed = ", ".join(go_quote(item) for item in supported)
    return FieldError(path, ErrorType.NOT_SUPPORTED, f"supported values: {listed}", value)
