"""The phase of a pod (L-221 … L-224)."""

from __future__ import annotations

from itertools import product

import pytest

from minikubelet.manifest.pod import Container, Pod
from minikubelet.pod.phase import compute_phase
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodPhase,
    Running,
    Terminated,
    Waiting,
)
from tests.pod.builders import START, a_container, a_pod, a_rule, a_sidecar
from tests.random_cases import Draw, any_case

PENDING, RUNNING = PodPhase.PENDING, PodPhase.RUNNING
SUCCEEDED, FAILED = PodPhase.SUCCEEDED, PodPhase.FAILED


def one(text: str) -> tuple[ContainerState, Terminated | None, bool]:
    """State, last state, `started` for a word: `run!` runs but has not started, `done` and `fail`
    exited, `redo` and `crash` wait after such an exit, `reset` fell to a restart of all."""
    match text:
        case "run" | "run!":
            return Running(START), None, text == "run"
        case "wait":
            return Waiting("ContainerCreating"), None, False
        case "done" | "fail":
            return Terminated(0 if text == "done" else 1), None, False
        case "crash" | "redo":
            last = Terminated(1 if text == "crash" else 0)
            return Waiting("CrashLoopBackOff"), last, False
        case "reset":
            last = Terminated(137, "RestartingAllContainers")
            return Waiting("RestartingAllContainers"), last, False
    raise ValueError(text)


def statuses(pod: Pod, states: str) -> dict[str, ContainerStatus]:
    """A word per container, init containers first; `-` has no status."""
    found = {}
    for container, text in zip(pod.containers(), states.split(), strict=True):
        if text != "-":
            state, last, started = one(text)
            found[container.name] = ContainerStatus(container.name, state, last, started=started)
    return found


def phase(pod: Pod, states: str, *, begun: bool = True, terminated: bool = False) -> PodPhase:
    return compute_phase(pod, statuses(pod, states), regular_started=begun, terminated=terminated)


TWO = (a_container("a"), a_container("b"))
ONE_INIT = a_pod(init=[a_container("i")])
STATIC = a_pod(
    restart_policy="Never", metadata={"annotations": {"kubernetes.io/config.source": "file"}}
)
RESTARTS_ALL = a_container(
    restart_policy="Never", restart_policy_rules=(a_rule("RestartAllContainers", "In", 1),)
)


@pytest.mark.parametrize(
    ("pod", "states", "expected"),
    [
        # L-223, L-224
        pytest.param(a_pod(), "wait", PENDING, id="not started yet"),
        pytest.param(a_pod(*TWO), "run wait", PENDING, id="one of two has not started"),
        pytest.param(a_pod(*TWO), "run run", RUNNING, id="all run"),
        pytest.param(a_pod(*TWO), "run -", PENDING, id="one without a status"),
        pytest.param(a_pod(), "fail", RUNNING, id="crashed, will be restarted"),
        pytest.param(a_pod(), "crash", RUNNING, id="L-225: in back-off"),
        pytest.param(a_pod(), "done", RUNNING, id="Always: finished, will be restarted"),
        pytest.param(a_pod(restart_policy="OnFailure"), "done", SUCCEEDED, id="OnFailure: done"),
        pytest.param(a_pod(restart_policy="OnFailure"), "crash", RUNNING, id="OnFailure: retried"),
        pytest.param(a_pod(restart_policy="Never"), "done", SUCCEEDED, id="Never: done"),
        pytest.param(a_pod(restart_policy="Never"), "fail", FAILED, id="Never: failed"),
        pytest.param(
            a_pod(*TWO, restart_policy="Never"), "done fail", FAILED, id="one failure fails the pod"
        ),
        pytest.param(
            a_pod(*TWO, restart_policy="OnFailure"), "done crash", RUNNING, id="one is retried"
        ),
        pytest.param(a_pod(*TWO, restart_policy="Never"), "fail run", RUNNING, id="one goes on"),
        # L-165
        pytest.param(
            a_pod(a_container(restart_policy="Never")), "fail", FAILED, id="its own policy counts"
        ),
        pytest.param(
            a_pod(a_container(restart_policy="Always"), restart_policy="Never"),
            "done",
            RUNNING,
            id="its own policy keeps a Never pod running",
        ),
        # L-166
        pytest.param(a_pod(RESTARTS_ALL), "fail", RUNNING, id="it restarts all containers"),
        pytest.param(
            a_pod(restart_policy="Never"), "reset", RUNNING, id="removed by a restart of all"
        ),
        # L-221
        pytest.param(ONE_INIT, "run wait", PENDING, id="an init container runs"),
        pytest.param(ONE_INIT, "wait wait", PENDING, id="an init container has not started"),
        pytest.param(ONE_INIT, "- wait", PENDING, id="an init container without a status"),
        pytest.param(ONE_INIT, "crash wait", PENDING, id="an init container is retried"),
        pytest.param(ONE_INIT, "done run", RUNNING, id="initialized and running"),
        pytest.param(
            a_pod(init=[a_container("i")], restart_policy="Never"),
            "fail wait",
            FAILED,
            id="an init container failed for good",
        ),
        pytest.param(
            a_pod(init=[a_container("i", restart_policy="OnFailure")], restart_policy="Never"),
            "fail wait",
            PENDING,
            id="an init container with its own policy is retried",
        ),
        # L-222
        pytest.param(a_pod(init=[a_sidecar()]), "run run", RUNNING, id="a sidecar runs beside"),
        pytest.param(
            a_pod(init=[a_sidecar()], restart_policy="Never"),
            "run done",
            RUNNING,
            id="a running sidecar counts as running",
        ),
        pytest.param(
            a_pod(init=[a_sidecar()], restart_policy="Never"),
            "fail done",
            SUCCEEDED,
            id="L-159: its exit code does not count",
        ),
        pytest.param(a_pod(init=[a_sidecar()]), "run! run", RUNNING, id="L-160: unstarted later"),
        pytest.param(a_pod(init=[a_sidecar()]), "crash run", RUNNING, id="a crashing sidecar"),
        pytest.param(
            a_pod(init=[a_sidecar()]), "- run", PENDING, id="a sidecar of which nothing is known"
        ),
    ],
)
def test_phase(pod: Pod, states: str, expected: PodPhase) -> None:
    assert phase(pod, states) is expected


def test_an_unstarted_sidecar_keeps_a_pod_pending_only_before_regular_containers() -> None:
    pod = a_pod(init=[a_sidecar()])
    assert phase(pod, "run! crash", begun=False) is PENDING
    assert phase(pod, "run! crash", begun=True) is RUNNING


@pytest.mark.parametrize(
    ("pod", "states", "expected"),
    [
        # L-224, rule 5
        pytest.param(a_pod(), "done", SUCCEEDED, id="the policy does not count any more"),
        pytest.param(a_pod(), "fail", FAILED, id="a failure fails the pod"),
        pytest.param(a_pod(), "redo", FAILED, id="only a terminated container has succeeded"),
        pytest.param(a_pod(), "run", RUNNING, id="while something runs"),
        pytest.param(a_pod(), "wait", PENDING, id="what never started does not count"),
        pytest.param(STATIC, "fail", FAILED, id="a static pod ends by its policy"),
    ],
)
def test_phase_of_a_terminated_pod(pod: Pod, states: str, expected: PodPhase) -> None:
    assert phase(pod, states, terminated=True) is expected


def test_a_terminated_static_pod_that_would_restart_stays_running() -> None:
    pod = a_pod(metadata={"annotations": {"kubernetes.io/config.source": "file"}})
    assert phase(pod, "done", terminated=True) is RUNNING


def test_a_container_that_restarts_whatever_its_code() -> None:  # P-153
    pod = a_pod(restart_policy="OnFailure")
    known = statuses(pod, "done")
    restarting = frozenset({"app"})
    assert compute_phase(pod, known, regular_started=True, restarting=restarting) is RUNNING


# --- a reference model, read off the rules line by line


def model(pod: Pod, words: list[str], begun: bool, terminated: bool, static: bool) -> PodPhase:
    """L-221 … L-224 over the words of `one`, without the code's counters."""
    n_init = len(pod.spec.init_containers)
    init = [
        (c, w)
        for c, w in zip(pod.spec.init_containers, words, strict=False)
        if c.restart_policy != "Always"
    ]
    side = [
        w
        for c, w in zip(pod.spec.init_containers, words, strict=False)
        if c.restart_policy == "Always"
    ]
    regular = list(zip(pod.spec.containers, words[n_init:], strict=True))
    bad_end = {"fail", "crash"}

    def again(container: Container, word: str) -> bool:
        policy = container.restart_policy or pod.spec.restart_policy
        failed = word in bad_end
        return word == "reset" or policy == "Always" or (policy == "OnFailure" and failed)

    if any(w in bad_end and not again(c, w) for c, w in init):
        return FAILED
    if any(w in ("-", "run", "run!", "wait") for _, w in init):
        return PENDING
    if any(w in ("run!", "wait") for w in side) and not begun:
        return PENDING
    if "wait" in side or any(w == "wait" for _, w in regular):
        return PENDING
    unknown = "-" in side or any(w == "-" for _, w in regular)
    running = any(w in ("run", "run!") for w in [*side, *(w for _, w in regular)])
    if unknown:
        return PENDING
    if running:
        return RUNNING
    all_good = all(w == "done" for _, w in regular)
    if (terminated and not static) or not any(again(c, w) for c, w in regular):
        return SUCCEEDED if all_good else FAILED
    return RUNNING


POLICIES = ["Always", "OnFailure", "Never"]
WORDS = ["run", "run!", "wait", "done", "fail", "crash", "redo", "reset", "-"]


def a_situation(draw: Draw) -> tuple[Pod, list[str], bool, bool, bool]:
    own = (None, *POLICIES)
    regular = [
        a_container(f"r{i}", restart_policy=draw.one_of(own)) for i in range(draw.number(1, 3))
    ]
    init = [a_container(f"i{i}", restart_policy=draw.one_of(own)) for i in range(draw.number(0, 3))]
    static = draw.flag()
    source = {"kubernetes.io/config.source": "file" if static else "api"}
    pod = a_pod(
        *regular,
        init=init,
        restart_policy=draw.one_of(POLICIES),
        metadata={"annotations": source},
    )
    words = [draw.one_of(WORDS) for _ in (*init, *regular)]
    return pod, words, draw.flag(), draw.flag(), static


@any_case(a_situation, cases=20_000)
def test_phase_agrees_with_the_model(
    situation: tuple[Pod, list[str], bool, bool, bool],
) -> None:
    pod, words, begun, terminated, static = situation
    computed = phase(pod, " ".join(words), begun=begun, terminated=terminated)
    assert computed is model(pod, words, begun, terminated, static)


def test_phase_agrees_with_the_model_for_every_small_pod() -> None:
    """Each policy, one init container or sidecar, one regular container, every state of both."""
    for policy, own, first, second, begun, terminated in product(
        POLICIES, [None, "Always"], WORDS, WORDS, [False, True], [False, True]
    ):
        pod = a_pod(init=[a_container("i", restart_policy=own)], restart_policy=policy)
        words = [first, second]
        computed = phase(pod, " ".join(words), begun=begun, terminated=terminated)
        assert computed is model(pod, words, begun, terminated, False), (policy, own, words)
