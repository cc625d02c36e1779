"""Quantities: values, canonical texts and errors, as Kubernetes prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.quantity import (
    Quantity,
    QuantityError,
    QuantityFormat,
    parse_quantity,
)

FORMAT_ERROR = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


@pytest.mark.parametrize(
    ("text", "nano", "canonical"),
    [
        pytest.param("0", 0, "0", id="zero"),
        pytest.param("000", 0, "0", id="zero of many digits"),
        pytest.param("0Gi", 0, "0", id="zero loses its suffix"),
        pytest.param("-0", 0, "0", id="negative zero"),
        pytest.param("100m", 10**8, "100m", id="milli"),
        pytest.param("0.5", 5 * 10**8, "500m", id="a fraction becomes milli"),
        pytest.param("1000m", 10**9, "1", id="milli that is whole"),
        pytest.param("1.0001", 1000100000, "1000100u", id="micro"),
        pytest.param("0.1n", 1, "1n", id="finer than nano rounds up"),
        pytest.param("1.1n", 2, "2n", id="a part of a nano rounds up"),
        pytest.param("-1e-10", -1, "-1e-9", id="rounds away from zero"),
        pytest.param("1000", 10**12, "1k", id="a thousand"),
        pytest.param("999", 999 * 10**9, "999", id="below a thousand"),
        pytest.param("12000", 12 * 10**12, "12k", id="thousands"),
        pytest.param("1000k", 10**15, "1M", id="a thousand thousands"),
        pytest.param("1500k", 15 * 10**14, "1500k", id="a number and a half stays whole"),
        pytest.param("1E", 10**27, "1E", id="exa, not an exponent"),
        pytest.param("1000E", 10**30, "1000E", id="beyond the largest suffix"),
        pytest.param("1e3", 10**12, "1e3", id="exponent stays exponent"),
        pytest.param("1e4", 10**13, "10e3", id="exponents are multiples of three"),
        pytest.param("1e1", 10**10, "10", id="exponent zero is not written"),
        pytest.param("1e-12", 1, "1e-9", id="smallest exponent"),
        pytest.param("1e100", 10**109, "10e99", id="large exponent"),
        pytest.param("1.5e3", 15 * 10**11, "1500", id="fraction with an exponent"),
        pytest.param("1Ki", 1024 * 10**9, "1Ki", id="kibi"),
        pytest.param("1024Mi", 2**30 * 10**9, "1Gi", id="binary suffixes grow"),
        pytest.param("1.5Gi", 1536 * 2**20 * 10**9, "1536Mi", id="a binary fraction that is whole"),
        pytest.param("0.1Ki", 1024 * 10**8, "102400m", id="a binary fraction that is not"),
        pytest.param("0.5Ki", 512 * 10**9, "512", id="binary below 1024 has no suffix"),
        pytest.param("2.5Ki", 2560 * 10**9, "2560", id="not a multiple of 1024"),
        pytest.param("8Ei", (2**63 - 1) * 10**9, "9223372036854775807", id="binary is capped"),
        pytest.param("9223372036854775808", 2**63 * 10**9, "9223372036854775808", id="decimal no"),
        pytest.param("+5", 5 * 10**9, "+5", id="a text upstream takes for canonical: sign"),
        pytest.param("1.G", 10**18, "1.G", id="the same: a point without digits"),
        pytest.param("010", 10 * 10**9, "010", id="the same: leading zero"),
        pytest.param("1.500", 15 * 10**8, "1.500", id="the same: three decimals"),
        pytest.param("1.000", 10**9, "1", id="not the same: ends in three zeros"),
        pytest.param("0.500", 5 * 10**8, "500m", id="not the same: starts with zero"),
        pytest.param("Mi", 0, "0", id="a suffix alone is zero"),
        pytest.param(".", 0, "0", id="a point alone is zero"),
    ],
)
def test_parse(text: str, nano: int, canonical: str) -> None:
    quantity = parse_quantity(text)
    assert (quantity.nano, str(quantity)) == (nano, canonical)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", FORMAT_ERROR, id="empty"),
        pytest.param("abc", FORMAT_ERROR, id="a word"),
        pytest.param("1 Gi", FORMAT_ERROR, id="a blank inside"),
        pytest.param("1.2.3", FORMAT_ERROR, id="two points"),
        pytest.param("128MB", FORMAT_ERROR, id="a unit of another world"),
        pytest.param("1,5", FORMAT_ERROR, id="a decimal comma"),
        pytest.param("٣", FORMAT_ERROR, id="digits of another script"),
        pytest.param("0" * 900 + "x", FORMAT_ERROR, id="many digits before a stray letter"),
        pytest.param("1K", "unable to parse quantity's suffix", id="capital K"),
        pytest.param("1i", "unable to parse quantity's suffix", id="i alone"),
        pytest.param("1e", "unable to parse quantity's suffix", id="exponent without digits"),
        pytest.param("1Ki1", "unable to parse quantity's suffix", id="digits after a suffix"),
        pytest.param("1e99999", "unable to parse quantity's suffix", id="boundless exponent"),
        pytest.param("9" * 5000, "unable to parse numeric part of quantity", id="endless number"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value", "milli"),
    [
        pytest.param("250m", 1, 250, id="value rounds up"),
        pytest.param("1.0001", 2, 1001, id="milli rounds up too"),
        pytest.param("-1.5", -2, -1500, id="away from zero"),
        pytest.param("64Mi", 67108864, 67108864000, id="whole"),
    ],
)
def test_rounded_values(text: str, value: int, milli: int) -> None:
    quantity = parse_quantity(text)
    assert (quantity.value(), quantity.milli_value()) == (value, milli)


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        pytest.param("100u", "1m", id="micro becomes a milli"),
        pytest.param("1.500", "1.500", id="what is exact keeps its text"),
        pytest.param("0.0001Ki", "103m", id="binary"),
    ],
)
def test_rounding_up_to_milli(text: str, rounded: str) -> None:  # L-29
    assert str(parse_quantity(text).rounded_up_to_milli()) == rounded


def test_quantities_compare_by_value() -> None:
    assert parse_quantity("1Gi") == parse_quantity("1024Mi") == parse_quantity("1073741824")
    assert parse_quantity("1G") < parse_quantity("1Gi") < parse_quantity("1.1G")


@given(
    st.integers(-(10**30), 10**30),
    st.sampled_from([QuantityFormat.DECIMAL_SI, QuantityFormat.DECIMAL_EXPONENT]),
)
def test_canonical_decimal_text_reads_back(nano: int, quantity_format: QuantityFormat) -> None:
    quantity = Quantity(nano, quantity_format)
    assert parse_quantity(str(quantity)) == quantity


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_canonical_binary_text_reads_back(value: int) -> None:
    quantity = Quantity(value * 10**9, QuantityFormat.BINARY_SI)
    assert parse_quantity(str(quantity)) == quantity


@given(st.text("0123456789.+-eEinumkKMGTP", max_size=12))
def test_any_text_is_a_quantity_or_an_error(text: str) -> None:
    try:
        quantity = parse_quantity(text)
    except QuantityError:
        return
    assert parse_quantity(str(quantity)) == quantity
