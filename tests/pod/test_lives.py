"""Random lives of pods: what compute_pod_actions and compute_status promise whatever happens.

A toy node starts, kills and holds what it is told to, while containers exit, fail probes and become
ready at random. It keeps time by itself, and checks the order rules against what really ran.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    Container,
    ContainerRestartRule,
    Pod,
    ProbeKind,
    is_sidecar,
)
from minikubelet.pod.actions import (
    Action,
    HoldContainer,
    KillContainer,
    KillPod,
    PodActions,
    RestartAllContainers,
    StartContainer,
    compute_pod_actions,
)
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, Verdict
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.restarts import BackOffEntry, after_start
from minikubelet.pod.status import compute_status
from tests.pod.builders import a_container, a_pod, a_probe, a_rule, a_run, at, observe
from tests.random_cases import Draw, any_case

POLICIES = ["Always", "OnFailure", "Never"]
KINDS = tuple(ProbeKind)
VERDICTS = tuple(Verdict)
LIFE_STEPS = 60


def any_container(draw: Draw, name: str, *, init: bool) -> Container:
    policy = draw.one_of((None, None, *POLICIES))
    probed = policy == "Always" or not init
    rules: tuple[ContainerRestartRule, ...] = ()
    if policy is not None and draw.flag():
        rules = (a_rule(draw.one_of(("Restart", "RestartAllContainers")), "In", 42),)
    return a_container(
        name,
        restart_policy=policy,
        restart_policy_rules=rules,
        startup_probe=a_probe(ProbeKind.STARTUP) if probed and draw.flag() else None,
        liveness_probe=a_probe(ProbeKind.LIVENESS) if probed and draw.flag() else None,
    )


def any_pod(draw: Draw) -> Pod:
    regular = [any_container(draw, f"r{i}", init=False) for i in range(draw.number(1, 3))]
    init = [any_container(draw, f"i{i}", init=True) for i in range(draw.number(0, 3))]
    return a_pod(*regular, init=init, restart_policy=draw.one_of(POLICIES))


class ToyNode:
    """Does what it is told, and remembers it."""

    def __init__(self, pod: Pod, rng: random.Random) -> None:
        self.pod = pod
        self.rng = rng
        self.now = 0.0
        self.runs: dict[str, tuple[ContainerRun, ...]] = {}
        self.verdicts: dict[tuple[ProbeKind, str], Verdict] = {}
        self.back_off: dict[str, BackOffEntry] = {}
        self.status: PodStatus | None = None
        self.finished_init: set[str] = set()
        """Ordinary init containers that exited with 0 in this life of the pod."""

    def observed(self) -> ObservedPod:
        return ObservedPod(runs=dict(self.runs), verdicts=dict(self.verdicts))

    def running(self) -> list[ContainerRun]:
        latest = [runs[0] for runs in self.runs.values()]
        return [run for run in latest if run.state is RunState.RUNNING]

    def step(self) -> PodActions:
        """One pass of the agent, then something that happens to the containers."""
        observed = self.observed()
        self.status = compute_status(self.pod, observed, self.status, at(self.now))
        actions = compute_pod_actions(self.pod, observed, self.back_off, self.now)
        self.check(actions)
        for action in actions.now:
            self.apply(action)
        if not actions.now or all(isinstance(a, HoldContainer) for a in actions.now):
            self.happen(actions.wake_at)
        return actions

    # --- the rules

    def check(self, actions: PodActions) -> None:
        assert self.status is not None
        for name, (newest, *_) in self.runs.items():
            published = self.status.container(name)
            assert published is not None
            assert published.container_id == newest.container_id, "a status that is out of date"
        named = [a.name for a in actions.now if not isinstance(a, (KillPod, RestartAllContainers))]
        assert max(Counter(named).values(), default=0) <= 1, "more than one action per container"
        if self.status.phase.terminal:
            assert not any(isinstance(a, StartContainer) for a in actions.now), (
                "start after the end"
            )
        for action in actions.now:
            if isinstance(action, StartContainer):
                self.check_start(action.name)
            elif isinstance(action, HoldContainer):
                assert action.until > self.now
                assert actions.wake_at is not None
                assert actions.wake_at <= action.until
        if not actions.now:
            idle = not self.running() and actions.wake_at is None
            assert not idle or self.status.phase.terminal, "a pod that nothing will ever move"

    def check_start(self, name: str) -> None:
        container = self.pod.container(name)
        latest = self.runs.get(name, (None,))[0]
        assert latest is None or latest.state is not RunState.RUNNING, "it runs already"
        entry = self.back_off.get(name)
        if entry is not None and latest is not None and latest.finished_monotonic is not None:
            fresh = latest.finished_monotonic - entry.last_update > 600
            assert fresh or self.now >= latest.finished_monotonic + entry.delay_seconds, "too early"
        init = self.pod.is_init(name)
        if init and not is_sidecar(container, init=True):
            assert name not in self.finished_init, "a finished init container runs again"
            assert not any(self.runs.get(c.name) for c in self.pod.spec.containers)
        if latest is None:
            self.check_turn(name)

    def check_turn(self, name: str) -> None:
        """L-153: a first start waits for every entry before it."""
        for earlier in self.pod.spec.init_containers:
            if earlier.name == name:
                return
            if is_sidecar(earlier, init=True):
                assert self.runs.get(earlier.name), "a sidecar was passed over"
            else:
                assert earlier.name in self.finished_init, "an init container was passed over"

    # --- doing

    def apply(self, action: Action) -> None:
        match action:
            case StartContainer(name):
                self.start(name)
            case HoldContainer():
                pass
            case KillContainer(name, container_id, cause):
                assert self.runs[name][0].container_id == container_id
                self.exit(name, self.rng.choice([0, 143, 137]), cause)
            case KillPod(kills, cause):
                causes = {kill.name: kill.cause for kill in kills}
                for run in self.running():
                    self.exit(run.name, 143, causes.get(run.name, cause))
            case RestartAllContainers(trigger):
                assert self.runs[trigger][0].exit_code == 42
                self.runs.clear()
                self.verdicts.clear()
                self.finished_init.clear()

    def start(self, name: str) -> None:
        known = self.runs.get(name, ())
        if known and known[0].finished_monotonic is not None:
            entry = self.back_off.get(name)
            self.back_off[name] = after_start(entry, known[0].finished_monotonic, self.now)
        count = known[0].restart_count + 1 if known else 0
        run = a_run(name, restart_count=count, started=self.now)
        self.runs[name] = (run, *known)[:2]

    def exit(self, name: str, exit_code: int, cause: KillCause | None = None) -> None:
        run, *older = self.runs[name]
        assert run.state is RunState.RUNNING
        ended = replace(
            run,
            state=RunState.EXITED,
            exit_code=exit_code,
            reason="Error" if exit_code else "Completed",
            finished_at=at(self.now),
            finished_monotonic=self.now,
            killed_for=cause,
        )
        self.runs[name] = (ended, *older)
        ordinary = self.pod.is_init(name) and not is_sidecar(self.pod.container(name), init=True)
        if ordinary and exit_code == 0:
            self.finished_init.add(name)

    def happen(self, wake_at: float | None) -> None:
        """Time passes; perhaps up to the end of a back-off, perhaps a container does something."""
        self.now += self.rng.choice([0.0, 0.5, 5.0, 700.0])
        running = self.running()
        if not running or (wake_at is not None and self.rng.random() < 0.5):
            self.now = max(self.now, wake_at or self.now)
            return
        run = self.rng.choice(running)
        container = self.pod.container(run.name)
        probes = [probe.kind for probe in container.probes()]
        if probes and self.rng.random() < 0.6:
            kind = self.rng.choice(probes)
            verdict = self.rng.choice([Verdict.SUCCESS, Verdict.SUCCESS, Verdict.FAILURE])
            self.verdicts[(kind, run.container_id)] = verdict
        else:
            self.exit(run.name, self.rng.choice([0, 0, 1, 42, 42, 137]))


def a_life(draw: Draw) -> tuple[Pod, int]:
    return any_pod(draw), draw.number(0, 2**32)


@any_case(a_life, cases=400)
def test_random_lives_keep_the_rules(life: tuple[Pod, int]) -> None:
    pod, seed = life
    node = ToyNode(pod, random.Random(seed))
    counts: Counter[str] = Counter()
    ended: PodPhase | None = None
    for _ in range(LIFE_STEPS):
        node.step()
        assert node.status is not None
        assert ended is None or node.status.phase is ended, "a terminal phase changed"
        ended = node.status.phase if node.status.phase.terminal else None
        for entry in (*node.status.init_container_statuses, *node.status.container_statuses):
            assert entry.restart_count >= counts[entry.name], "a restart count fell"
            counts[entry.name] = entry.restart_count
        unready = [s for s in node.status.container_statuses if not s.ready]
        ready = node.status.condition("Ready")
        assert ready is not None
        assert (ready.status == "True") <= (not unready)


# --- one look at any situation, reachable or not


STATES = (None, "running", "hook", "unknown", "created", 0, 1, 42)


def a_situation(draw: Draw) -> tuple[Pod, ObservedPod, dict[str, BackOffEntry]]:
    pod = any_pod(draw)
    runs = []
    verdicts = {}
    for container in pod.containers():
        state = draw.one_of(STATES)
        match state:
            case None:
                continue
            case int():
                finished = draw.number(0, 990) / 10
                runs.append(a_run(container.name, exit_code=state, finished=finished))
            case "hook":
                runs.append(a_run(container.name, hook_pending=True))
            case _:
                runs.append(a_run(container.name, RunState(state)))
        verdicts[(draw.one_of(KINDS), container.name)] = draw.one_of(VERDICTS)
    back_off = {
        container.name: BackOffEntry(draw.one_of((10.0, 300.0)), draw.number(0, 990) / 10)
        for container in pod.containers()
        if draw.flag()
    }
    ready = draw.flag()
    return pod, observe(*runs, verdicts=verdicts, sandbox_ready=ready), back_off


@any_case(a_situation, cases=10_000)
def test_any_situation(situation: tuple[Pod, ObservedPod, dict[str, BackOffEntry]]) -> None:
    pod, observed, back_off = situation
    actions = compute_pod_actions(pod, observed, back_off, 100.0)
    assert actions == compute_pod_actions(pod, observed, back_off, 100.0)
    names = [a.name for a in actions.now if not isinstance(a, (KillPod, RestartAllContainers))]
    assert len(names) == len(set(names))
    whole = [a for a in actions.now if isinstance(a, (KillPod, RestartAllContainers))]
    assert not whole or len(actions.now) == 1
    starts = [a.name for a in actions.now if isinstance(a, (StartContainer, HoldContainer))]
    assert starts == [c.name for c in pod.containers() if c.name in starts], "not in spec order"
    for name in starts:
        latest = observed.latest(name)
        assert latest is None or latest.state is not RunState.RUNNING or not observed.sandbox_ready
        assert latest is None or not latest.hook_pending
    for action in actions.now:
        if isinstance(action, KillContainer):
            latest = observed.latest(action.name)
            assert latest is not None
            assert latest.state in (RunState.RUNNING, RunState.UNKNOWN)
            assert not latest.hook_pending
    if any(run.hook_pending for runs in observed.runs.values() for run in runs):
        assert not starts, "a start while a postStart hook is pending"
    if actions.wake_at is not None:
        assert actions.wake_at > 100.0


@pytest.mark.parametrize("policy", POLICIES)
def test_a_life_without_trouble(policy: str) -> None:
    """Init container, sidecar, two regular containers: the order of every start and stop."""
    pod = a_pod(
        a_container("r0"),
        a_container("r1"),
        init=[a_container("i0"), a_container("s", restart_policy="Always"), a_container("i1")],
        restart_policy=policy,
    )
    node = ToyNode(pod, random.Random(0))
    told: list[Action] = []

    def until_quiet() -> None:
        while actions := compute_pod_actions(pod, node.observed(), {}, node.now).now:
            told.extend(actions)
            for action in actions:
                node.apply(action)

    for ends in ("i0", "i1"):
        until_quiet()
        node.exit(ends, 0)
    until_quiet()
    assert told == [StartContainer(name) for name in ("i0", "s", "i1", "r0", "r1")]
    if policy == "Always":
        return
    told.clear()
    node.exit("r0", 0)
    until_quiet()
    node.exit("r1", 0)
    until_quiet()
    assert told == [KillPod()]
    assert compute_status(pod, node.observed(), None, at(1)).phase is PodPhase.SUCCEEDED
