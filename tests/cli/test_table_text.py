"""Tables as text, as kubectl aligns them."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.cli.describe_text import Description
from minikubelet.cli.table_text import AlignedText, TableOptions, cell_text, heading, row_cells

TABLE: dict[str, Any] = {
    "columnDefinitions": [
        {"name": "Name", "format": "name", "priority": 0},
        {"name": "Data", "priority": 0},
        {"name": "More", "priority": 1},
    ],
    "rows": [
        {
            "cells": ["web", 2, "x"],
            "object": {"metadata": {"namespace": "team", "labels": {"b": "2", "a": "1"}}},
        }
    ],
}


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        pytest.param(TableOptions(), [["NAME", "DATA"], ["web", "2"]], id="narrow"),
        pytest.param(
            TableOptions(wide=True), [["NAME", "DATA", "MORE"], ["web", "2", "x"]], id="wide"
        ),
        pytest.param(
            TableOptions(with_namespace=True, show_labels=True, name_prefix="pod/"),
            [["NAMESPACE", "NAME", "DATA", "LABELS"], ["team", "pod/web", "2", "a=1,b=2"]],
            id="with namespace, kind and labels",
        ),
    ],
)
def test_columns(options: TableOptions, lines: list[list[str]]) -> None:
    assert [heading(TABLE, options), row_cells(TABLE, TABLE["rows"][0], options)] == lines


def test_columns_only_grow() -> None:
    text = AlignedText()
    assert text.lines([["A", "B"], ["x", "y"]]) == ["A     B", "x     y"]
    assert text.lines([["longer", "y"]]) == ["longer   y"]
    assert text.lines([["x", "y"]]) == ["x        y"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        ("one\ntwo", "one..."),
        ("\x1b[31mred", "^[[31mred"),
    ],
)
def test_cells_stay_on_their_line(cell: object, text: str) -> None:
    assert cell_text(cell) == text


def test_descriptions_align_neighbors_only() -> None:
    out = Description()
    out.line("Name", "web")
    out.labels("Labels", {"b": "2", "a": "1"})
    out.write("Section:\n")
    out.line("Long key", "x", 1)
    out.line("K", "y", 1)
    out.annotations({"kubectl.kubernetes.io/last-applied-configuration": "{}"})
    assert out.text().splitlines() == [
        "Name:    web",
        "Labels:  a=1",
        "         b=2",
        "Section:",
        "  Long key:   x",
        "  K:          y",
        "Annotations:  <none>",
    ]
