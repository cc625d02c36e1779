"""Whole numbers in texts, as Go reads them.

Role: `strconv.ParseInt(text, 10, 64)`. Pure.
Invariants: no text raises: Python's own `int` refuses one of thousands of digits.
"""

from __future__ import annotations

import re

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")
"""64 bits have no more digits."""
_DIGITS = re.compile(r"[+-]?[0-9]+")


def parse_int64(text: str) -> int | None:
    """None for what is no whole number in base 10, or needs more than 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    number = int(match[1] + match[2])
    return number if -(1 << 63) <= number < 1 << 63 else None


def why_no_int64(text: str) -> str:
    """Go's reason for a text of which `parse_int64` makes nothing."""
    return "value out of range" if _DIGITS.fullmatch(text) else "invalid syntax"
