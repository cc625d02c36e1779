"""The figures of one probe, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import ProbeKind
from minikubelet.plan.probe_plan import ProbePlan, plan_probe
from minikubelet.plan.span import ANY_TIME, Span
from tests.pod.builders import a_probe

LIVENESS, READINESS, STARTUP = ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP


@pytest.mark.parametrize(
    ("kind", "fields", "opens", "first"),
    [
        pytest.param(STARTUP, {}, Span(), Span(), id="startup: at once"),  # B-1
        pytest.param(
            READINESS, {"initial_delay_seconds": 5}, Span(), Span(5, 5), id="after the delay"
        ),
        pytest.param(
            READINESS,
            {"initial_delay_seconds": 5},
            Span(2, 9),
            Span(5, 9),
            id="the delay counts from the start, not from the gate",  # P-135
        ),
        pytest.param(LIVENESS, {}, Span(), Span(10, 10), id="liveness: after a period"),  # P-137
        pytest.param(
            LIVENESS,
            {"initial_delay_seconds": 4},
            Span(1, 15),
            Span(4, 24),
            id="liveness: at a tick of its own clock",  # P-161
        ),
        pytest.param(READINESS, {}, ANY_TIME, ANY_TIME, id="after a hook that takes any time"),
    ],
)
def test_first_attempt(kind: ProbeKind, fields: dict[str, Any], opens: Span, first: Span) -> None:
    assert plan_probe(a_probe(kind, **fields), opens).first_attempt == first


def test_liveness() -> None:
    probe = a_probe(LIVENESS, period_seconds=10, timeout_seconds=2, failure_threshold=3)
    assert plan_probe(probe, Span()) == ProbePlan(
        probe,
        first_attempt=Span(10, 10),
        every=Span(10, 10),
        passes=Span(10, 12),
        gives_up=Span(30, 32),  # P-145, P-401
        detects_failure=Span(18, 30),  # P-400
        detects_hang=Span(20, 32),
        recovers=None,
    )


def test_readiness() -> None:
    probe = a_probe(READINESS, period_seconds=5, timeout_seconds=1, success_threshold=2)
    assert plan_probe(probe, Span()) == ProbePlan(
        probe,
        first_attempt=Span(0, 0),
        every=Span(5, 5),
        passes=Span(5, 6),
        gives_up=None,
        detects_failure=Span(9, 15),
        detects_hang=Span(10, 16),
        recovers=Span(4, 11),
    )


def test_startup() -> None:
    """It passes at any of its runs."""
    probe = a_probe(STARTUP, period_seconds=5, timeout_seconds=1, failure_threshold=30)
    assert plan_probe(probe, Span()) == ProbePlan(
        probe,
        first_attempt=Span(0, 0),
        every=Span(5, 5),
        passes=Span(0, 146),
        gives_up=Span(145, 146),
        detects_failure=None,
        detects_hang=None,
        recovers=None,
    )


def test_a_time_out_longer_than_the_period() -> None:  # P-102, P-122, P-402
    """Runs follow each other without a pause, and may be late by less than a period."""
    probe = a_probe(LIVENESS, period_seconds=2, timeout_seconds=5, failure_threshold=4)
    assert plan_probe(probe, Span()) == ProbePlan(
        probe,
        first_attempt=Span(2, 2),
        every=Span(0, 5),
        passes=Span(2, 7),
        gives_up=Span(8, 22),
        detects_failure=Span(0, 11),
        detects_hang=Span(15, 25),
        recovers=None,
    )
