"""What one pass decides (L-73, L-93 … L-104, L-153 … L-167, P-152 … P-155)."""

from __future__ import annotations

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod, ProbeKind
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
from minikubelet.pod.observed import ObservedPod, RunState, StartFailure, Verdict
from minikubelet.pod.restarts import BackOffEntry
from tests.pod.builders import (
    a_container,
    a_pod,
    a_probe,
    a_rule,
    a_run,
    a_sidecar,
    container_id,
    deleted,
    observe,
)

NOW = 1000.0
LIVENESS_FAILED = {(ProbeKind.LIVENESS, "app"): Verdict.FAILURE}
STARTUP_FAILED = {(ProbeKind.STARTUP, "app"): Verdict.FAILURE}
SIDE_STARTED = {(ProbeKind.STARTUP, "side"): Verdict.SUCCESS}
SLOW_SIDE = a_sidecar(startup_probe=a_probe(ProbeKind.STARTUP))


def decide(
    pod: Pod, observed: ObservedPod, back_off: dict[str, BackOffEntry] | None = None
) -> PodActions:
    return compute_pod_actions(pod, observed, back_off or {}, NOW)


def start(*names: str) -> tuple[Action, ...]:
    return tuple(StartContainer(name) for name in names)


def kill(
    name: str, cause: KillCause, message: str, grace: float = 30, restart_count: int = 0
) -> KillContainer:
    return KillContainer(name, container_id(name, restart_count), cause, message, grace)


NOTHING: tuple[Action, ...] = ()

REGULAR = [
    pytest.param(
        a_pod(a_container("b"), a_container("a")),
        observe(),
        start("b", "a"),
        id="L-102: regular containers start in spec order",
    ),
    pytest.param(
        a_pod(a_container("a"), a_container("b")),
        observe(a_run("a")),
        start("b"),
        id="a running container is left alone",
    ),
    pytest.param(
        a_pod(), observe(a_run(state=RunState.CREATED)), start("app"), id="L-162: a created one"
    ),
    pytest.param(
        a_pod(), observe(a_run(exit_code=0)), start("app"), id="an exited one restarts at once"
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(a_run(exit_code=1)),
        NOTHING,
        id="a finished pod without processes needs nothing",
    ),
    pytest.param(
        a_pod(a_container("a"), a_container("b"), restart_policy="Never"),
        observe(a_run("a", exit_code=1), a_run("b")),
        NOTHING,
        id="one of two goes on",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(state=RunState.UNKNOWN)),
        (
            kill(
                "app",
                KillCause.UNKNOWN_STATE,
                'Container is in "unknown" state, try killing it before restart',
            ),
        ),
        id="L-97: an unknown one is killed first",
    ),
    pytest.param(
        a_pod(a_container("a"), a_container("b"), a_container("c")),
        observe(a_run("a", hook_pending=True)),
        NOTHING,
        id="L-102: the next start waits for a postStart hook",
    ),
    pytest.param(
        a_pod(scheduling_gates=("wait",)), observe(), NOTHING, id="L-73: a gated pod stays put"
    ),
    pytest.param(
        deleted(a_pod()), observe(), NOTHING, id="L-247: nothing starts once deletion has begun"
    ),
    pytest.param(
        deleted(a_pod()),
        observe(a_run(), verdicts=LIVENESS_FAILED),
        NOTHING,
        id="a deleted pod's probes kill nothing",
    ),
]

KILLS = [
    pytest.param(
        a_pod(),
        observe(a_run(), verdicts=LIVENESS_FAILED),
        (
            kill(
                "app",
                KillCause.LIVENESS,
                "Container app failed liveness probe, will be restarted",
            ),
        ),
        id="L-98: failed liveness under Always",
    ),
    pytest.param(
        a_pod(restart_policy="OnFailure"),
        observe(a_run(), verdicts=STARTUP_FAILED),
        (
            kill(
                "app",
                KillCause.STARTUP,
                "Container app failed startup probe, will be restarted",
            ),
        ),
        id="P-153: failed startup under OnFailure",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(), verdicts=LIVENESS_FAILED | STARTUP_FAILED),
        (
            kill(
                "app",
                KillCause.LIVENESS,
                "Container app failed liveness probe, will be restarted",
            ),
        ),
        id="P-152: liveness is looked at before startup",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(), verdicts={(ProbeKind.LIVENESS, "app"): Verdict.UNKNOWN}),
        NOTHING,
        id="P-152: unknown never kills",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(), verdicts={(ProbeKind.READINESS, "app"): Verdict.FAILURE}),
        NOTHING,
        id="failed readiness never kills",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(hook_pending=True), verdicts=LIVENESS_FAILED),
        NOTHING,
        id="a container that is still being started is not killed",
    ),
    pytest.param(
        a_pod(
            a_container(
                liveness_probe=a_probe(ProbeKind.LIVENESS, termination_grace_period_seconds=5)
            )
        ),
        observe(a_run(), verdicts=LIVENESS_FAILED),
        (
            kill(
                "app",
                KillCause.LIVENESS,
                "Container app failed liveness probe, will be restarted",
                grace=5,
            ),
        ),
        id="P-700: the probe's own grace period",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(a_run(image="older"), verdicts=LIVENESS_FAILED),
        (
            kill(
                "app",
                KillCause.DEFINITION_CHANGED,
                "Container app definition changed, will be restarted",
            ),
        ),
        id="L-98: a changed definition goes first, and restarts under Never",
    ),
    pytest.param(
        a_pod(a_container("app"), a_container("b"), restart_policy="Never"),
        observe(a_run(), a_run("b"), verdicts=LIVENESS_FAILED),
        (kill("app", KillCause.LIVENESS, "Container app failed liveness probe"),),
        id="under Never a killed container stays down while another goes on",
    ),
    pytest.param(
        a_pod(a_container(restart_policy="Never"), a_container("b")),
        observe(a_run(), a_run("b"), verdicts=LIVENESS_FAILED),
        (kill("app", KillCause.LIVENESS, "Container app failed liveness probe"),),
        id="L-98: the container's own policy decides",
    ),
    pytest.param(
        a_pod(
            a_container(
                restart_policy="Never", restart_policy_rules=(a_rule("Restart", "In", 143),)
            ),
            a_container("b"),
        ),
        observe(a_run(), a_run("b"), verdicts=LIVENESS_FAILED),
        (kill("app", KillCause.LIVENESS, "Container app failed liveness probe"),),
        id="L-98: exit-code rules are not consulted",
    ),
    pytest.param(
        a_pod(
            a_container(
                liveness_probe=a_probe(ProbeKind.LIVENESS, termination_grace_period_seconds=5)
            ),
            restart_policy="Never",
        ),
        observe(a_run(), verdicts=LIVENESS_FAILED),
        (
            KillPod(
                (kill("app", KillCause.LIVENESS, "Container app failed liveness probe", grace=5),)
            ),
        ),
        id="B-23: the last container under Never is killed with its probe's text and grace",
    ),
]

INITIALIZATION = [
    pytest.param(
        a_pod(init=[a_container("one"), a_container("two")]),
        observe(),
        start("one"),
        id="L-153: the first init container starts alone",
    ),
    pytest.param(
        a_pod(init=[a_container("one"), a_container("two")]),
        observe(a_run("one")),
        NOTHING,
        id="the next one waits while it runs",
    ),
    pytest.param(
        a_pod(init=[a_container("one"), a_container("two")]),
        observe(a_run("one", exit_code=0)),
        start("two"),
        id="after success the next one starts",
    ),
    pytest.param(
        a_pod(init=[a_container("one"), a_container("two")]),
        observe(a_run("one", exit_code=0), a_run("two", exit_code=0)),
        start("app"),
        id="after the last one the regular containers start",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run("one", exit_code=1)),
        start("one"),
        id="L-155: a failed one is retried under Always",
    ),
    pytest.param(
        a_pod(init=[a_container("one")], restart_policy="OnFailure"),
        observe(a_run("one", exit_code=0, reason="OOMKilled")),
        start("one"),
        id="L-155: OOMKilled is a failure whatever the code",
    ),
    pytest.param(
        a_pod(init=[a_container("one")], restart_policy="Never"),
        observe(a_run("one", exit_code=1)),
        NOTHING,
        id="under Never the pod has failed, and nothing runs",
    ),
    pytest.param(
        a_pod(init=[a_sidecar(), a_container("one")], restart_policy="Never"),
        observe(a_run("side"), a_run("one", exit_code=1)),
        (KillPod(cause=KillCause.POD_FAILED),),
        id="L-155: a failed pod's sidecars are stopped",
    ),
    pytest.param(
        a_pod(init=[a_container("one", restart_policy="OnFailure")], restart_policy="Never"),
        observe(a_run("one", exit_code=1)),
        start("one"),
        id="L-165: an init container's own policy",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run("one", state=RunState.CREATED)),
        start("one"),
        id="a created one is started anew",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run("one", state=RunState.UNKNOWN)),
        (
            kill(
                "one",
                KillCause.UNKNOWN_STATE,
                'Init container is in "unknown" state, try killing it before restart',
            ),
        ),
        id="L-155: an unknown one counts as failed, and is killed before its retry",
    ),
    pytest.param(
        a_pod(init=[a_container("one"), a_container("two")]),
        observe(a_run("two", exit_code=0)),
        start("app"),
        id="L-157: the last entry with a record decides",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run(exit_code=1)),
        start("app"),
        id="L-156: an initialized pod never runs its init containers again",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run(), a_run("one", exit_code=1)),
        NOTHING,
        id="L-156: a passed init container is not looked at",
    ),
]

SIDECARS = [
    pytest.param(
        a_pod(init=[a_sidecar(), a_container("one")]),
        observe(a_run("side")),
        start("one"),
        id="L-153: the next entry starts once a sidecar runs",
    ),
    pytest.param(
        a_pod(init=[SLOW_SIDE, a_container("one")]),
        observe(a_run("side")),
        NOTHING,
        id="L-153: with a startup probe it has to succeed first",
    ),
    pytest.param(
        a_pod(init=[SLOW_SIDE, a_container("one")]),
        observe(a_run("side"), verdicts=SIDE_STARTED),
        start("one"),
        id="L-153: the startup probe has succeeded",
    ),
    pytest.param(
        a_pod(init=[SLOW_SIDE]),
        observe(a_run("side"), verdicts=SIDE_STARTED),
        start("app"),
        id="the last sidecar has started",
    ),
    pytest.param(
        a_pod(init=[a_sidecar(), a_container("one")]),
        observe(a_run("side", hook_pending=True)),
        NOTHING,
        id="L-154: the next entry waits for a sidecar's postStart hook",
    ),
    pytest.param(
        a_pod(init=[a_sidecar(), a_container("one")], restart_policy="Never"),
        observe(a_run("side", exit_code=0)),
        start("side"),
        id="L-158: a sidecar restarts whatever the policy and its code",
    ),
    pytest.param(
        a_pod(init=[a_sidecar(), a_container("one")]),
        observe(a_run("side", exit_code=1), a_run("one")),
        start("side"),
        id="L-158: also while a later init container runs",
    ),
    pytest.param(
        a_pod(init=[a_sidecar("s1"), a_container("one"), a_sidecar("s2")]),
        observe(a_run(), a_run("s1", exit_code=1)),
        start("s1", "s2"),
        id="L-158: after initialization, also one without a record; in spec order",
    ),
    pytest.param(
        a_pod(init=[SLOW_SIDE]),
        observe(a_run("side"), verdicts={(ProbeKind.STARTUP, "side"): Verdict.FAILURE}),
        (kill("side", KillCause.STARTUP, "Init container side failed startup probe"),),
        id="L-158: failed startup",
    ),
    pytest.param(
        a_pod(init=[a_sidecar()]),
        observe(a_run(), a_run("side"), verdicts={(ProbeKind.LIVENESS, "side"): Verdict.FAILURE}),
        (kill("side", KillCause.LIVENESS, "Init container side failed liveness probe"),),
        id="L-158: failed liveness",
    ),
    pytest.param(
        a_pod(init=[a_sidecar()], restart_policy="Never"),
        observe(a_run(exit_code=0), a_run("side")),
        (KillPod(),),
        id="L-100: a sidecar does not keep the pod alive",
    ),
    pytest.param(
        a_pod(init=[a_sidecar("s1"), a_sidecar("s2")], restart_policy="Never"),
        observe(a_run(exit_code=0), a_run("s1"), a_run("s2", exit_code=1)),
        (KillPod(),),
        id="L-100: no sidecar is restarted in a finished pod",
    ),
]

RESTART_ALL = a_container(
    "trigger",
    restart_policy="Never",
    restart_policy_rules=(a_rule("RestartAllContainers", "In", 42),),
)
LATER_LIVES = [
    pytest.param(
        a_pod(a_container(), RESTART_ALL),
        observe(a_run(), a_run("trigger", exit_code=42), verdicts=LIVENESS_FAILED),
        (RestartAllContainers("trigger"),),
        id="L-166: a restart of all containers goes before everything else",
    ),
    pytest.param(
        a_pod(init=[a_container("one")]),
        observe(a_run("one", exit_code=0), a_run(exit_code=137), sandbox_ready=False),
        start("one"),
        id="L-94: a new sandbox begins with the first init container",
    ),
    pytest.param(
        a_pod(a_container("a"), a_container("b"), restart_policy="OnFailure"),
        observe(a_run("a", exit_code=0), a_run("b", exit_code=1), sandbox_ready=False),
        start("b"),
        id="L-94: what succeeded under OnFailure is not run again",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(a_run(exit_code=137), sandbox_ready=False),
        NOTHING,
        id="L-94: a pod under Never that has run gets no new sandbox",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(sandbox_ready=False),
        start("app"),
        id="L-93: its first sandbox",
    ),
]


@pytest.mark.parametrize(
    ("pod", "observed", "actions"), [*REGULAR, *KILLS, *INITIALIZATION, *SIDECARS, *LATER_LIVES]
)
def test_actions(pod: Pod, observed: ObservedPod, actions: tuple[Action, ...]) -> None:
    assert decide(pod, observed) == PodActions(actions)


def test_a_restart_is_held_until_its_back_off_is_over() -> None:  # L-169, L-171
    pod = a_pod(a_container("a"), a_container("b"))
    observed = observe(
        a_run("a", exit_code=1, finished=NOW - 4), a_run("b", exit_code=1, finished=NOW - 1)
    )
    back_off = {"a": BackOffEntry(20, NOW - 60), "b": BackOffEntry(10, NOW - 60)}
    assert decide(pod, observed, back_off) == PodActions(
        (HoldContainer("a", 20, NOW + 16, NOW - 2), HoldContainer("b", 10, NOW + 9, NOW + 1)),
        wake_at=NOW + 1,
    )


def test_a_held_container_does_not_hold_others() -> None:  # L-103
    pod = a_pod(a_container("a"), a_container("b"))
    observed = observe(a_run("a", exit_code=1, finished=NOW))
    assert decide(pod, observed, {"a": BackOffEntry(10, NOW - 5)}) == PodActions(
        (HoldContainer("a", 10, NOW + 10, NOW + 2), StartContainer("b")), wake_at=NOW + 2
    )


def test_back_off_counts_from_the_exit_before_a_start_that_left_no_exit() -> None:
    observed = observe(
        a_run(state=RunState.CREATED, restart_count=1), a_run(exit_code=1, finished=NOW - 2)
    )
    assert decide(a_pod(), observed, {"app": BackOffEntry(10, NOW - 9)}) == PodActions(
        (HoldContainer("app", 10, NOW + 8, NOW),), wake_at=NOW + 8
    )


def test_a_failed_start_is_not_repeated_before_its_time() -> None:
    failure = StartFailure("CreateContainerConfigError", 'secret "s" not found', NOW + 10)
    pod = a_pod(a_container("a"), a_container("b"))
    observed = observe(start_failures={"a": failure})
    assert decide(pod, observed) == PodActions((StartContainer("b"),), wake_at=NOW + 10)
    later = compute_pod_actions(pod, observed, {}, NOW + 10)
    assert later == PodActions((StartContainer("a"), StartContainer("b")))


def test_kills_come_before_starts() -> None:
    pod = a_pod(a_container("a"), a_container("app"), init=[a_sidecar()])
    observed = observe(a_run(), a_run("side", exit_code=1), verdicts=LIVENESS_FAILED)
    message = "Container app failed liveness probe, will be restarted"
    assert decide(pod, observed) == PodActions(
        (kill("app", KillCause.LIVENESS, message), *start("side", "a"))
    )
