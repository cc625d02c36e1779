"""`$(NAME)` references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.pod.expansion import expand

KNOWN = {"A": "1", "EMPTY": "", "REFERENCE": "$(A)", "with.dot-and_more": "odd"}


# L-130
@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("$(A)", "1", id="a known name is replaced"),
        pytest.param("$$(A)", "$(A)", id="a doubled dollar suppresses the reference"),
        pytest.param("$$$(A)", "$1", id="a third dollar refers again"),
        pytest.param("$$$$(A)", "$$(A)", id="four dollars are two and no reference"),
        pytest.param("$(X)", "$(X)", id="an unknown name stays"),
        pytest.param("$(A", "$(A", id="without the closing parenthesis it stays"),
        pytest.param("$(A$$", "$(A$", id="what follows an open reference is still read"),
        pytest.param("$A", "$A", id="a shell variable stays"),
        pytest.param("$x$(A)", "$x1", id="a dollar before any other character stays"),
        pytest.param("$", "$", id="a single dollar at the end stays"),
        pytest.param("$()", "$()", id="an empty name is not known"),
        pytest.param("$(A)$(X)$$", "1$(X)$", id="each reference counts for itself"),
        pytest.param("$($(A))", "$($(A))", id="references do not nest"),
        pytest.param("$(EMPTY)!", "!", id="an empty value is a value"),
        pytest.param("$(REFERENCE)", "$(A)", id="a value is not expanded again"),
        pytest.param("$(with.dot-and_more)", "odd", id="any character but the parenthesis names"),
        pytest.param("$(A\n)", "$(A\n)", id="a line break is part of the name"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert expand(text, KNOWN) == expanded


@given(st.text(alphabet="$()AX", max_size=12))
def test_expansion_agrees_with_a_scanner(text: str) -> None:
    assert expand(text, KNOWN) == _scan(text)


def _scan(text: str) -> str:
    """L-130 read from left to right, one character at a time."""
    out, position = "", 0
    while position < len(text):
        rest = text[position:]
        if rest.startswith("$$"):
            out, position = out + "$", position + 2
        elif rest.startswith("$(") and ")" in rest:
            reference = rest[: rest.index(")") + 1]
            out += KNOWN.get(reference[2:-1], reference)
            position += len(reference)
        else:
            out, position = out + rest[0], position + 1
    return out
