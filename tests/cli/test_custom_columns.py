"""Columns of one's own: how they are written, and how they are aligned."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.cli.custom_columns import (
    Column,
    ColumnsError,
    TabbedText,
    columns_of,
    columns_of_file,
    go_text,
    object_line,
)


def test_paths_may_be_written_in_four_ways() -> None:
    spec = "A:a.b,B:.a.b,C:{a.b},D:{.a.b}"
    assert columns_of(spec) == tuple(Column(header, ".a.b") for header in "ABCD")
    assert columns_of("A:.x:y,B:") == (Column("A", ".x:y"), Column("B", ""))
    assert columns_of_file("A  B\n.a\t{.b}\nmore") == (Column("A", ".a"), Column("B", ".b"))


@pytest.mark.parametrize("spec", ["", "A", "A:{.x", "A:.x,B", "A:{.x}{.y}"])
def test_columns_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(ColumnsError):
        columns_of(spec)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "<nil>", id="null"),
        pytest.param(True, "true", id="a boolean"),
        pytest.param(1.0, "1", id="a whole float"),
        pytest.param(1e21, "1e+21", id="a large float"),
        pytest.param(0.25, "0.25", id="a fraction"),
        pytest.param({"b": [1, "x"], "a": {}}, "map[a:map[] b:[1 x]]", id="nested"),
    ],
)
def test_values_as_go_prints_them(value: Any, text: str) -> None:
    assert go_text(value) == text


def test_cells() -> None:
    columns = columns_of("A:.list[*],B:.none,C:.text")
    document = {"list": ["x", 2], "text": "\x1b[1m\r"}
    assert object_line(columns, document) == "x,2\t<none>\t^[[1m\\r"


def test_columns_are_as_wide_as_their_block_and_never_shrink() -> None:
    text = TabbedText()
    assert text.render(["A\tB\tC", "long text\tb\tc"]) == (
        "A           B     C\nlong text   b     c\n"
    )
    assert text.render(["x\ty\tz"]) == "x           y     z\n"
    # A line without tabs ends the block above it.
    assert TabbedText().render(["a\tb\nbreak\nmuch longer\tb"]) == (
        "a     b\nbreak\nmuch longer   b\n"
    )
