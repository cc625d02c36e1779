"""How one probe of one container stands, and what its worker does next.

Role: gates, thresholds, holds and due times of probing as values and functions; `probes/worker.py`
carries them out. Times are monotonic seconds.
Invariants: pure; a state belongs to one container instance, and a new instance begins a new one
(B-10).
Upstream: kubernetes pkg/kubelet/prober/worker.go. Differs: due times are exact where upstream waits
for the next tick of a clock that began before the container did (B-1); nothing ticks while nothing
can be done; jitter is for adopted containers only (B-2).
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum

from minikubelet.manifest.pod import Probe, ProbeKind
from minikubelet.pod.observed import Verdict
from minikubelet.pod.pod_status import PodPhase
from minikubelet.value_class import dataclass

INITIAL_VERDICT = {
    ProbeKind.LIVENESS: Verdict.SUCCESS,
    ProbeKind.READINESS: Verdict.FAILURE,
    ProbeKind.STARTUP: Verdict.UNKNOWN,
}
"""What counts before the first result (P-119)."""


class Trigger(StrEnum):
    """What makes a probe run."""

    SCHEDULE = "schedule"
    START = "start"
    STARTUP_SUCCESS = "startup-success"
    MANUAL = "manual"


class Step(StrEnum):
    """What the worker does after a look at its container."""

    WAIT = "wait"
    RUN = "run"
    END = "end"


@dataclass(frozen=True, slots=True)
class ProbeView:
    """What is known about a worker's container at one moment.

    Whoever changes what this shows wakes the worker.
    """

    phase: PodPhase | None = None
    """None: no status of the pod is known (P-124)."""
    container_id: str = ""
    """Of the newest instance; empty before the first one (P-126)."""
    running: bool = False
    terminated: bool = False
    will_restart: bool = False
    """P-150; read when terminated."""
    started: bool = False
    """As in the container's status (P-156)."""
    started_monotonic: float = 0.0
    """When the process started; read when running."""
    deleting: bool = False
    """The pod has a deletionTimestamp (P-130)."""
    adopted: bool = False
    """The instance was started by an earlier daemon (P-171, B-2)."""
    pod_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ProbeState:
    """One probe against one container instance; `ProbeState()` is that of no instance."""

    container_id: str = ""
    verdict: Verdict | None = None
    """The cached result (P-117); None when nothing is cached."""
    last_outcome: Verdict | None = None
    run_length: int = 0
    on_hold: bool = False
    due: float | None = None
    """The next run, or the one under way; None behind a closed gate."""
    trigger: Trigger = Trigger.SCHEDULE
    """What the run at `due` will be, or was, made by."""
    gated: bool = False
    """Seen running, but waiting for the startup probe (P-133)."""

    def run_length_with(self, outcome: Verdict) -> int:
        """How many equal results in a row there are with this one (P-141)."""
        return self.run_length + 1 if outcome is self.last_outcome else 1

    def record(self, outcome: Verdict, probe: Probe) -> ProbeState:
        """A run counted as Success or Failure (P-141 … P-145)."""
        run_length = self.run_length_with(outcome)
        decided = run_length >= threshold(probe, outcome)
        hold = decided and (
            probe.kind is ProbeKind.STARTUP
            or (probe.kind is ProbeKind.LIVENESS and outcome is Verdict.FAILURE)
        )
        # Not `replace`, which takes several times as long, and this is what probing is.
        return ProbeState(
            self.container_id,
            verdict=outcome if decided else self.verdict,
            last_outcome=outcome,
            run_length=0 if hold else run_length,
            on_hold=hold,
            due=None if hold else self.due,
            trigger=self.trigger,
            gated=self.gated,
        )

    def rescheduled(self, probe: Probe, now: float) -> ProbeState:
        """A run has ended: the next one is a period after its due time, at a fixed phase.

        Of the ticks that passed meanwhile only the newest is left, and is due at once (P-122).
        """
        if self.due is None:
            return self
        periods = max(1, math.floor((now - self.due) / probe.period_seconds))
        return ProbeState(
            self.container_id,
            self.verdict,
            self.last_outcome,
            self.run_length,
            self.on_hold,
            self.due + periods * probe.period_seconds,
            Trigger.SCHEDULE,
            self.gated,
        )


def threshold(probe: Probe, outcome: Verdict) -> int:
    """How many equal results in a row make `outcome` the verdict (P-142)."""
    if outcome is Verdict.SUCCESS:
        return probe.success_threshold
    return probe.failure_threshold


def advance(
    state: ProbeState,
    view: ProbeView,
    probe: Probe,
    now: float,
    *,
    manual: bool = False,
    jitter: float = 0.0,
) -> tuple[ProbeState, Step]:
    """Look at the container once: the checks of P-124 … P-134, in their order.

    `manual` asks for a run now, which sets the phase anew (P-123); behind a closed gate it changes
    nothing. `jitter`, in [0, 1), is the share of a period that the first probe of an adopted
    container waits (P-120). With RUN, `due` and `trigger` tell what was planned.
    """
    if view.phase is None:
        return state, Step.WAIT
    if view.phase.terminal:
        return state, Step.END
    if not view.container_id:
        return state, Step.WAIT
    if view.container_id != state.container_id:
        initial = None if view.adopted else INITIAL_VERDICT[probe.kind]
        state = ProbeState(view.container_id, initial)
    if state.on_hold:
        return state, Step.WAIT
    if not view.running:
        state = replace(state, verdict=Verdict.FAILURE, due=None)
        finished = view.terminated and not view.will_restart
        return state, Step.END if finished else Step.WAIT
    if view.deleting and probe.kind is not ProbeKind.READINESS:
        return replace(state, verdict=Verdict.SUCCESS, due=None), Step.END
    if view.started is (probe.kind is ProbeKind.STARTUP):
        return replace(state, due=None, gated=True), Step.WAIT
    if state.due is None:
        due, trigger = _first_run(state, view, probe, now, jitter)
    else:
        due, trigger = state.due, state.trigger
    if manual and due > now >= view.started_monotonic + probe.initial_delay_seconds:
        due, trigger = now, Trigger.MANUAL
    if (due, trigger) != (state.due, state.trigger):
        state = replace(state, due=due, trigger=trigger)
    return state, Step.RUN if due <= now else Step.WAIT


def _first_run(
    state: ProbeState, view: ProbeView, probe: Probe, now: float, jitter: float
) -> tuple[float, Trigger]:
    """The gate is open: when to run first, and why then."""
    begin = view.started_monotonic + probe.initial_delay_seconds
    if view.adopted and not state.gated:
        return max(begin, now + jitter * probe.period_seconds), Trigger.SCHEDULE
    due = first_due(probe, view.started_monotonic, now)
    if probe.kind is ProbeKind.LIVENESS or due > now:
        return due, Trigger.SCHEDULE
    return due, Trigger.STARTUP_SUCCESS if state.gated else Trigger.START


def first_due(probe: Probe, started: float, opened: float) -> float:
    """When the first run is due of a container that started at `started`, when the gate opens at
    `opened`.

    Startup and readiness: when the initial delay is over, at once if it is already (P-161, B-1).
    Liveness: at the ticks of its own clock, the first of which is the end of the initial delay, or
    one period after the start if there is none (P-137).
    """
    begin = started + probe.initial_delay_seconds
    if probe.kind is not ProbeKind.LIVENESS:
        return max(begin, opened)
    if not probe.initial_delay_seconds:
        begin += probe.period_seconds
    missed = max(0, math.ceil((opened - begin) / probe.period_seconds))
    return begin + missed * probe.period_seconds
