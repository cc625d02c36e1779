"""When a worker runs its probe and what it caches, against a naive model over random lives."""

from __future__ import annotations

from dataclasses import replace

from minikubelet.manifest.pod import ProbeKind
from minikubelet.pod.observed import Verdict
from minikubelet.pod.pod_status import PodPhase
from minikubelet.pod.probe_state import ProbeState, ProbeView, Step, advance
from tests.pod.probe_model import END_OF_TIME, Account, Life, a_life, expected_account
from tests.random_cases import any_case


def after(fact: str, view: ProbeView, now: int, life: Life) -> ProbeView:
    match fact:
        case "start":
            number = int(view.container_id.removeprefix("c") or "0") + 1
            gated = life.startup_probe or life.probe.kind is ProbeKind.STARTUP
            return replace(
                view,
                container_id=f"c{number}",
                running=True,
                terminated=False,
                will_restart=False,
                started=not gated,
                started_monotonic=float(now),
            )
        case "startup-success":
            return replace(view, started=view.running)
        case "exit" | "die":
            return replace(
                view, running=False, started=False, terminated=True, will_restart=fact == "exit"
            )
        case "delete":
            return replace(view, deleting=True)
        case _:
            return view


class Worker:
    """The loop of `probes/worker.py` without waiting: looks at news and at due times only."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.view = ProbeView(phase=PodPhase.RUNNING)
        self.state = ProbeState()
        self.busy_until: int | None = None
        self.manual = False
        self.out = Account()

    def account(self) -> Account:
        for now in range(END_OF_TIME):
            facts = self.life.facts.get(now, ())
            for fact in facts:
                self.view = after(fact, self.view, now, self.life)
                self.manual |= fact == "manual"
            if self.busy_until is not None:
                if now < self.busy_until:
                    continue
                self.finish(now)
            elif not facts and (self.state.due is None or now < self.state.due):
                continue
            while self.look(now) is Step.RUN:
                _, seconds = self.life.run(len(self.out.runs))
                self.out.runs.append(now)
                self.busy_until = now + seconds
                if seconds:
                    break
                self.finish(now)
            if self.out.ended is not None:
                break
        return self.out

    def look(self, now: int) -> Step:
        manual, self.manual = self.manual, False
        state, step = advance(self.state, self.view, self.life.probe, float(now), manual=manual)
        self.adopt(state, now)
        if step is Step.END:
            self.out.ended = now
        if step is Step.WAIT:  # else the loop would spin
            assert state.due is None or state.due > now
        return step

    def finish(self, now: int) -> None:
        self.busy_until = None
        success, _ = self.life.run(len(self.out.runs) - 1)
        outcome = Verdict.SUCCESS if success else Verdict.FAILURE
        probe = self.life.probe
        self.adopt(self.state.rescheduled(probe, float(now)).record(outcome, probe), now)

    def adopt(self, state: ProbeState, now: int) -> None:
        old, self.state = self.state, state
        changed = (state.container_id, state.verdict) != (old.container_id, old.verdict)
        if state.verdict is not None and changed:
            self.out.stored[now, state.container_id] = state.verdict


@any_case(a_life, cases=20_000)
def test_runs_and_values_are_those_of_the_model(life: Life) -> None:
    assert Worker(life).account() == expected_account(life)
