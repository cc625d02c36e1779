"""What every benchmark uses: rows, medians, CPU and memory of processes.

A figure alone says little, since machines are noisy and differ: each row stands beside a floor that
was measured in the same run, and their ratio is what carries over.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MICROSECONDS = 1e6
MILLISECONDS = 1e3
"""What seconds are multiplied with for rows in `µs` and `ms`."""


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


def medians(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure. They take turns, so that a noisy moment hits all of them."""
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(values) for values in zip(*taken, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_seconds(pid: int) -> float:
    """Time on a processor of the threads of a process that live, without its children; exact where
    /proc/PID/stat counts ticks of 10 ms."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


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


def python_rss_mb() -> float:
    """Of an interpreter that has imported asyncio, the floor of a daemon."""
    program = "import asyncio, sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        megabytes = rss_kib(process.pid) / 1024
        process.stdin.close()
    return megabytes


def children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
