"""Which fields of a Pod work here, and what the user hears about the others.

Role: looks the fields of a document up in the table of `support_rows.py`, reports those without
effect (warnings) and those that must not be ignored (errors), and writes the README's table.
Invariants: a field has exactly one row: the most specific. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from itertools import product
from typing import Any

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Positions, Severity
from minikubelet.manifest.support_rows import ROWS, Row, Support
from minikubelet.value_class import dataclass

_SECTIONS = ("metadata", "spec", "status")
_REST = "**"

_TITLES = {
    Support.HONORED: "Honored, as on a cluster",
    Support.EMULATED: "Emulated",
    Support.ACCEPTED: "Accepted without effect, with a warning",
    Support.REFUSED: "Refused",
}


@dataclass(frozen=True, slots=True)
class _Node:
    """One step of the paths: the rows that end with the next name, `**` being all that is below."""

    children: dict[str, _Node] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Given:
    """A field as it stands in a document, without list indexes in `names`."""

    names: tuple[str, ...]
    path: FieldPath
    depths: tuple[int, ...]
    """For each name: how many parts of `path` lead to it."""
    value: Any
    siblings: Mapping[str, Any]


def support_of(names: tuple[str, ...]) -> Row | None:
    """The row of a field, named without list indexes; None for what is not in the table."""
    found = _find(names)
    return found[0] if found else None


def findings_of(document: Mapping[str, Any], positions: Positions) -> tuple[Finding, ...]:
    """Warnings and errors for the fields of a Pod as written, one per table row and place."""
    findings: dict[FieldPath, Finding] = {}
    for section in _SECTIONS:
        if section in document:
            start = _Given(
                (section,), FieldPath().child(section), (1,), document[section], document
            )
            for given in _leaves(start):
                finding = _finding(given, positions)
                if finding is not None:
                    findings.setdefault(finding.path, finding)
    return tuple(findings.values())


def support_table_markdown() -> str:
    """The table for people, in Markdown; `containers` stands for `initContainers` too."""
    lines: list[str] = []
    for support, title in _TITLES.items():
        rows = [row for row in ROWS if row.support is support]
        lines += ["", f"**{title}**", ""]
        if support is Support.HONORED:
            lines += [f"- {_shown_path(row)}" for row in rows]
        else:
            lines += ["| field | what happens |", "| --- | --- |"]
            lines += [f"| {_shown_path(row)} | {_shown_note(row)} |" for row in rows]
    return "\n".join((*lines, "", ""))


def _shown_path(row: Row) -> str:
    path = row.path.replace("{containers,initContainers}", "containers")
    return f"`{path.removesuffix('.' + _REST).replace(',', ', ')}`"


def _shown_note(row: Row) -> str:
    return f"{row.note}; {row.fix}" if row.fix else row.note


def _leaves(given: _Given) -> Iterator[_Given]:
    """The fields below: scalars, and mappings that are empty."""
    value = given.value
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            if item is not None:
                path = given.path.child(str(name))
                yield from _leaves(
                    _Given(
                        (*given.names, str(name)),
                        path,
                        (*given.depths, len(path.parts)),
                        item,
                        value,
                    )
                )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(replace(given, path=given.path.index(index), value=item))
    else:
        yield given


def _finding(given: _Given, positions: Positions) -> Finding | None:
    found = _find(given.names)
    if found is None:
        return None
    row, depth = found
    refused = row.support is Support.REFUSED
    silent = row.support is Support.HONORED or (row.support is Support.EMULATED and not row.warns)
    empty = given.value == {} and not refused  # asks for nothing; but `nfs: {}` is a volume
    if silent or empty or row.fine(given.value, given.siblings):
        return None
    path = FieldPath(given.path.parts[: given.depths[depth - 1]])
    if row.support is Support.ACCEPTED:
        message = f"has no effect: {row.note}"
    elif refused:
        message = f"not supported: {row.note}"
    else:
        message = row.note
    severity = Severity.ERROR if refused else Severity.WARNING
    return Finding.at(positions.at(path), path, message, fix=row.fix, severity=severity)


def _find(names: tuple[str, ...]) -> tuple[Row, int] | None:
    """The most specific row, and to how many of `names` it goes."""
    node, best = _tree(), None
    for depth, name in enumerate(names):
        if _REST in node.rows:
            best = (node.rows[_REST], depth)
        if depth == len(names) - 1 and name in node.rows:
            return node.rows[name], depth + 1
        child = node.children.get(name)
        if child is None:
            return best
        node = child
    return (node.rows[_REST], len(names)) if _REST in node.rows else best


@cache
def _tree() -> _Node:
    root = _Node()
    for row in ROWS:
        for *parents, last in expand(row.path):
            node = root
            for name in parents:
                node = node.children.setdefault(name, _Node())
            if last in node.rows:
                raise ValueError(f"two rows for {'.'.join((*parents, last))}")
            node.rows[last] = row
    return root


def expand(path: str) -> Iterator[tuple[str, ...]]:
    """The paths that a path with alternatives in braces stands for."""
    steps = (step[1:-1].split(",") if step.startswith("{") else [step] for step in path.split("."))
    yield from product(*steps)
