"""Amounts of cpu, memory and the like: "250m", "64Mi", "1e3".

Role: read a quantity exactly, compare it, and write it as Kubernetes does.
Invariants: pure; values are whole nano units, what is finer rounds away from zero; two quantities
are equal when their values are, however they are written.
Upstream: apimachinery `resource.Quantity`. Differs: a decimal amount of 1000E and more keeps its
value in text (upstream loses the exponent), and exponents end at 1000.
"""

from __future__ import annotations

import re
from dataclasses import field
from enum import Enum, auto

from minikubelet.value_class import dataclass

_WRONG_FORMAT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_WRONG_NUMBER = "unable to parse numeric part of quantity"
_WRONG_SUFFIX = "unable to parse quantity's suffix"

# Possessive, so that a long run of digits before a stray letter is read once.
_QUANTITY = re.compile(r"([+-]?)0*+([0-9]*+)(?:\.([0-9]*+))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)")
_DECIMAL_SUFFIXES = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_DECIMAL_SUFFIX_OF = {exponent: suffix for suffix, exponent in _DECIMAL_SUFFIXES.items()}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

_NANO = 10**9
_MILLI = 10**6
_MAX_BINARY = (2**63 - 1) * _NANO
_MAX_LENGTH = 1000
_MAX_EXPONENT = 1000
_MAX_INT64_DIGITS = 18


class QuantityError(ValueError):
    """Not a quantity; the text is upstream's."""


class QuantityFormat(Enum):
    """The family of suffixes a quantity was written with, and is written with again."""

    DECIMAL_SI = auto()
    BINARY_SI = auto()
    DECIMAL_EXPONENT = auto()


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An exact amount in nano units; `str()` is the text that Kubernetes stores."""

    nano: int
    format: QuantityFormat = field(default=QuantityFormat.DECIMAL_SI, compare=False)
    text: str = field(default="", compare=False)
    """The text as written, where Kubernetes keeps it; empty where it writes its own."""

    def value(self) -> int:
        """In whole units, rounded away from zero."""
        return _divide_up(self.nano, _NANO)

    def milli_value(self) -> int:
        """In thousandths, rounded away from zero."""
        return _divide_up(self.nano, _MILLI)

    def rounded_up_to_milli(self) -> Quantity:
        """As Kubernetes rounds every resource amount on defaulting (L-29)."""
        if self.nano % _MILLI == 0:
            return self
        return Quantity(self.milli_value() * _MILLI, self.format)

    def __str__(self) -> str:
        if self.text:
            return self.text
        if self.nano == 0:
            return "0"
        if self._is_written_binary():
            return _binary_text(self.nano // _NANO)
        return _decimal_text(self.nano, exponent=self.format is QuantityFormat.DECIMAL_EXPONENT)

    def _is_written_binary(self) -> bool:
        return (
            self.format is QuantityFormat.BINARY_SI
            and abs(self.nano) >= 1024 * _NANO
            and self.nano % _NANO == 0
        )


def parse_quantity(text: str) -> Quantity:
    """Read a quantity; raises QuantityError with upstream's text."""
    match = _QUANTITY.fullmatch(text)
    if match is None or not text:
        raise QuantityError(_WRONG_FORMAT)
    if len(text) > _MAX_LENGTH:
        raise QuantityError(_WRONG_NUMBER)
    sign, whole, fraction, suffix = match.groups(default="")
    digits = (whole or "0") + fraction
    binary_exponent, exponent, quantity_format = _read_suffix(suffix)
    scale = exponent - len(fraction)
    nano = _scaled_up(int(digits) << binary_exponent, scale + 9)
    if quantity_format is QuantityFormat.BINARY_SI:
        nano = min(nano, _MAX_BINARY)
    kept = _keeps_its_text(digits, scale, quantity_format)
    return Quantity(-nano if sign == "-" else nano, quantity_format, text if kept else "")


def _read_suffix(suffix: str) -> tuple[int, int, QuantityFormat]:
    """The exponent to the base of 2, the one to the base of 10, and the family."""
    if suffix in _DECIMAL_SUFFIXES:
        return 0, _DECIMAL_SUFFIXES[suffix], QuantityFormat.DECIMAL_SI
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix], 0, QuantityFormat.BINARY_SI
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > _MAX_EXPONENT:
        raise QuantityError(_WRONG_SUFFIX)
    return 0, int(match[1]), QuantityFormat.DECIMAL_EXPONENT


def _keeps_its_text(digits: str, scale: int, quantity_format: QuantityFormat) -> bool:
    """Whether upstream's fast path takes the text for canonical, though `+5` or `1.G` is not."""
    return (
        quantity_format is not QuantityFormat.BINARY_SI
        and len(digits) <= _MAX_INT64_DIGITS
        and scale >= -9
        and scale % 3 == 0
        and not digits.startswith("0")
        and not digits.endswith("000")
    )


def _decimal_text(nano: int, *, exponent: bool) -> str:
    power = -9
    while nano % 1000 == 0 and (exponent or power < 18):
        nano //= 1000
        power += 3
    if exponent:
        return f"{nano}e{power}" if power else str(nano)
    return f"{nano}{_DECIMAL_SUFFIX_OF[power]}"


def _binary_text(value: int) -> str:
    suffix = ""
    for candidate in _BINARY_SUFFIXES:
        if value % 1024:
            break
        value //= 1024
        suffix = candidate
    return f"{value}{suffix}"


def _scaled_up(value: int, power: int) -> int:
    """`value * 10**power`, rounded up."""
    return value * 10**power if power >= 0 else _divide_up(value, 10**-power)


def _divide_up(value: int, divisor: int) -> int:
    quotient = -(-abs(value) // divisor)
    return quotient if value >= 0 else -quotient
