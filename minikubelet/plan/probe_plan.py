"""When a probe runs, and what it takes to change its verdict. Pure.

Role: bounds that follow from a probe's numbers, whatever the app does. A run takes any time up to
`timeoutSeconds`; runs never overlap and keep their phase, so from one run to the next it is a
period, or the run itself where that takes longer (P-102, P-122).
Invariants: `pod/probe_state.py` is what runs; `first_due` is the same function for both.
"""

from __future__ import annotations

from minikubelet.manifest.pod import Probe, ProbeKind
from minikubelet.plan.span import Span, add_bounds
from minikubelet.pod.probe_state import first_due
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Seconds. What is None cannot happen with this kind of probe."""

    probe: Probe
    first_attempt: Span
    """From the start of the container's process to the first run."""
    every: Span
    """From the beginning of a run to that of the next."""
    passes: Span
    """From the process's start to the success that counts, when no run fails; of a startup probe:
    when any run that is left succeeds."""
    gives_up: Span | None
    """From the process's start to the failure that kills a container that never passes."""
    detects_failure: Span | None
    """From the moment at which the app begins to fail at once, to the failure that counts."""
    detects_hang: Span | None
    """The same for an app that does not answer at all, so that each run takes its time-out."""
    recovers: Span | None
    """From the moment at which the app is well again, to Ready."""


def plan_probe(probe: Probe, opens: Span) -> ProbePlan:
    """The plan of a probe whose gate opens within `opens`, from the start of the process: when the
    postStart hook is over, and for others than the startup probe, when that one has succeeded."""
    kind = probe.kind
    first = Span(
        first_due(probe, 0.0, opens.earliest),
        None if opens.latest is None else first_due(probe, 0.0, opens.latest),
    )
    fails = runs(probe, first, probe.failure_threshold)
    succeeds = runs(probe, first, probe.success_threshold)
    startup, readiness = kind is ProbeKind.STARTUP, kind is ProbeKind.READINESS
    return ProbePlan(
        probe,
        first_attempt=first,
        every=_every(probe),
        passes=Span(first.earliest, fails.latest) if startup else succeeds,
        gives_up=None if readiness else fails,
        detects_failure=None if startup else _detects_failure(probe),
        detects_hang=None if startup else _detects_hang(probe),
        recovers=_recovers(probe) if readiness else None,
    )


def _every(probe: Probe) -> Span:
    """After a run longer than the period the next one begins at once, and the one after that when
    its own time comes (P-122)."""
    keeps_phase = probe.timeout_seconds <= probe.period_seconds
    return Span(float(probe.period_seconds) if keeps_phase else 0.0, longest_gap(probe))


def longest_gap(probe: Probe) -> float:
    """The most between the beginnings of two runs."""
    return float(max(probe.period_seconds, probe.timeout_seconds))


def runs(probe: Probe, first: Span, count: int) -> Span:
    """The end of run number `count`, when the first begins within `first`."""
    return Span(
        first.earliest + (count - 1) * probe.period_seconds,
        add_bounds(first.latest, (count - 1) * longest_gap(probe), probe.timeout_seconds),
    )


def _detects_failure(probe: Probe) -> Span:
    """The run under way when it happens may succeed or fail; those after it fail in no time."""
    more = (probe.failure_threshold - 1) * probe.period_seconds
    return Span(_least(probe, probe.failure_threshold), longest_gap(probe) + more)


def _detects_hang(probe: Probe) -> Span:
    """The run under way when it happens may hang too, and then counts."""
    gap = longest_gap(probe)
    return Span(
        (probe.failure_threshold - 1) * gap,
        probe.failure_threshold * gap + probe.timeout_seconds,
    )


def _recovers(probe: Probe) -> Span:
    """The run under way when it happens may succeed already."""
    more = probe.success_threshold * longest_gap(probe)
    return Span(_least(probe, probe.success_threshold), more + probe.timeout_seconds)


def _least(probe: Probe, count: int) -> float:
    """The least time to `count` equal results, when the first run may have begun a time-out ago.

    After runs longer than the period the phase may lag by less than one period (P-122).
    """
    lag = probe.period_seconds if probe.timeout_seconds > probe.period_seconds else 0
    return float(max((count - 1) * probe.period_seconds - lag - probe.timeout_seconds, 0))
