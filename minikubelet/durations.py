"""Durations on the command line: `10s`, `1m30s`, `500ms`, or plain seconds."""

from __future__ import annotations

import argparse
import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


def duration(text: str) -> float:
    """Seconds. For argparse: raises ArgumentTypeError with the forms that are understood."""
    if _PLAIN.fullmatch(text):
        return float(text)
    if text and re.fullmatch(f"(?:{_PART.pattern})+", text):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 10s, 1m30s, 500ms or 10")
