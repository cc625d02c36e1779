"""Scalars as Kubernetes reads them; every row was compared with what kubectl makes of it."""

from __future__ import annotations

import base64

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.yaml_scalars import Scalar, ScalarError, key_text, resolve_scalar
from minikubelet.manifest.yaml_text import parse_text


@pytest.mark.parametrize(  # L-8
    ("text", "value"),
    [
        pytest.param("yes", True, id="yes"),
        pytest.param("On", True, id="On"),
        pytest.param("y", True, id="y alone"),
        pytest.param("OFF", False, id="OFF"),
        pytest.param("N", False, id="N alone"),
        pytest.param("tRue", "tRue", id="mixed case is a text"),
        pytest.param("~", None, id="tilde"),
        pytest.param("", None, id="nothing"),
        pytest.param("NULL", None, id="NULL"),
        pytest.param("nil", "nil", id="nil is a text"),
        pytest.param("0644", 420, id="octal with a zero"),
        pytest.param("0o17", 15, id="octal with 0o"),
        pytest.param("-0o17", -15, id="negative octal"),
        pytest.param("012_3", 83, id="octal with an underscore"),
        pytest.param("08", 8, id="no octal number, so a decimal float"),
        pytest.param("0o8", "0o8", id="no octal digit"),
        pytest.param("0b1010", 10, id="binary"),
        pytest.param("-0b11", -3, id="negative binary"),
        pytest.param("0b102", "0b102", id="no binary digit"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("0x", "0x", id="a prefix alone"),
        pytest.param("1_000", 1000, id="underscores"),
        pytest.param("1__0", 10, id="several underscores"),
        pytest.param("_1", "_1", id="a leading underscore"),
        pytest.param("+12", 12, id="a sign"),
        pytest.param("1e3", 1000, id="an exponent that is whole"),
        pytest.param("1.5e3", 1500, id="a float that is whole"),
        pytest.param("1.0", 1, id="a float without a fraction"),
        pytest.param("1e-3", 0.001, id="a negative exponent"),
        pytest.param(".5", 0.5, id="a leading point"),
        pytest.param("+.5", 0.5, id="a sign and a point"),
        pytest.param("0.", 0, id="a trailing point"),
        pytest.param("685_230.15", 685230.15, id="a float with underscores"),
        pytest.param("1e400", "1e400", id="beyond the floats"),
        pytest.param("12:30", "12:30", id="no sexagesimals"),
        pytest.param("1:2:3", "1:2:3", id="nor longer ones"),
        pytest.param("2001-12-14", "2001-12-14", id="a date"),
        pytest.param("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00", id="a time"),
        pytest.param("=", "=", id="the equals sign"),
        pytest.param("9223372036854775807", 2**63 - 1, id="the largest 64-bit number"),
        pytest.param("100000000000000000000", 1e20, id="beyond 64 bits"),
        pytest.param("٣", "٣", id="digits of another script"),
    ],
)
def test_plain_scalars(text: str, value: Scalar) -> None:
    resolved = resolve_scalar(text)
    assert (resolved, type(resolved)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('"yes"', "yes", id="quotes make a text"),
        pytest.param("'0644'", "0644", id="single quotes too"),
        pytest.param("!!str 12", "12", id="tagged as text"),
        pytest.param('!!int "12"', 12, id="tagged as number"),
        pytest.param('!!bool "yes"', True, id="tagged as boolean"),
        pytest.param("!!float 1", 1, id="tagged as float"),
        pytest.param("!!binary aGk=", "hi", id="binary is decoded"),
        pytest.param("!foo bar", "bar", id="an unknown tag"),
        pytest.param("! 12", "12", id="the tag that means text"),
        pytest.param("|\n  12\n", "12\n", id="a block is a text"),
    ],
)
def test_quoted_and_tagged_scalars(text: str, value: Scalar) -> None:
    parsed = parse_text(f"v: {text}", "f")
    assert [document.content for document in parsed.documents] == [{"v": value}]
    assert not parsed.findings


@pytest.mark.parametrize(
    ("text", "tag", "message"),
    [
        pytest.param(".inf", None, "JSON has no number .inf", id="infinity"),
        pytest.param("-.Inf", None, "JSON has no number -.Inf", id="negative infinity"),
        pytest.param(".NaN", None, "JSON has no number .NaN", id="not a number"),
        pytest.param("abc", "int", "cannot read 'abc' as a !!int", id="a word is no number"),
        pytest.param("1", "bool", "cannot read '1' as a !!bool", id="a number is no boolean"),
        pytest.param("#", "binary", "!!binary value contains invalid base64 data", id="no base64"),
    ],
)
def test_scalars_without_a_value(text: str, tag: str | None, message: str) -> None:
    with pytest.raises(ScalarError) as caught:
        resolve_scalar(text, tag and f"tag:yaml.org,2002:{tag}")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("key", "text"),
    [
        pytest.param("a", "a", id="a text"),
        pytest.param(True, "true", id="a boolean"),
        pytest.param(10, "10", id="a number"),
        pytest.param(1.5, "1.5", id="a float"),
    ],
)
def test_keys_become_texts(key: Scalar, text: str) -> None:
    assert key_text(key) == text


def test_null_is_no_key() -> None:
    with pytest.raises(ScalarError):
        key_text(None)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    try:
        value = resolve_scalar(text)
    except ScalarError:
        assert text.lstrip("+-").lower() in (".inf", ".nan")
        return
    assert value is None or isinstance(value, str | bool | int | float)


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_in_each_notation(number: int) -> None:
    sign, size = ("-" if number < 0 else ""), abs(number)
    for text in (str(number), f"{sign}{size:#x}", f"{sign}{size:#o}", f"{sign}{size:#b}"):
        assert resolve_scalar(text) == number


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32).filter(lambda f: f % 1 != 0)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc-./", min_size=1), inner),
    max_leaves=10,
)


class QuotingDumper(yaml.SafeDumper):
    """Quotes every text, since PyYAML takes `Y` and `1e3` for texts that need no quotes."""


QuotingDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'),
)


@given(st.dictionaries(st.text("abcd", min_size=1), JSON_VALUES, min_size=1))
def test_what_a_yaml_library_writes_reads_back(content: dict[str, object]) -> None:
    parsed = parse_text(yaml.dump(content, Dumper=QuotingDumper), "f")
    assert not parsed.findings
    assert [document.content for document in parsed.documents] == [content]


@given(st.binary(max_size=30))
def test_binary_is_read_as_utf8(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(ScalarError):
            resolve_scalar(text, "tag:yaml.org,2002:binary")
    else:
        assert resolve_scalar(text, "tag:yaml.org,2002:binary") == expected
