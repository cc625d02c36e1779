"""Tables of the API as aligned text, as kubectl prints them. Pure.

Upstream: cli-runtime tableprinter.go and liggitt/tabwriter (columns of at least six characters,
three blanks between them).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

_MIN_WIDTH = 6
_PADDING = 3


@dataclass(slots=True)
class AlignedText:
    """Lines of cells; widths only grow, so that what a watch adds stays below its headings."""

    padding: int = _PADDING
    min_width: int = _MIN_WIDTH
    widths: list[int] = field(default_factory=list)

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Each row as a line; the last cell of a row is not padded."""
        for row in rows:
            for index, cell in enumerate(row[:-1]):
                wanted = max(self.min_width, len(cell) + self.padding)
                if index == len(self.widths):
                    self.widths.append(wanted)
                self.widths[index] = max(self.widths[index], wanted)
        return [self._line(row) for row in rows]

    def _line(self, row: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], self.widths, strict=False)]
        return "".join([*padded, *row[-1:]])


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    wide: bool = False
    no_headers: bool = False
    with_namespace: bool = False
    label_columns: tuple[str, ...] = ()
    """Keys of labels that get a column each."""
    show_labels: bool = False
    name_prefix: str = ""
    """`pod/` where several kinds are printed."""


def heading(table: Json, options: TableOptions) -> list[str]:
    shown = [definition["name"].upper() for _, definition in _columns(table, options)]
    return [
        *(["NAMESPACE"] if options.with_namespace else []),
        *shown,
        *(key.rpartition("/")[2].upper() for key in options.label_columns),
        *(["LABELS"] if options.show_labels else []),
    ]


def row_cells(table: Json, row: Json, options: TableOptions) -> list[str]:
    cells = row.get("cells") or []
    metadata = (row.get("object") or {}).get("metadata") or {}
    shown = [
        (options.name_prefix if definition.get("format") == "name" else "")
        + cell_text(cells[index] if index < len(cells) else None)
        for index, definition in _columns(table, options)
    ]
    return [
        *([metadata.get("namespace") or ""] if options.with_namespace else []),
        *shown,
        *((metadata.get("labels") or {}).get(key, "") for key in options.label_columns),
        *([_labels(metadata.get("labels"))] if options.show_labels else []),
    ]


def cell_text(cell: Any) -> str:
    """One line, and nothing that moves the cursor."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    end = min((at for sign in "\f\n\r" if (at := text.find(sign)) >= 0), default=-1)
    if end >= 0:
        text = f"{text[:end]}..."
    return text.replace("\x1b", "^[").replace("\t", " ")


def _columns(table: Json, options: TableOptions) -> Iterable[tuple[int, Json]]:
    for index, definition in enumerate(table.get("columnDefinitions") or ()):
        if options.wide or not definition.get("priority"):
            yield index, definition


def _labels(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"
