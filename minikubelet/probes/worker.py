"""Probe one container with one kind of probe, again and again.

Role: the shell around `pod/probe_state.py`: look, wait, run, tell. One worker per (pod UID,
container, kind) (P-100).
Invariants: runs never overlap (P-102); the pod and the probe stay those of the beginning (P-103,
P-104); what fails in one run is logged and does not end the worker (P-105).
Upstream: kubernetes pkg/kubelet/prober/worker.go.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import timedelta

from minikubelet.clock import Clock, Wakeup
from minikubelet.journal import PodRef, ProbeAttempted
from minikubelet.log import get_logger
from minikubelet.manifest.pod import Container, Pod, Probe
from minikubelet.pod.observed import Verdict
from minikubelet.pod.probe_state import ProbeState, ProbeView, Step, advance, threshold
from minikubelet.probes.prober import Prober, ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult

log = get_logger(__name__)

SUCCESS_OUTPUT_LIMIT = 256
"""Characters of a success's output that the journal keeps: upstream drops all of it."""

StoreVerdict = Callable[[str, Verdict | None], None]


class ProbeWorker:
    """Owns the state of one probe.

    `store` is called with the container id whenever the cached verdict changes (P-118), with None
    when it is removed; `report` once per run, after `store`. Both must not wait.
    """

    def __init__(
        self,
        pod: Pod,
        container: Container,
        probe: Probe,
        *,
        clock: Clock,
        rng: random.Random,
        prober: Prober,
        view: Callable[[], ProbeView],
        environment: Callable[[], Mapping[str, str]],
        report: Callable[[ProbeAttempted], None],
        store: StoreVerdict,
        errors_count: bool = True,
    ) -> None:
        """`errors_count`: a run whose attempts all erred is a failure, not nothing (B-8)."""
        self._pod = pod
        self._container = container
        self._probe = probe
        self._clock = clock
        self._rng = rng
        self._prober = prober
        self._view = view
        self._environment = environment
        self._report = report
        self._store = store
        self._errors_count = errors_count
        meta = pod.metadata
        self._pod_ref = PodRef(meta.namespace, meta.name, meta.uid)
        section = "initContainers" if pod.is_init(container.name) else "containers"
        self._field_path = f"spec.{section}{{{container.name}}}"
        self._wakeup = Wakeup(clock)
        self._state = ProbeState()
        self._pod_ip = ""
        self._stopped = False
        self._triggered = False
        self._last_output = ""

    @property
    def state(self) -> ProbeState:
        return self._state

    def wake(self) -> None:
        """What `view` shows may have changed."""
        self._wakeup.set()

    def trigger(self) -> None:
        """Run now, if the gates are open; repeated calls ask for one run (P-164)."""
        self._triggered = True
        self._wakeup.set()

    def stop(self) -> None:
        """End after the run in flight (P-114); may be repeated."""
        self._stopped = True
        self._wakeup.set()

    async def run(self) -> None:
        """Until stopped, or until the container will not run again; then its result is removed.

        When cancelled the result stays: the daemon ends, not the container.
        """
        while not self._stopped:
            self._wakeup.clear()
            try:
                step = self._advance()
                if step is Step.RUN:
                    await self._attempt()
                    if self._wakeup.is_set():
                        continue  # else all is as it was, and the next run is known
                due = self._state.due
            except Exception:
                log.exception(
                    "probe run failed",
                    pod=self._pod_ref,
                    container=self._container.name,
                    probe=self._probe.kind,
                )
                step = Step.WAIT
                due = self._clock.monotonic() + self._probe.period_seconds
            if step is Step.END:
                break
            await self._wakeup.wait(due)
        self._drop_verdict()

    def _advance(self) -> Step:
        manual, self._triggered = self._triggered, False
        view, now = self._view(), self._clock.monotonic()
        self._pod_ip = view.pod_ip
        state, step = advance(
            self._state, view, self._probe, now, manual=manual, jitter=self._rng.random()
        )
        if state.container_id != self._state.container_id:
            self._drop_verdict()
        self._adopt(state)
        return step

    async def _attempt(self) -> None:
        state, clock = self._state, self._clock
        at, begin = clock.now(), clock.monotonic()
        late_seconds = begin - (begin if state.due is None else state.due)
        try:
            result = await self._prober.probe(self._target())
        finally:
            # Also after an exception, which must not be repeated at once.
            end = clock.monotonic()
            self._state = state.rescheduled(self._probe, end)
        outcome = self._counted(result)
        counted = self._state
        if outcome is not None:
            self._adopt(counted.record(outcome, self._probe))
        self._report(
            ProbeAttempted(
                at=at,
                pod=self._pod_ref,
                container=self._container.name,
                field_path=self._field_path,
                kind=self._probe.kind,
                container_id=state.container_id,
                planned_at=at - timedelta(seconds=late_seconds),
                trigger=state.trigger,
                duration_seconds=end - begin,
                outcome=_journal_outcome(result),
                output=self._kept_output(result),
                error=result.error,
                verdict=_text(self._state.verdict),
                verdict_before=_text(state.verdict),
                run_length=counted.run_length_with(outcome) if outcome else counted.run_length,
                threshold=threshold(self._probe, outcome or Verdict.FAILURE),
                detail=result.detail,
            )
        )

    def _target(self) -> ProbeTarget:
        return ProbeTarget(
            self._pod,
            self._container,
            self._probe,
            self._state.container_id,
            self._pod_ip,
            self._environment(),
        )

    def _counted(self, result: ProbeResult) -> Verdict | None:
        """What a run counts as (P-200 … P-204); None if it is discarded (P-140)."""
        if result.error:
            return Verdict.FAILURE if self._errors_count else None
        if result.outcome in (Outcome.SUCCESS, Outcome.WARNING):
            return Verdict.SUCCESS
        return Verdict.FAILURE

    def _kept_output(self, result: ProbeResult) -> str:
        """The output for the journal; equal ones in a row are one string in memory."""
        output = result.output
        if result.outcome is Outcome.SUCCESS:
            output = output[:SUCCESS_OUTPUT_LIMIT]
        if output != self._last_output:
            self._last_output = output
        return self._last_output

    def _adopt(self, state: ProbeState) -> None:
        before = (self._state.container_id, self._state.verdict)
        self._state = state
        if state.verdict is not None and (state.container_id, state.verdict) != before:
            self._store(state.container_id, state.verdict)

    def _drop_verdict(self) -> None:
        if self._state.container_id:
            self._store(self._state.container_id, None)


def _journal_outcome(result: ProbeResult) -> str:
    if result.error:
        return "error"
    if result.outcome is Outcome.UNKNOWN:
        return Outcome.FAILURE
    return result.outcome


def _text(verdict: Verdict | None) -> str:
    return verdict or ""
