"""`-o custom-columns=NAME:.metadata.name,…`: columns of one's own, as kubectl prints them. Pure.

Upstream: kubectl pkg/cmd/get/customcolumn.go, and liggitt/tabwriter with remembered widths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from minikubelet.cli.jsonpath import find
from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

_PATH = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
_BAD_PATH = (
    "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or "
    "'{.name1.name2}'"
)
_TWO_LINES = (
    "Expected format is one line of space separated headers, one line of space separated column "
    "specs."
)
_NONE = "<none>"
_EXPONENT_FROM = 1e21
"""From here on Go prints a float with an exponent."""
_MIN_WIDTH = 6
_PADDING = 3


class ColumnsError(ValueError):
    """The columns are not written as they should be; the text is kubectl's."""


@dataclass(frozen=True, slots=True)
class Column:
    header: str
    path: str
    """Without braces; empty: always `<none>`."""


def columns_of(spec: str) -> tuple[Column, ...]:
    """`NAME:.metadata.name,IP:{.status.podIP}`. Raises ColumnsError."""
    if not spec:
        raise ColumnsError("custom-columns format specified but no custom columns given")
    columns = []
    for part in spec.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            raise ColumnsError(
                f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
            )
        columns.append(Column(header, _plain_path(path)))
    return tuple(columns)


def columns_of_file(text: str) -> tuple[Column, ...]:
    """A line of headers, and a line of paths below it. Raises ColumnsError."""
    lines = text.split("\n")
    if not text:
        raise ColumnsError(f"invalid template, missing header line. {_TWO_LINES}")
    if len(lines) == 1 or lines[1:] == [""]:
        raise ColumnsError(f"invalid template, missing spec line. {_TWO_LINES}")
    headers, paths = lines[0].split(), lines[1].split()
    if len(headers) != len(paths):
        raise ColumnsError(
            f"number of headers ({len(headers)}) and field specifications ({len(paths)}) "
            "don't match"
        )
    return tuple(
        Column(header, _plain_path(path)) for header, path in zip(headers, paths, strict=True)
    )


def _plain_path(path: str) -> str:
    match = _PATH.fullmatch(path)
    if match is None and path:
        raise ColumnsError(_BAD_PATH)
    return f".{match[1] or match[2]}" if match else ""


def header_line(columns: Iterable[Column]) -> str:
    return "\t".join(column.header for column in columns)


def object_line(columns: Iterable[Column], document: Json) -> str:
    """Cells with tabs between them. Raises JsonPathError."""
    return "\t".join(_cell(column, document) for column in columns)


def _cell(column: Column, document: Json) -> str:
    values = find(column.path, document) if column.path else []
    texts = (go_text(value).replace("\x1b", "^[").replace("\r", "\\r") for value in values)
    return ",".join(texts) if values else _NONE


def go_text(value: Any) -> str:
    """As Go's `fmt.Sprint` writes what was read from JSON."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
        case dict():
            items = " ".join(f"{key}:{go_text(item)}" for key, item in sorted(value.items()))
            return f"map[{items}]"
        case list():
            return f"[{' '.join(map(go_text, value))}]"
    return str(value)


def _float_text(value: float) -> str:
    if abs(value) < _EXPONENT_FROM and value == int(value):
        return str(int(value))
    return repr(value)


@dataclass(slots=True)
class TabbedText:
    """Tabs become columns. A column is as wide as its neighbors above and below need, and never
    narrower than it was before; what stands in a cell may hold newlines and tabs itself."""

    _known: list[int] = field(default_factory=list)

    def render(self, lines: Sequence[str]) -> str:
        rows = [row.split("\t") for line in lines for row in line.split("\n")]
        written: list[str] = []
        begin = 0
        for number, row in enumerate(rows):
            if len(row) == 1:  # a line without columns ends what is above it
                self._block(rows, begin, number + 1, [], written)
                begin = number + 1
        self._block(rows, begin, len(rows), [], written)
        return "".join(written)

    def _block(
        self, rows: list[list[str]], begin: int, end: int, widths: list[int], written: list[str]
    ) -> None:
        """Rows that have all columns of `widths`, and perhaps more."""
        column, at = len(widths), begin
        while at < end:
            if len(rows[at]) - 1 <= column:
                written.append(_line(rows[at], widths))
                at += 1
                continue
            block_end = at
            while block_end < end and len(rows[block_end]) - 1 > column:
                block_end += 1
            wanted = max(len(row[column]) + _PADDING for row in rows[at:block_end])
            width = self._remembered(column, max(_MIN_WIDTH, wanted))
            self._block(rows, at, block_end, [*widths, width], written)
            at = block_end

    def _remembered(self, column: int, width: int) -> int:
        if column == len(self._known):
            self._known.append(width)
        self._known[column] = max(self._known[column], width)
        return self._known[column]


def _line(row: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "".join([*padded, *row[len(widths) :]]) + "\n"
