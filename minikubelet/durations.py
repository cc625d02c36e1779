"""Durations on the command line: `10s`, `1m30s`, `500ms`, or plain seconds."""

from __future__ import annotations

import argparse
import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST_SECONDS = 100 * 365 * 86400.0
"""A longer time may have no end that a date could tell."""


def duration(text: str) -> float:
    """Seconds. For argparse: raises ArgumentTypeError with what is wrong."""
    if _PLAIN.fullmatch(text):
        seconds = float(text)
    elif re.fullmatch(f"(?:{_PART.pattern})+", text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    else:
        message = f"{text!r} is not a duration: write 10s, 1m30s, 500ms or 10"
        raise argparse.ArgumentTypeError(message)
    if seconds > _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than 100 years")
    return seconds
