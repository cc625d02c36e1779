"""A second, naive account of one probe worker, and random lives of containers to compare it over.

The model goes through time second by second with a ticker that holds one tick, as upstream has it,
and counts thresholds by looking back at all results. It shares no code with `pod/probe_state.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minikubelet.manifest.pod import Probe, ProbeKind
from minikubelet.pod.observed import Verdict
from tests.pod.builders import a_probe
from tests.random_cases import Draw

END_OF_TIME = 60


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to one container, and what its probe will find; times in seconds."""

    probe: Probe
    facts: dict[int, list[str]]
    """By second: start, startup-success, exit, die (for good), delete, manual."""
    runs: list[tuple[bool, int]]
    """By run: whether it succeeds, and how long it takes; the last one counts for all after it."""
    startup_probe: bool

    def run(self, index: int) -> tuple[bool, int]:
        return self.runs[min(index, len(self.runs) - 1)]


@dataclass(slots=True)
class Account:
    """What a worker did."""

    runs: list[int] = field(default_factory=list)
    """When each run began."""
    stored: dict[tuple[int, str], Verdict] = field(default_factory=dict)
    """The cached value that each second with a change ends with, by second and container."""
    ended: int | None = None


_KINDS = tuple(ProbeKind)
_FACTS = ("start", "start", "exit", "startup-success", "manual", "die", "delete")
_SECONDS = (0, 0, 0, 1, 2, 5, 9)


def a_life(draw: Draw) -> Life:
    kind = draw.one_of(_KINDS)
    probe = a_probe(
        kind,
        initial_delay_seconds=draw.number(0, 8),
        period_seconds=draw.number(1, 6),
        success_threshold=draw.number(1, 3) if kind is ProbeKind.READINESS else 1,
        failure_threshold=draw.number(1, 4),
    )
    facts: dict[int, list[str]] = {0: ["start"]}
    for _ in draw.times(10):
        facts.setdefault(draw.number(1, END_OF_TIME - 10), []).append(draw.one_of(_FACTS))
    runs = [(draw.flag(), draw.one_of(_SECONDS)) for _ in draw.times(12, least=1)]
    return Life(probe, facts, runs, draw.flag())


def expected_account(life: Life) -> Account:
    return _Model(life).account()


class _Model:
    def __init__(self, life: Life) -> None:
        self.life = life
        self.kind = life.probe.kind
        self.out = Account()
        self.value: Verdict | None = None
        # What is so, and what the worker knows of it: it looks up only between runs.
        self.containers = 0
        self.running = self.started = self.died = self.deleted = False
        self.start = 0
        self.manual = False
        # The worker.
        self.container = 0
        self.held = False
        self.results: list[bool] = []
        self.base: int | None = None  # ticks at base, base + period, ...
        self.pending = False
        self.waited = False
        self.busy_until: int | None = None

    def account(self) -> Account:
        for now in range(END_OF_TIME):
            for fact in self.life.facts.get(now, ()):
                self.happen(fact, now)
            if self.busy_until is not None:
                self.tick(now)
                if now < self.busy_until:
                    continue
                self.finish(now)
            while self.look(now):
                pass
            if self.out.ended is not None:
                break
        return self.out

    def happen(self, fact: str, now: int) -> None:
        match fact:
            case "start":
                self.containers += 1
                self.running, self.died, self.start = True, False, now
                self.started = not self.life.startup_probe and self.kind is not ProbeKind.STARTUP
            case "startup-success":
                self.started = self.running
            case "exit" | "die":
                self.running = self.started = False
                self.died = fact == "die"
            case "delete":
                self.deleted = True
            case _:
                self.manual = True

    def tick(self, now: int) -> None:
        period = self.life.probe.period_seconds
        if self.base is not None and now >= self.base and (now - self.base) % period == 0:
            self.pending = True

    def look(self, now: int) -> bool:
        """Whether a run began and ended, so that there is more to look at in this second."""
        manual, self.manual = self.manual, False
        if self.container != self.containers:
            self.container, self.held, self.results, self.waited = self.containers, False, [], False
            self.base, self.pending, self.value = None, False, None
            self.store(
                now,
                {
                    ProbeKind.LIVENESS: Verdict.SUCCESS,
                    ProbeKind.READINESS: Verdict.FAILURE,
                    ProbeKind.STARTUP: Verdict.UNKNOWN,
                }[self.kind],
            )
        if self.held:
            return False
        if not self.running:
            self.store(now, Verdict.FAILURE)
            self.base, self.pending = None, False
            self.out.ended = now if self.died else None
            return False
        if self.deleted and self.kind is not ProbeKind.READINESS:
            self.store(now, Verdict.SUCCESS)
            self.out.ended = now
            return False
        if self.started == (self.kind is ProbeKind.STARTUP):
            self.base, self.pending, self.waited = None, False, True
            return False
        self.open_gate(now)
        self.tick(now)
        delay = self.life.probe.initial_delay_seconds
        if self.pending:
            self.pending = False
        elif manual and now >= self.start + delay:
            self.base = now
        else:
            return False
        return self.begin(now)

    def open_gate(self, now: int) -> None:
        if self.base is not None:
            return
        delay, period = self.life.probe.initial_delay_seconds, self.life.probe.period_seconds
        if self.kind is ProbeKind.LIVENESS:
            self.base = self.start + (delay or period)
        else:
            self.base = max(self.start + delay, now)

    def begin(self, now: int) -> bool:
        _, seconds = self.life.run(len(self.out.runs))
        self.out.runs.append(now)
        self.busy_until = now + seconds
        if seconds:
            return False
        self.finish(now)
        # The tick that made this run is used up.
        return self.out.ended is None and self.manual

    def finish(self, now: int) -> None:
        self.busy_until = None
        success, _ = self.life.run(len(self.out.runs) - 1)
        self.results.append(success)
        probe = self.life.probe
        needed = probe.success_threshold if success else probe.failure_threshold
        if self.results[-needed:] != [success] * needed:
            return
        self.store(now, Verdict.SUCCESS if success else Verdict.FAILURE)
        if self.kind is ProbeKind.STARTUP or (self.kind is ProbeKind.LIVENESS and not success):
            self.held, self.base, self.pending = True, None, False

    def store(self, now: int, value: Verdict) -> None:
        if value is not self.value:
            self.out.stored[now, f"c{self.container}"] = value
        self.value = value
