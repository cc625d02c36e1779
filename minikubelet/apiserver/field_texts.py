"""What `kubectl explain` says of fields.

Role: the texts of `field_texts.json`, and for fields of Pods what minikubelet does other than a
cluster. Pure.
Invariants: a field has the same text wherever its message stands; one that works somewhere is not
called without effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from minikubelet.manifest.schema import load_schema
from minikubelet.manifest.support import support_of
from minikubelet.manifest.support_rows import Row, Support

_NOTES = {
    Support.EMULATED: "Emulated here: {}.",
    Support.ACCEPTED: "Without effect here: {}.",
    Support.REFUSED: "Refused here: {}.",
}
_OTHERWISE = frozenset({("core.PodOS", "name"), ("core.PodSpec", "ephemeralContainers")})
"""Refused in one way only, so that a note would mislead."""
_DESCENDED = (None, Support.HONORED, Support.EMULATED)


def described(message: str, field: str = "") -> str:
    """The text of a field, or of the message itself; empty where there is nothing to say."""
    texts = _texts()
    text = texts.get(message, {}).get(field, "")
    if not text and field:
        text = texts[""].get(field, "")
    return " ".join(part for part in (text, _notes().get((message, field), "")) if part)


def required_fields(message: str) -> list[str]:
    """What must be given; not all of what upstream calls required."""
    return list(_texts().get(message, {}).get("required", ()))


@cache
def _texts() -> Mapping[str, Mapping[str, Any]]:
    path = Path(__file__).with_name("field_texts.json")
    texts: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return texts


@cache
def _notes() -> Mapping[tuple[str, str], str]:
    """By message and field; none for a field that is honored in one of its places."""
    rows: dict[tuple[str, str], list[Row | None]] = {}
    for key, row in _rows("core.PodSpec", ("spec",), ()):
        rows.setdefault(key, []).append(row)
    notes: dict[tuple[str, str], str] = {}
    for key, found in rows.items():
        row = found[0]
        if key in _OTHERWISE or row is None or not row.note:
            continue
        if all(r and r.support is row.support for r in found):
            notes[key] = _NOTES[row.support].format(row.note)
    return notes


def _rows(
    message: str, names: tuple[str, ...], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], Row | None]]:
    """The row of each field of a Pod, without what is below a field that does not work."""
    for field in load_schema().fields(message).values():
        below = (*names, field.name)
        row = support_of(below)
        yield (message, field.name), row
        works = (row.support if row else None) in _DESCENDED
        if field.is_message and works and message not in above:
            yield from _rows(field.type, below, (*above, message))
