from __future__ import annotations

import pytest

from minikubelet.manifest.go_numbers import parse_int64


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("+7", 7),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        pytest.param("9" * 5000, None, id="more digits than Python reads"),
        pytest.param("0" * 5000 + "7", 7, id="more zeros than Python reads"),
        ("", None),
        ("-", None),
        (" 7", None),
        ("7\n", None),
        ("1_000", None),
        ("0x7", None),
        ("²", None),
        ("٣", None),
    ],
)
def test_a_number_of_64_bits(text: str, number: int | None) -> None:
    assert parse_int64(text) == number
