"""Keep the values of Secrets out of everything that a check tells. Pure.

Role: replaces them by `***` in texts of records, statuses and Events, and in log lines; also in
their usual disguises: base64, URL-quoted, JSON-escaped, single lines of many.
Invariants: names of objects and all figures stay as they are. Values shorter than three characters
are left: they are no secrets, and without them no text could be read.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, TypeVar

from minikubelet.manifest.meta import Secret

MASK = "***"
_SHORTEST = 3
_SHORTEST_LINE = 8
_TEXT_FIELDS = frozenset(
    {
        *("message", "output", "error", "detail", "argv", "survivors", "handler"),
        *("cause", "evidence", "notes"),
    }
)
"""Of records, statuses and Events; the last three of a check's own result."""

T = TypeVar("T")


class Redactor:
    """Knows the values of some Secrets."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = {form for secret in secrets for v in secret.data.values() for form in _forms(v)}
        longest_first = sorted(values, key=lambda value: (-len(value), value))
        self._pattern = (
            re.compile(b"|".join(map(re.escape, longest_first))) if longest_first else None
        )

    def data(self, data: bytes) -> bytes:
        return self._pattern.sub(MASK.encode(), data) if self._pattern else data

    def text(self, text: str) -> str:
        if self._pattern is None or not text:
            return text
        encoded = text.encode("utf-8", "surrogateescape")
        return self.data(encoded).decode("utf-8", "surrogateescape")

    def value(self, value: T) -> T:
        """A dataclass with the free texts in it redacted, at any depth."""
        if self._pattern is None:
            return value
        redacted: T = self._redacted(value)
        return redacted

    def _redacted(self, value: Any, *, is_text: bool = False) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            return self.text(value) if is_text else value
        if isinstance(value, tuple):
            return tuple(self._redacted(item, is_text=is_text) for item in value)
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        changes = {}
        for field in dataclasses.fields(value):
            old = getattr(value, field.name)
            new = self._redacted(old, is_text=field.name in _TEXT_FIELDS)
            if new != old:
                changes[field.name] = new
        return dataclasses.replace(value, **changes) if changes else value


def _forms(value: bytes) -> Iterator[bytes]:
    stripped = value.strip()
    if len(stripped) < _SHORTEST:
        return
    yield stripped
    # Also without what depends on the bytes after it, such as the newline of `echo`.
    whole = len(stripped) // 3 * 3
    for given in {value, stripped, stripped[:whole] if whole >= 6 else stripped}:
        yield base64.b64encode(given)
    try:
        text = stripped.decode()
    except UnicodeDecodeError:
        return
    yield json.dumps(text)[1:-1].encode()
    yield urllib.parse.quote(text, safe="").encode()
    yield urllib.parse.quote_plus(text).encode()
    lines = stripped.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)
