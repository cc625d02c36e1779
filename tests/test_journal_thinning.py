"""Which of many successful probe attempts are kept."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from minikubelet.journal import ProbeAttempted, Record
from minikubelet.journal_thinning import CAPACITY, Kept, Thinning
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from tests.cli.records import WEB, a_kill, a_probe, an_exit, at


def success(seconds: float, **fields: Any) -> ProbeAttempted:
    return a_probe("success", seconds=seconds, **fields)


def kept_of(*records: Record) -> list[Kept]:
    thinning = Thinning()
    return [kept for record in records for kept in thinning.admit(record)]


def test_of_successes_in_a_row_the_first_and_the_newest_are_kept() -> None:
    row = [success(n) for n in range(9)]
    failure = a_probe("failure", seconds=9)
    assert kept_of(*row, failure, success(10)) == [
        Kept(row[0]),
        Kept(row[8], 7),
        Kept(failure),
        Kept(success(10)),
    ]


def test_one_in_ten_minutes_is_kept() -> None:
    kept = kept_of(*(success(n) for n in range(1801)))
    assert [(k.record.at, k.repeats) for k in kept] == [
        (at(0), 0),
        (at(600), 598 + 1),
        (at(1200), 598 + 1),
        (at(1800), 598 + 1),
    ]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(a_probe("failure"), id="a failure"),
        pytest.param(a_probe("error", error="no route"), id="an error"),
        pytest.param(a_probe("warning"), id="a warning, which is an Event"),
        pytest.param(a_probe("success", before="failure"), id="a success that changes the verdict"),
        pytest.param(an_exit(1), id="an exit"),
        pytest.param(a_kill(KillCause.DELETED), id="a kill"),
    ],
)
def test_everything_else_is_kept_each_time_and_lets_go_of_what_was_held(record: Record) -> None:
    assert kept_of(success(0), success(1), record, record) == [
        Kept(success(0)),
        Kept(success(1)),
        Kept(record),
        Kept(record),
    ]


def test_a_failure_of_one_probe_says_nothing_of_the_others() -> None:
    ready = success(1, kind=ProbeKind.READINESS)
    failure = a_probe("failure", seconds=2)
    assert kept_of(ready, ready, failure) == [Kept(ready), Kept(failure)]
    assert kept_of(ready, ready, an_exit(1)) == [Kept(ready), Kept(ready), Kept(an_exit(1))]


def test_what_is_held_is_kept_at_the_end() -> None:
    thinning = Thinning()
    for n in range(3):
        thinning.admit(success(n))
    assert thinning.flush() == (Kept(success(2), 1),)
    assert thinning.flush() == ()


def test_memory_is_bounded() -> None:
    thinning = Thinning()
    for n in range(CAPACITY + 1):
        pod = type(WEB)("default", "web", str(n))
        record = ProbeAttempted(**{**_fields(success(0)), "pod": pod})
        thinning.admit(record)
        thinning.admit(record)
    assert len(thinning.flush()) == CAPACITY


def _fields(record: ProbeAttempted) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_a_kept_success_is_not_older_than_the_last_kept_one() -> None:
    times = [k.record.at for k in kept_of(*(success(7.0 * n) for n in range(200)))]
    assert all(b - a >= timedelta(minutes=10) for a, b in pairwise(times))
