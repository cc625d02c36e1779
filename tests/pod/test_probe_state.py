"""Gates, thresholds, holds and due times of probing (probes.md, sections 1 and 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minikubelet.manifest.pod import Probe, ProbeKind
from minikubelet.pod.observed import Verdict
from minikubelet.pod.pod_status import PodPhase
from minikubelet.pod.probe_state import (
    INITIAL_VERDICT,
    ProbeState,
    ProbeView,
    Step,
    Trigger,
    advance,
)
from tests.pod.builders import a_probe
from tests.random_cases import Draw, any_case

S, F, U = Verdict.SUCCESS, Verdict.FAILURE, Verdict.UNKNOWN
LIVENESS, READINESS, STARTUP = ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP
WAIT, RUN, END = Step.WAIT, Step.RUN, Step.END
KINDS = (LIVENESS, READINESS, STARTUP)
LONG_AGO = -100.0


def a_view(kind: ProbeKind = READINESS, **fields: Any) -> ProbeView:
    """A running container, started long ago; its startup probe, if it is not this one, is done."""
    defaults: dict[str, Any] = {
        "phase": PodPhase.RUNNING,
        "container_id": "c1",
        "running": True,
        "started": kind is not STARTUP,
        "started_monotonic": LONG_AGO,
    }
    return ProbeView(**(defaults | fields))


def one_run(kind: ProbeKind, view: ProbeView, **probe: Any) -> tuple[Step, Verdict | None]:
    """A look at the container at second 0, and a successful run if there is to be one."""
    spec = a_probe(kind, **probe)
    state, step = advance(ProbeState(), view, spec, 0.0)
    if step is RUN:
        state = state.record(S, spec)
    return step, state.verdict


@pytest.mark.parametrize(
    ("fields", "probe", "liveness", "readiness", "startup"),
    [
        pytest.param(
            {"phase": None}, {}, (WAIT, None), (WAIT, None), (WAIT, None),
            id="TV-1: without a status of the pod it waits",
        ),
        pytest.param(
            {"phase": PodPhase.FAILED}, {}, (END, None), (END, None), (END, None),
            id="TV-2: it ends with a failed pod",
        ),
        pytest.param(
            {"phase": PodPhase.SUCCEEDED}, {}, (END, None), (END, None), (END, None),
            id="P-125: it ends with a succeeded pod",
        ),
        pytest.param(
            {"deleting": True}, {}, (END, S), (RUN, S), (END, S),
            id="TV-3: in a deleted pod only readiness goes on",
        ),
        pytest.param(
            {"container_id": "", "running": False}, {}, (WAIT, None), (WAIT, None), (WAIT, None),
            id="TV-4: without a container id it waits",
        ),
        pytest.param(
            {"running": False}, {}, (WAIT, F), (WAIT, F), (WAIT, F),
            id="TV-5: a container that waits has failed, and may run yet",
        ),
        pytest.param(
            {"running": False, "terminated": True}, {}, (END, F), (END, F), (END, F),
            id="TV-6: one that has ended for good has failed, and that is the end",
        ),
        pytest.param(
            {"running": False, "terminated": True, "will_restart": True}, {},
            (WAIT, F), (WAIT, F), (WAIT, F),
            id="P-129: one that will be restarted is waited for",
        ),
        pytest.param(
            {"started_monotonic": 0.0}, {"initial_delay_seconds": 10},
            (WAIT, S), (WAIT, F), (WAIT, U),
            id="TV-8: inside the initial delay the initial value counts",
        ),
        pytest.param(
            {"started_monotonic": -9.999}, {"initial_delay_seconds": 10},
            (WAIT, S), (WAIT, F), (WAIT, U),
            id="P-131: up to its end",
        ),
        pytest.param(
            {"started_monotonic": LONG_AGO}, {"initial_delay_seconds": 10},
            (RUN, S), (RUN, S), (RUN, S),
            id="TV-9: after the initial delay it runs",
        ),
    ],
)  # fmt: skip
def test_one_look(
    fields: dict[str, Any],
    probe: dict[str, Any],
    liveness: tuple[Step, Verdict | None],
    readiness: tuple[Step, Verdict | None],
    startup: tuple[Step, Verdict | None],
) -> None:
    found = tuple(one_run(kind, a_view(kind, **fields), **probe) for kind in KINDS)
    assert found == (liveness, readiness, startup)


@pytest.mark.parametrize(
    ("kind", "started", "step"),
    [
        pytest.param(STARTUP, False, RUN, id="TV-7: startup runs until started"),
        pytest.param(STARTUP, True, WAIT, id="P-132: and not after"),
        pytest.param(READINESS, False, WAIT, id="P-133: readiness waits for started"),
        pytest.param(READINESS, True, RUN, id="TV-7: and then runs"),
        pytest.param(LIVENESS, False, WAIT, id="P-133: liveness waits for started"),
        pytest.param(LIVENESS, True, RUN, id="TV-7: and then runs, on a tick"),
    ],
)
def test_started_gate(kind: ProbeKind, started: bool, step: Step) -> None:
    assert one_run(kind, a_view(kind, started=started))[0] is step


@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_of_the_past_comes_before_everything_else(kind: ProbeKind) -> None:  # P-125
    state = ProbeState("c1", F, on_hold=True)
    view = a_view(kind, phase=PodPhase.FAILED, running=False, terminated=True)
    assert advance(state, view, a_probe(kind), 0.0) == (state, END)


def test_a_held_worker_neither_stores_nor_ends_when_its_container_does() -> None:  # P-128
    state = ProbeState("c1", S, on_hold=True)
    view = a_view(LIVENESS, running=False, terminated=True)
    assert advance(state, view, a_probe(LIVENESS), 0.0, manual=True) == (state, WAIT)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adopted_container_has_no_initial_value(kind: ProbeKind) -> None:  # P-171
    view = a_view(kind, adopted=True, running=True)
    state, _ = advance(ProbeState(), view, a_probe(kind), 0.0, jitter=0.5)
    assert (state.container_id, state.verdict) == ("c1", None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_container_begins_anew(kind: ProbeKind) -> None:  # P-127, P-165, B-10
    old = ProbeState("c1", F, F, run_length=2, on_hold=True, due=7.0, gated=True)
    view = a_view(kind, container_id="c2", started_monotonic=0.0)
    probe = a_probe(kind, initial_delay_seconds=3)
    state, step = advance(old, view, probe, 0.0)
    assert (state, step) == (ProbeState("c2", INITIAL_VERDICT[kind], due=3.0), WAIT)


# --- thresholds ------------------------------------------------------------------------------


def values(kind: ProbeKind, outcomes: str, **thresholds: int) -> list[Verdict | None]:
    """The cached value after each run of the container."""
    probe = a_probe(kind, **thresholds)
    state = ProbeState("c1", INITIAL_VERDICT[kind])
    found = []
    for outcome in outcomes:
        state = state.record(S if outcome == "S" else F, probe)
        found.append(state.verdict)
    return found


@pytest.mark.parametrize(
    ("kind", "thresholds", "outcomes", "expected"),
    [
        pytest.param(
            READINESS, {"failure_threshold": 3}, "SSSFFFFFS", [S, S, S, S, S, F, F, F, S],
            id="TV-10: the third failure turns it, one success turns it back",
        ),
        pytest.param(
            READINESS, {"success_threshold": 3, "failure_threshold": 1}, "SSSSSFS",
            [F, F, S, S, S, F, F],
            id="TV-11: three successes turn it",
        ),
        pytest.param(
            LIVENESS, {"failure_threshold": 2}, "FSFSFF", [S, S, S, S, S, F],
            id="P-141: a success restarts the count",
        ),
        pytest.param(
            LIVENESS, {"failure_threshold": 1}, "F", [F],
            id="P-145: failureThreshold 1 means the first failure",
        ),
    ],
)  # fmt: skip
def test_values(
    kind: ProbeKind, thresholds: dict[str, int], outcomes: str, expected: list[Verdict]
) -> None:
    assert values(kind, outcomes, **thresholds) == expected


@pytest.mark.parametrize(
    ("kind", "thresholds", "outcomes", "expected"),
    [
        pytest.param(
            STARTUP, {"failure_threshold": 3}, "FFF",
            [(U, 1, False), (U, 2, False), (F, 0, True)],
            id="TV-12: startup is held after its last failure",
        ),
        pytest.param(
            STARTUP, {}, "S", [(S, 0, True)],
            id="TV-13: startup is held after its success",
        ),
        pytest.param(
            LIVENESS, {"failure_threshold": 3}, "SFFF",
            [(S, 1, False), (S, 1, False), (S, 2, False), (F, 0, True)],
            id="TV-14: liveness is held after its last failure",
        ),
        pytest.param(
            STARTUP, {"failure_threshold": 2}, "FS", [(U, 1, False), (S, 0, True)],
            id="TV-17: one failure does not spoil the success of startup",
        ),
        pytest.param(
            READINESS, {"failure_threshold": 1}, "FF", [(F, 1, False), (F, 2, False)],
            id="P-143: readiness is never held",
        ),
    ],
)  # fmt: skip
def test_run_length_and_hold(
    kind: ProbeKind,
    thresholds: dict[str, int],
    outcomes: str,
    expected: list[tuple[Verdict, int, bool]],
) -> None:
    probe = a_probe(kind, **thresholds)
    state = ProbeState("c1", INITIAL_VERDICT[kind])
    found = []
    for outcome in outcomes:
        state = state.record(S if outcome == "S" else F, probe)
        found.append((state.verdict, state.run_length, state.on_hold))
    assert found == expected


@pytest.mark.parametrize("kind", [LIVENESS, STARTUP])
def test_a_hold_lasts_until_there_is_a_new_container(kind: ProbeKind) -> None:  # TV-15, P-144
    probe = a_probe(kind, failure_threshold=1)
    state, step = advance(ProbeState(), a_view(kind), probe, 0.0)
    assert step is RUN
    held = state.record(F, probe).rescheduled(probe, 0.0)
    assert advance(held, a_view(kind), probe, 50.0, manual=True) == (held, WAIT)
    state, step = advance(held, a_view(kind, container_id="c2"), probe, 60.0)
    assert step is RUN
    state = state.record(S, probe)
    assert (state.verdict, state.on_hold) == (S, kind is STARTUP)


def test_liveness_counts_only_what_happens_after_the_startup() -> None:  # TV-16
    probe = a_probe(LIVENESS, failure_threshold=1)
    state, step = advance(ProbeState(), a_view(started=False), probe, 0.0)
    assert (state.verdict, step) == (S, WAIT)
    state, step = advance(state, a_view(), probe, 0.0)
    assert step is RUN
    assert state.record(F, probe).verdict is F


def test_startup_does_not_run_again_once_the_container_has_started() -> None:  # TV-17, B-19
    probe = a_probe(STARTUP, failure_threshold=2)
    state, _ = advance(ProbeState(), a_view(STARTUP), probe, 0.0)
    state = state.record(F, probe).record(S, probe)
    assert advance(state, a_view(STARTUP, started=True), probe, 30.0) == (state, WAIT)


# --- due times -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "delay", "now", "due", "trigger"),
    [
        pytest.param(STARTUP, 0, 0.0, 0.0, Trigger.START, id="startup: with the start"),
        pytest.param(READINESS, 0, 0.0, 0.0, Trigger.START, id="P-162: readiness: with the start"),
        pytest.param(LIVENESS, 0, 0.0, 10.0, Trigger.SCHEDULE, id="P-137: liveness: a period on"),
        pytest.param(STARTUP, 4, 0.25, 4.0, Trigger.SCHEDULE, id="B-1: startup: after its delay"),
        pytest.param(READINESS, 4, 0.25, 4.0, Trigger.SCHEDULE, id="B-1: readiness: likewise"),
        pytest.param(LIVENESS, 4, 0.25, 4.0, Trigger.SCHEDULE, id="B-1: liveness: likewise"),
        pytest.param(LIVENESS, 4, 4.5, 14.0, Trigger.SCHEDULE, id="liveness: on its next tick"),
        pytest.param(LIVENESS, 0, 30.0, 30.0, Trigger.SCHEDULE, id="liveness: a tick just now"),
    ],
)
def test_first_run(kind: ProbeKind, delay: int, now: float, due: float, trigger: Trigger) -> None:
    probe = a_probe(kind, initial_delay_seconds=delay, period_seconds=10)
    state, step = advance(ProbeState(), a_view(kind, started_monotonic=0.0), probe, now)
    assert (state.due, state.trigger, step) == (due, trigger, RUN if due <= now else WAIT)


@pytest.mark.parametrize(
    ("kind", "delay", "due", "trigger"),
    [
        pytest.param(
            READINESS, 0, 7.0, Trigger.STARTUP_SUCCESS, id="P-161: readiness runs at once"
        ),
        pytest.param(READINESS, 9, 9.0, Trigger.SCHEDULE, id="P-135: but not before its delay"),
        pytest.param(LIVENESS, 0, 10.0, Trigger.SCHEDULE, id="P-161: liveness on its own tick"),
        pytest.param(LIVENESS, 3, 13.0, Trigger.SCHEDULE, id="P-135: whose phase is the delay's"),
    ],
)
def test_first_run_after_the_startup_probe_succeeded(
    kind: ProbeKind, delay: int, due: float, trigger: Trigger
) -> None:
    probe = a_probe(kind, initial_delay_seconds=delay, period_seconds=10)
    waiting = a_view(started=False, started_monotonic=0.0)
    state, step = advance(ProbeState(), waiting, probe, 0.0)
    assert (state.due, step) == (None, WAIT)
    state, _ = advance(state, replace(waiting, started=True), probe, 7.0)
    assert (state.due, state.trigger) == (due, trigger)


@pytest.mark.parametrize(
    ("started_at", "due"),
    [
        pytest.param(LONG_AGO, 2.5, id="P-120: after a share of the period"),
        pytest.param(-1.0, 4.0, id="P-131: but not before the initial delay is over"),
    ],
)
def test_first_run_of_an_adopted_container(started_at: float, due: float) -> None:
    probe = a_probe(READINESS, initial_delay_seconds=5, period_seconds=10)
    view = a_view(adopted=True, started_monotonic=started_at)
    state, step = advance(ProbeState(), view, probe, 0.0, jitter=0.25)
    assert (state.due, step) == (due, WAIT)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        pytest.param(100.0, 110.0, id="a quick run"),
        pytest.param(109.5, 110.0, id="a run almost as long as the period"),
        pytest.param(110.0, 110.0, id="P-122: a run as long as the period is followed at once"),
        pytest.param(114.0, 110.0, id="P-122: so is a longer one"),
        pytest.param(137.0, 130.0, id="P-122: by one run, however many ticks it missed"),
    ],
)
def test_next_run(ended: float, due: float) -> None:
    state = ProbeState("c1", S, due=100.0, trigger=Trigger.START)
    expected = replace(state, due=due, trigger=Trigger.SCHEDULE)
    assert state.rescheduled(a_probe(LIVENESS, period_seconds=10), ended) == expected


def test_a_manual_run_sets_the_phase_anew() -> None:  # P-123
    probe = a_probe(READINESS, period_seconds=10)
    state = ProbeState("c1", F, due=20.0)
    state, step = advance(state, a_view(), probe, 13.0, manual=True)
    assert (state.due, state.trigger, step) == (13.0, Trigger.MANUAL, RUN)
    assert state.rescheduled(probe, 13.1).due == 23.0


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(a_view(started=False), id="behind the startup probe"),
        pytest.param(a_view(started_monotonic=-2.0), id="inside the initial delay"),
        pytest.param(a_view(running=False), id="while the container is not running"),
        pytest.param(a_view(container_id=""), id="before there is a container"),
    ],
)
def test_a_manual_run_behind_a_closed_gate_changes_nothing(view: ProbeView) -> None:
    probe = a_probe(READINESS, initial_delay_seconds=5)
    for manual in (False, True):
        state, step = advance(ProbeState(), view, probe, 0.0, manual=manual)
        assert step is WAIT
        assert (state, step) == advance(ProbeState(), view, probe, 0.0)


def test_a_gate_that_closes_again_leaves_nothing_due() -> None:
    state = ProbeState("c1", S, S, run_length=1, due=10.0)
    state, step = advance(state, a_view(started=False), a_probe(LIVENESS), 25.0)
    assert (state, step) == (ProbeState("c1", S, S, run_length=1, gated=True), WAIT)


# --- against a model -------------------------------------------------------------------------


def model_verdicts(probe: Probe, outcomes: list[bool]) -> list[tuple[Verdict, bool]]:
    """Cached value and hold after each run, by looking back at all outcomes since the last hold."""
    verdict, held, found = INITIAL_VERDICT[probe.kind], False, []
    for end in range(1, len(outcomes) + 1):
        if not held:
            newest = outcomes[end - 1]
            needed = probe.success_threshold if newest else probe.failure_threshold
            if outcomes[max(0, end - needed) : end] == [newest] * needed:
                verdict = S if newest else F
                held = probe.kind is STARTUP or (probe.kind is LIVENESS and not newest)
        found.append((verdict, held))
    return found


def a_series(draw: Draw) -> tuple[Probe, list[bool]]:
    success, failure = draw.number(1, 4), draw.number(1, 4)
    probe = a_probe(draw.one_of(KINDS), success_threshold=success, failure_threshold=failure)
    return probe, [draw.flag() for _ in draw.times(24)]


@any_case(a_series, cases=20_000)
def test_verdicts_are_those_of_the_model(series: tuple[Probe, list[bool]]) -> None:
    probe, outcomes = series
    state = ProbeState("c1", INITIAL_VERDICT[probe.kind])
    found = []
    for outcome in outcomes:
        if not state.on_hold:
            state = state.record(S if outcome else F, probe)
        found.append((state.verdict, state.on_hold))
    assert found == model_verdicts(probe, outcomes)
