"""The conditions of a pod (L-166, L-229 … L-237, P-159)."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from minikubelet.manifest.pod import Pod
from minikubelet.pod.conditions import compute_conditions, forced_unready, stamped
from minikubelet.pod.container_status import ContainerStatuses
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from tests.pod.builders import START, a_container, a_pod, a_rule, a_sidecar, at
from tests.random_cases import Draw, any_case

PENDING, RUNNING = PodPhase.PENDING, PodPhase.RUNNING
SUCCEEDED, FAILED = PodPhase.SUCCEEDED, PodPhase.FAILED
WAITING = Waiting("PodInitializing")

STATES: dict[str, tuple[ContainerState, bool, bool]] = {
    # word: state, started, ready
    "ready": (Running(START), True, True),
    "unready": (Running(START), True, False),
    "starting": (Running(START), False, False),
    "waiting": (WAITING, False, False),
    "done": (Terminated(0), False, False),
    "done-init": (Terminated(0), False, True),
    "failed": (Terminated(1), False, False),
}


def status(name: str, word: str) -> ContainerStatus:
    state, started, ready = STATES[word]
    return ContainerStatus(name, state, started=started, ready=ready)


def statuses(pod: Pod, words: str) -> ContainerStatuses:
    """A word of `STATES` per container, init containers first; `-` has no status."""
    listed = words.split()
    count = len(pod.spec.init_containers)
    init = zip(pod.spec.init_containers, listed[:count], strict=True)
    regular = zip(pod.spec.containers, listed[count:], strict=True)
    return ContainerStatuses(
        tuple(status(c.name, word) for c, word in init if word != "-"),
        tuple(status(c.name, word) for c, word in regular if word != "-"),
    )


def conditions(
    pod: Pod, phase: PodPhase, words: str, previous: PodStatus | None = None
) -> dict[str, PodCondition]:
    computed = compute_conditions(
        pod, phase, statuses(pod, words), previous, sandbox_ready=True, restarting_all=False
    )
    return {condition.type: condition for condition in computed}


@pytest.mark.parametrize(
    ("pod", "phase", "words", "expected"),
    [
        # L-230
        pytest.param(a_pod(), PENDING, "waiting", ("True", "", ""), id="no init containers"),
        pytest.param(a_pod(), SUCCEEDED, "done", ("True", "PodCompleted", ""), id="completed"),
        pytest.param(
            a_pod(init=[a_container("i"), a_container("j"), a_sidecar()]),
            PENDING,
            "done-init starting waiting waiting",
            (
                "False",
                "ContainersNotInitialized",
                "containers with incomplete status: [j side]",
            ),
            id="incomplete ones in spec order",
        ),
        pytest.param(
            a_pod(init=[a_container("i"), a_container("j")]),
            PENDING,
            "waiting - waiting",
            (
                "False",
                "ContainersNotInitialized",
                "containers with unknown status: [j], containers with incomplete status: [i]",
            ),
            id="unknown ones are told first",
        ),
        pytest.param(
            a_pod(init=[a_container("i"), a_sidecar()]),
            PENDING,
            "done-init unready waiting",
            ("True", "", ""),
            id="a started sidecar is complete, ready or not",
        ),
        pytest.param(
            a_pod(init=[a_sidecar()]),
            RUNNING,
            "waiting ready",
            ("True", "", ""),
            id="a regular container has run",
        ),
        pytest.param(
            a_pod(init=[a_container("i")]),
            FAILED,
            "failed waiting",
            (
                "False",
                "ContainersNotInitialized",
                "containers with incomplete status: [i]",
            ),
            id="initialization failed",
        ),
    ],
)
def test_initialized(pod: Pod, phase: PodPhase, words: str, expected: tuple[str, str, str]) -> None:
    assert conditions(pod, phase, words)["Initialized"] == PodCondition("Initialized", *expected)


B_A = a_pod(a_container("b"), a_container("a"), init=[a_sidecar()])


@pytest.mark.parametrize(
    ("pod", "phase", "words", "expected"),
    [
        # L-231, L-232
        pytest.param(a_pod(), RUNNING, "ready", ("True", "", ""), id="all ready"),
        pytest.param(a_pod(), SUCCEEDED, "done", ("False", "PodCompleted", ""), id="completed"),
        pytest.param(a_pod(), FAILED, "failed", ("False", "PodFailed", ""), id="failed"),
        pytest.param(
            B_A,
            RUNNING,
            "unready waiting unready",
            (
                "False",
                "ContainersNotReady",
                "containers with unready status: [side b a]",
            ),
            id="P-159: unready ones, sidecars first, in spec order",
        ),
        pytest.param(
            B_A,
            RUNNING,
            "unready - ready",
            (
                "False",
                "ContainersNotReady",
                "containers with unknown status: [b], containers with unready status: [side]",
            ),
            id="unknown ones are told first",
        ),
        pytest.param(
            a_pod(), PENDING, "-", ("False", "UnknownContainerStatuses", ""), id="nothing is known"
        ),
        pytest.param(
            a_pod(init=[a_container("i")]),
            RUNNING,
            "failed ready",
            ("True", "", ""),
            id="ordinary init containers do not count",
        ),
    ],
)
def test_containers_ready(
    pod: Pod, phase: PodPhase, words: str, expected: tuple[str, str, str]
) -> None:
    found = conditions(pod, phase, words)
    assert found["ContainersReady"] == PodCondition("ContainersReady", *expected)
    assert found["Ready"] == PodCondition("Ready", *expected)


@pytest.mark.parametrize(
    ("gates", "written", "expected"),
    [
        # L-233
        pytest.param((), {}, ("True", "", ""), id="no gates"),
        pytest.param(("x.io/a",), {"x.io/a": "True"}, ("True", "", ""), id="the gate is open"),
        pytest.param(
            ("x.io/a",),
            {},
            (
                "False",
                "ReadinessGatesNotReady",
                'corresponding condition of pod readiness gate "x.io/a" does not exist.',
            ),
            id="nobody has written it",
        ),
        pytest.param(
            ("x.io/a", "x.io/b"),
            {"x.io/b": "Unknown"},
            (
                "False",
                "ReadinessGatesNotReady",
                'corresponding condition of pod readiness gate "x.io/a" does not exist., '
                'the status of pod readiness gate "x.io/b" is not "True", but Unknown',
            ),
            id="all unmet gates are told",
        ),
        pytest.param(("Initialized",), {}, ("True", "", ""), id="our own condition as a gate"),
    ],
)
def test_readiness_gates(
    gates: tuple[str, ...], written: dict[str, str], expected: tuple[str, str, str]
) -> None:
    previous = PodStatus(conditions=tuple(PodCondition(t, s) for t, s in written.items()))
    found = conditions(a_pod(readiness_gates=gates), RUNNING, "ready", previous)
    assert found["Ready"] == PodCondition("Ready", *expected)
    assert found["ContainersReady"] == PodCondition("ContainersReady", "True")


def test_order_and_foreign_conditions() -> None:  # L-234
    theirs = PodCondition("x.io/a", "False", "Draining", last_transition_time=at(1))
    previous = PodStatus(
        conditions=(
            PodCondition("Ready", "True"),
            PodCondition("DisruptionTarget", "True"),
            theirs,
            PodCondition("PodScheduled", "False"),
        )
    )
    computed = compute_conditions(
        a_pod(),
        RUNNING,
        statuses(a_pod(), "ready"),
        previous,
        sandbox_ready=False,
        restarting_all=False,
    )
    assert computed == (
        theirs,
        PodCondition("DisruptionTarget", "True"),
        PodCondition("PodReadyToStartContainers", "False"),
        PodCondition("Initialized", "True"),
        PodCondition("Ready", "True"),
        PodCondition("ContainersReady", "True"),
        PodCondition("PodScheduled", "True"),
    )


ALL = a_pod(
    a_container(
        restart_policy="Never", restart_policy_rules=(a_rule("RestartAllContainers", "In", 1),)
    )
)


@pytest.mark.parametrize(
    ("phase", "restarting", "expected"),
    [
        # L-166
        pytest.param(PENDING, False, ("False", "", ""), id="nothing is restarting"),
        pytest.param(
            RUNNING,
            True,
            (
                "True",
                "RestartAllContainersStarted",
                "container exited with restart policy rule",
            ),
            id="restarting",
        ),
        pytest.param(SUCCEEDED, False, ("False", "PodCompleted", ""), id="completed"),
        pytest.param(FAILED, False, ("False", "PodFailed", ""), id="failed"),
    ],
)
def test_all_containers_restarting(
    phase: PodPhase, restarting: bool, expected: tuple[str, str, str]
) -> None:
    *_, last = compute_conditions(
        ALL, phase, statuses(ALL, "ready"), None, sandbox_ready=True, restarting_all=restarting
    )
    assert last == PodCondition("AllContainersRestarting", *expected)


def test_transition_times_change_with_the_status_alone() -> None:  # L-217, L-235
    previous = PodStatus(
        conditions=(
            PodCondition("Ready", "False", "ContainersNotReady", "x", at(1), 1),
            PodCondition("Initialized", "True", "", "", at(2), 1),
        )
    )
    theirs = PodCondition("x.io/a", "True", last_transition_time=at(3), observed_generation=1)
    ours = (
        theirs,
        PodCondition("Initialized", "True"),
        PodCondition("Ready", "True"),
        PodCondition("PodScheduled", "True"),
    )
    assert stamped(ours, previous, at(9), 2) == (
        theirs,
        PodCondition("Initialized", "True", "", "", at(2), 2),
        PodCondition("Ready", "True", "", "", at(9), 2),
        PodCondition("PodScheduled", "True", "", "", at(9), 2),
    )


def test_a_terminal_phase_forces_unreadiness() -> None:  # L-236
    kept = PodCondition("Initialized", "True")
    before = (kept, PodCondition("Ready", "True"), PodCondition("ContainersReady", "True"))
    assert forced_unready(before, FAILED) == (
        kept,
        PodCondition("Ready", "False", "PodFailed"),
        PodCondition("ContainersReady", "False", "PodFailed"),
    )


# --- a reference model, from the words instead of the statuses


def names(kind: str, listed: list[str]) -> str:
    return f"containers with {kind} status: [{' '.join(listed)}]" if listed else ""


def told(reason: str, *parts: str) -> tuple[str, str, str]:
    message = ", ".join(part for part in parts if part)
    return ("False", reason, message) if message else ("True", "", "")


def model_initialized(pod: Pod, phase: PodPhase, words: dict[str, str]) -> tuple[str, str, str]:
    unknown, incomplete = [], []
    for container in pod.spec.init_containers:
        word = words[container.name]
        good = ("ready", "unready") if container.restart_policy else ("done-init",)
        if word == "-":
            unknown.append(container.name)
        elif word not in good:
            incomplete.append(container.name)
    if phase is SUCCEEDED and not unknown:
        return "True", "PodCompleted", ""
    if any(words[c.name] not in ("-", "waiting") for c in pod.spec.containers):
        return "True", "", ""
    return told(
        "ContainersNotInitialized", names("unknown", unknown), names("incomplete", incomplete)
    )


def model_ready(pod: Pod, phase: PodPhase, words: dict[str, str]) -> tuple[str, str, str]:
    if phase is SUCCEEDED:
        return "False", "PodCompleted", ""
    if phase is FAILED:
        return "False", "PodFailed", ""
    if set(words.values()) == {"-"}:
        return "False", "UnknownContainerStatuses", ""
    order = [c.name for c in pod.spec.init_containers if c.restart_policy]
    order += [c.name for c in pod.spec.containers]
    return told(
        "ContainersNotReady",
        names("unknown", [name for name in order if words[name] == "-"]),
        names("unready", [name for name in order if words[name] not in ("-", "ready")]),
    )


WORDS = ("ready", "unready", "starting", "waiting", "done", "failed", "-")
INIT_WORDS = ("starting", "waiting", "done-init", "failed", "-")
ORDERS = tuple(order for count in (1, 2, 3) for order in permutations(range(count)))


def a_situation(draw: Draw) -> tuple[Pod, PodPhase, dict[str, str]]:
    regular = [a_container(f"r{i}") for i in draw.one_of(ORDERS)]
    init = [
        a_sidecar(f"i{i}") if draw.flag() else a_container(f"i{i}")
        for i in range(draw.number(0, 3))
    ]
    words = {c.name: draw.one_of(WORDS if c.restart_policy else INIT_WORDS) for c in init}
    words |= {c.name: draw.one_of(WORDS) for c in regular}
    phase = draw.one_of((PENDING, RUNNING, SUCCEEDED, FAILED))
    return a_pod(*regular, init=init), phase, words


@any_case(a_situation, cases=20_000)
def test_conditions_agree_with_the_model(
    situation: tuple[Pod, PodPhase, dict[str, str]],
) -> None:
    pod, phase, words = situation
    found = conditions(pod, phase, " ".join(words.values()))
    ready = model_ready(pod, phase, words)
    assert found == {
        "PodReadyToStartContainers": PodCondition("PodReadyToStartContainers", "True"),
        "Initialized": PodCondition("Initialized", *model_initialized(pod, phase, words)),
        "Ready": PodCondition("Ready", *ready),
        "ContainersReady": PodCondition("ContainersReady", *ready),
        "PodScheduled": PodCondition("PodScheduled", "True"),
    }


def a_history(draw: Draw) -> list[str]:
    return [draw.one_of(("True", "False", "Unknown")) for _ in draw.times(12, least=1)]


@any_case(a_history, cases=2000)
def test_transition_times_over_random_histories(history: list[str]) -> None:
    """The time is always that of the first status of the present run of equal ones."""
    previous: PodStatus | None = None
    for moment, value in enumerate(history):
        (condition,) = stamped([PodCondition("Ready", value)], previous, at(moment), 1)
        since = moment
        while since > 0 and history[since - 1] == value:
            since -= 1
        assert condition == PodCondition("Ready", value, "", "", at(since), 1)
        previous = replace(PodStatus(), conditions=(condition,))
