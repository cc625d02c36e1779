"""The figures that benchmarks print are the figures that were measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count

import pytest

from tests.bench.harness import Row, children, cpu_seconds, medians, percentile, table

RATIO = Row("probe", 50.0, "µs", floor=25.0, floor_name="bare")


@pytest.mark.parametrize(
    ("row", "ratio", "within"),
    [
        pytest.param(Row("a", 5.0, "ms"), None, None, id="no floor, no budget: no verdict"),
        pytest.param(Row("a", 5.0, "ms", 0.0), None, None, id="a floor of nothing has no ratio"),
        pytest.param(RATIO, 2.0, None, id="a floor gives a ratio, not a verdict"),
        pytest.param(
            Row("a", 5.0, "ms", budget=5.0), None, True, id="what reaches its budget is within"
        ),
        pytest.param(Row("a", 5.1, "ms", budget=5.0), None, False, id="more than that is over"),
        pytest.param(
            Row("a", 50.0, "µs", 25.0, "bare", 10.0),
            2.0,
            False,
            id="a budget in its unit does not look at the floor",
        ),
        pytest.param(
            Row("a", 50.0, "µs", 25.0, "bare", 2.0, of_floor=True),
            2.0,
            True,
            id="a budget of the floor looks at the ratio",
        ),
        pytest.param(
            Row("a", 50.0, "µs", budget=2.0, of_floor=True),
            None,
            None,
            id="a budget of a floor that was not measured has no verdict",
        ),
    ],
)
def test_row(row: Row, ratio: float | None, within: bool | None) -> None:
    assert (row.ratio, row.within) == (ratio, within)


def test_table() -> None:
    rows = [
        Row("probe", 50.04, "µs", 25.0, "bare", 1.5, of_floor=True),
        Row("lines", 2_402_599.4, "lines/s"),
        Row("start", 0.25, "s", budget=0.4),
    ]
    assert table(rows).splitlines() == [
        "what   measured           floor         ratio  budget",
        "probe  50 µs              25 µs (bare)  2.00   1.5 x   OVER",
        "lines  2,402,599 lines/s",
        "start  0.25 s                                  0.4 s   ok",
    ]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([3.0], 99, 3.0, id="one value is every percentile"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 50, 2.0, id="half of an even number is the lower one"),
        pytest.param([3.0, 1.0, 2.0], 50, 2.0, id="half of an odd number is the middle one"),
        pytest.param(range(1, 101), 99, 99.0, id="99 of 100 do not exceed the 99th"),
        pytest.param(range(1, 101), 100, 100.0, id="all do not exceed the largest"),
        pytest.param([1.0, 2.0], 0, 1.0, id="none is the smallest"),
    ],
)
def test_percentile(values: Sequence[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_medians_take_turns() -> None:
    order = count()
    assert medians(3, lambda: next(order), lambda: 10 * next(order)) == [2, 30]


def test_cpu_of_a_process_grows_with_its_work() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.001:
        pass
    assert cpu_seconds(os.getpid()) - before < os.times().elapsed


def test_children_are_those_that_were_started() -> None:
    pid = os.posix_spawn("/bin/cat", ["cat"], {}, setsid=True)
    try:
        assert pid in children(os.getpid())
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert pid not in children(os.getpid())
