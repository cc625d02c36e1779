"""What every benchmark uses: rows, medians, CPU and memory of processes.

A figure alone says little, since machines are noisy and differ: each row stands beside a floor that
was measured in the same run, and their ratio is what carries over.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `floor` is the same work without us; `budget` is what the design allows,
    as a ratio to the floor when `of_floor`, else in `unit`."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    budget: float | None = None
    of_floor: bool = False

    @property
    def ratio(self) -> float | None:
        return None if not self.floor else self.value / self.floor

    @property
    def within(self) -> bool | None:
        measured = self.ratio if self.of_floor else self.value
        return None if self.budget is None or measured is None else measured <= self.budget


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    cells = [("what", "measured", "floor", "ratio", "budget", "")]
    cells += [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    floor = "" if row.floor is None else f"{_number(row.floor)} {row.unit} ({row.floor_name})"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    budget = ""
    if row.budget is not None:
        budget = f"{row.budget:g} x" if row.of_floor else f"{row.budget:g} {row.unit}"
    verdict = {True: "ok", False: "OVER", None: ""}[row.within]
    return row.what, f"{_number(row.value)} {row.unit}", floor, ratio, budget, verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def median_of(times: int, measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(times))


def timed(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def private_kib(pid: int) -> int:
    """Memory that only this process uses: what goes away with it."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Dirty:", "Private_Clean:")):
            total += int(line.split()[1])
    return total


def rss_kib(pid: int) -> int:
    return (
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    )
