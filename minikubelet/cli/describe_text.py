"""What descriptions are written with: aligned keys, labels, times, events. Pure.

Invariants: cells end with a tab; columns are aligned over neighboring lines that have them, as Go's
tabwriter does it, on which kubectl's layout rests.
Upstream: kubectl pkg/describe and text/tabwriter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from minikubelet.cli.event_text import (
    in_order,
    interval_text,
    message_text,
    source_text,
)
from minikubelet.manifest.json_tree import Json
from minikubelet.pod.printer import parse_time

NONE = "<none>"
_PADDING = 2
_LONGEST_ANNOTATION = 140
_HIDDEN_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


class Description:
    """Collects lines; `text()` aligns them. A level is two blanks of indentation."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def write(self, text: str, level: int = 0) -> None:
        """Whole lines, or the beginning of one."""
        self._parts.append("  " * level + text)

    def line(self, key: str, value: object, level: int = 0) -> None:
        self.write(f"{key}:\t{value}\n", level)

    def listing(self, title: str, entries: Iterable[str]) -> None:
        """A key with one line per entry."""
        entries = list(entries) or [NONE]
        self.write(f"{title}:\t" + "\t".join(f"{entry}\n" for entry in entries))

    def labels(self, title: str, labels: Mapping[str, str] | None) -> None:
        self.listing(title, (f"{key}={value}" for key, value in sorted((labels or {}).items())))

    def annotations(self, annotations: Mapping[str, str] | None) -> None:
        kept = {k: v for k, v in (annotations or {}).items() if k != _HIDDEN_ANNOTATION}
        self.listing("Annotations", map(_annotation, sorted(kept.items())))

    def events(self, events: Iterable[Json], now: datetime) -> None:
        """L-290."""
        ordered = in_order(events)
        if not ordered:
            self.line("Events", NONE)
            return
        self.write("Events:\n")
        self.write("Type\tReason\tAge\tFrom\tMessage\n", 1)
        self.write("----\t------\t----\t----\t-------\n", 1)
        for event in ordered:
            kind, reason = event.get("type", ""), event.get("reason", "")
            interval, source = interval_text(event, now), source_text(event)
            self.write(f"{kind}\t{reason}\t{interval}\t{source}\t{message_text(event)}\n", 1)

    def text(self) -> str:
        lines = "".join(self._parts).split("\n")
        cells = [line.split("\t") for line in lines]
        _align(cells, 0, len(cells), 0)
        return "\n".join("".join(line) for line in cells).replace("\x1b", "^[")


def _align(lines: list[list[str]], start: int, end: int, column: int) -> None:
    """Pad a column in each run of lines that have a cell after it."""
    at = start
    while at < end:
        if len(lines[at]) <= column + 1:
            at += 1
            continue
        stop = at
        while stop < end and len(lines[stop]) > column + 1:
            stop += 1
        width = max(len(line[column]) for line in lines[at:stop]) + _PADDING
        _align(lines, at, stop, column + 1)
        for line in lines[at:stop]:
            line[column] = line[column].ljust(width)
        at = stop


def _annotation(entry: tuple[str, str]) -> str:
    key, value = entry[0], entry[1].removesuffix("\n")
    if len(value) + len(key) + 2 <= _LONGEST_ANNOTATION and "\n" not in value:
        return f"{key}: {value}"
    limit = _LONGEST_ANNOTATION - 2
    shown = [f"{line[:limit]}..." if len(line) > limit else line for line in value.split("\n")]
    return "\n".join([f"{key}:", *(f"\t  {line}" for line in shown)])


def time_text(text: str | None) -> str:
    """In the zone of this machine: `Mon, 02 Jan 2006 15:04:05 -0700` (L-285)."""
    time = parse_time(text)
    if time is None:
        return "Mon, 01 Jan 0001 00:00:00 +0000"  # as upstream shows a time that is unset
    with suppress(OverflowError, ValueError):  # the first day of all is not in every zone
        time = time.astimezone()
    return f"{time:%a, %d %b} {time.year:04d} {time:%H:%M:%S %z}"


def bool_text(value: object) -> str:
    return "true" if value else "false"


def metadata_of(document: Json) -> dict[str, Any]:
    metadata: dict[str, Any] = document.get("metadata") or {}
    return metadata


def controller_text(document: Json) -> str:
    """`<Kind>/<name>` of the owner that controls it; empty without one."""
    owners = metadata_of(document).get("ownerReferences") or ()
    owner = next((entry for entry in owners if entry.get("controller")), None)
    return f"{owner.get('kind')}/{owner.get('name')}" if owner else ""
