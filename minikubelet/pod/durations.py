"""Durations as Go prints them: back-off messages carry them (lifecycle spec, section 0). Pure."""

from __future__ import annotations

_NANOSECONDS = 1_000_000_000
_SMALL_UNITS = (("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


def go_duration(seconds: float) -> str:
    """`10s`, `1m20s`, `1h0m0s`, `1.5s`, `250ms`: Go's `time.Duration.String()`."""
    total = round(seconds * _NANOSECONDS)
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total == 0:
        return "0s"
    if total < _NANOSECONDS:
        unit, size = next((unit, size) for unit, size in _SMALL_UNITS if total >= size)
        return f"{sign}{_decimal(total, size)}{unit}"
    minutes, rest = divmod(total, 60 * _NANOSECONDS)
    text = f"{_decimal(rest, _NANOSECONDS)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return sign + text


def _decimal(value: int, unit: int) -> str:
    """`value / unit` in decimal, without trailing zeros; `unit` is a power of ten."""
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{fraction:0{digits}d}".rstrip("0")
