"""The sizes of a client's terminal (K-75).

Role: bytes of the resize channel → columns and rows. Pure.
Invariants: what is no size is passed over; no more than `_MAX_HELD` bytes are kept.
"""

from __future__ import annotations

import json
from typing import NamedTuple

_MAX_HELD = 4096
_MAX_SIDE = 0xFFFF


class TerminalSize(NamedTuple):
    width: int
    height: int


class SizeReader:
    """JSON objects one after the other, with or without newlines, cut anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._decoder = json.JSONDecoder()

    def feed(self, data: bytes) -> list[TerminalSize]:
        self._held += data.decode("utf-8", "replace")
        sizes = []
        while begin := self._held.find("{") + 1:
            try:
                value, end = self._decoder.raw_decode(self._held, begin - 1)
            except (ValueError, RecursionError):
                break
            self._held = self._held[end:]
            if (size := _size(value)) is not None:
                sizes.append(size)
        if len(self._held) > _MAX_HELD:
            self._held = ""
        return sizes


def _size(value: object) -> TerminalSize | None:
    if not isinstance(value, dict):
        return None
    width, height = value.get("Width"), value.get("Height")
    if not (isinstance(width, int) and isinstance(height, int)):
        return None
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        return None
    return TerminalSize(width, height)
