"""Records reach whoever listens."""

from __future__ import annotations

import pytest

from minikubelet.journal import Journal, PodAccepted, PodRef, Record
from tests.fakes.clock import FakeClock


def test_a_subscriber_that_fails_keeps_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    journal, heard = Journal(clock), list[Record]()

    def fail(record: Record) -> None:
        raise ValueError("a bug")

    journal.subscribe(fail)
    journal.subscribe(heard.append)
    record = PodAccepted(at=clock.now(), pod=PodRef("default", "web", "uid-1"))
    journal.append(record)
    assert (heard, journal.records()) == ([record], (record,))
    assert caplog.messages == ["journal subscriber failed record=PodAccepted"]
