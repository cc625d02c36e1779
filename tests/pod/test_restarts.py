"""Which container runs again, and after what delay (L-155 … L-175)."""

from __future__ import annotations

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container
from minikubelet.pod.observed import ContainerRun, RunState, StartFailure
from minikubelet.pod.restarts import (
    BackOffEntry,
    RestartDecision,
    after_start,
    back_off_until,
    could_restart_all,
    crash_loop_message,
    image_pull_back_off,
    restart_all_trigger,
    restart_decision,
    should_start,
)
from tests.pod.builders import a_container, a_pod, a_rule, a_run, a_sidecar, deleted, observe
from tests.random_cases import Draw, any_case

NO, AGAIN, ALL = RestartDecision.NO, RestartDecision.RESTART, RestartDecision.RESTART_ALL
RESTART_ON_42 = (a_rule("Restart", "In", 42),)
RESTART_ALL_ON_42 = (a_rule("RestartAllContainers", "In", 42),)


@pytest.mark.parametrize(
    ("pod_policy", "container", "exit_code", "decision"),
    [
        # L-163: without an own policy, the pod's decides
        pytest.param("Always", a_container(), 0, AGAIN, id="Always restarts after success"),
        pytest.param("Always", a_container(), 1, AGAIN, id="Always restarts after failure"),
        pytest.param("OnFailure", a_container(), 0, NO, id="OnFailure is done after success"),
        pytest.param("OnFailure", a_container(), 1, AGAIN, id="OnFailure restarts after failure"),
        pytest.param("Never", a_container(), 0, NO, id="Never is done after success"),
        pytest.param("Never", a_container(), 1, NO, id="Never is done after failure"),
        # L-165: the container's own policy goes first
        pytest.param(
            "Never", a_container(restart_policy="Always"), 0, AGAIN, id="own Always in a Never pod"
        ),
        pytest.param(
            "Always", a_container(restart_policy="Never"), 1, NO, id="own Never in an Always pod"
        ),
        pytest.param(
            "Always",
            a_container(restart_policy="OnFailure"),
            0,
            NO,
            id="own OnFailure is done after success in an Always pod",
        ),
        # L-163: rules in order, first match
        pytest.param(
            "Never",
            a_container(restart_policy="Never", restart_policy_rules=RESTART_ON_42),
            42,
            AGAIN,
            id="a rule restarts a listed code",
        ),
        pytest.param(
            "Always",
            a_container(restart_policy="Never", restart_policy_rules=RESTART_ON_42),
            1,
            NO,
            id="a code that no rule lists falls to the own policy",
        ),
        pytest.param(
            "Never",
            a_container(
                restart_policy="Never", restart_policy_rules=(a_rule("Restart", "NotIn", 0, 1),)
            ),
            2,
            AGAIN,
            id="NotIn matches codes that are not listed",
        ),
        pytest.param(
            "Never",
            a_container(
                restart_policy="Never", restart_policy_rules=(a_rule("Restart", "NotIn", 0, 1),)
            ),
            1,
            NO,
            id="NotIn does not match a listed code",
        ),
        pytest.param(
            "Never",
            a_container(
                restart_policy="Never",
                restart_policy_rules=(*RESTART_ON_42, *RESTART_ALL_ON_42),
            ),
            42,
            AGAIN,
            id="the first matching rule wins",
        ),
        pytest.param(
            "Never",
            a_container(restart_policy="Never", restart_policy_rules=RESTART_ALL_ON_42),
            42,
            ALL,
            id="a rule restarts all containers",
        ),
        pytest.param(
            "Never",
            a_container(restart_policy_rules=RESTART_ALL_ON_42),
            42,
            NO,
            id="L-164: rules without an own policy are ignored",
        ),
    ],
)
def test_decision_for_a_regular_container(
    pod_policy: str, container: Container, exit_code: int, decision: RestartDecision
) -> None:
    pod = a_pod(container, restart_policy=pod_policy)
    assert restart_decision(pod, container, init=False, exit_code=exit_code) is decision


@pytest.mark.parametrize(
    ("pod_policy", "container", "exit_code", "decision"),
    [
        # L-155
        pytest.param("Always", a_container(), 0, NO, id="an init container that exited 0 is done"),
        pytest.param("Always", a_container(), 1, AGAIN, id="Always acts as OnFailure"),
        pytest.param("OnFailure", a_container(), 1, AGAIN, id="OnFailure retries"),
        pytest.param("Never", a_container(), 1, NO, id="Never fails the pod"),
        pytest.param(
            "Never",
            a_container(restart_policy="OnFailure"),
            1,
            AGAIN,
            id="own OnFailure retries in a Never pod",
        ),
        pytest.param(
            "Always",
            a_container(restart_policy="Never", restart_policy_rules=(a_rule("Restart", "In", 0),)),
            0,
            NO,
            id="no rule runs a finished init container again",
        ),
        # L-158
        pytest.param("Never", a_sidecar(), 0, AGAIN, id="a sidecar restarts after success"),
        pytest.param("Never", a_sidecar(), 1, AGAIN, id="a sidecar restarts after failure"),
        pytest.param(
            "Never",
            a_sidecar(restart_policy_rules=RESTART_ALL_ON_42),
            42,
            ALL,
            id="a sidecar's rule restarts all containers",
        ),
    ],
)
def test_decision_for_an_init_container(
    pod_policy: str, container: Container, exit_code: int, decision: RestartDecision
) -> None:
    pod = a_pod(init=[container], restart_policy=pod_policy)
    assert restart_decision(pod, container, init=True, exit_code=exit_code) is decision


@pytest.mark.parametrize(
    ("pod_policy", "run", "start"),
    [
        # L-162
        pytest.param("Never", None, True, id="a container that never ran starts"),
        pytest.param("Never", a_run(), False, id="a running one does not"),
        pytest.param("Never", a_run(state=RunState.CREATED), True, id="a created one does"),
        pytest.param("Never", a_run(state=RunState.UNKNOWN), True, id="an unknown one does"),
        pytest.param("Never", a_run(exit_code=1), False, id="an exited one by its exit code"),
        # L-98, P-153
        pytest.param(
            "OnFailure",
            a_run(exit_code=0, killed_for=KillCause.LIVENESS),
            True,
            id="OnFailure restarts after a probe kill though the code is 0",
        ),
        pytest.param(
            "Never",
            a_run(exit_code=137, killed_for=KillCause.STARTUP),
            False,
            id="Never stays down after a probe kill",
        ),
        pytest.param(
            "Never",
            a_run(exit_code=143, killed_for=KillCause.DEFINITION_CHANGED),
            True,
            id="a changed definition restarts whatever the policy",
        ),
        pytest.param(
            "Never",
            a_run(exit_code=0, killed_for=KillCause.RESIZED),
            True,
            id="L-257: so do other resources, if their resizePolicy says so",
        ),
        pytest.param(
            "Never",
            a_run(exit_code=137, killed_for=KillCause.UNKNOWN_STATE),
            True,
            id="L-97: so does a kill in unknown state",
        ),
        pytest.param(
            "OnFailure",
            a_run(exit_code=0, killed_for=KillCause.POST_START_HOOK),
            False,
            id="L-186: after a failed hook the exit code decides",
        ),
    ],
)
def test_should_start(pod_policy: str, run: ContainerRun | None, start: bool) -> None:
    pod = a_pod(restart_policy=pod_policy)
    assert should_start(pod, pod.spec.containers[0], run, init=False) is start


def test_nothing_starts_in_a_pod_that_is_being_deleted() -> None:
    pod = deleted(a_pod())
    assert should_start(pod, pod.spec.containers[0], None, init=False) is False


def test_restart_all_is_triggered_by_the_newest_exit_only() -> None:  # L-166
    trigger = a_container("b", restart_policy="Never", restart_policy_rules=RESTART_ALL_ON_42)
    pod = a_pod(a_container("a"), trigger)
    assert could_restart_all(pod)
    assert restart_all_trigger(pod, observe(a_run("a"), a_run("b", exit_code=42))) == "b"
    again = observe(a_run("a"), a_run("b", restart_count=1), a_run("b", exit_code=42))
    assert restart_all_trigger(pod, again) is None


def test_back_off_message() -> None:  # section 8
    assert crash_loop_message("app", a_pod(), 80) == (
        "back-off 1m20s restarting failed container=app pod=web_default(uid-1)"
    )


def crash_at_once(times: int) -> list[float]:
    """The waits of a container that exits in the moment of each start."""
    entry: BackOffEntry | None = None
    now = 0.0
    waits = []
    for _ in range(times):
        finished = now
        until = back_off_until(entry, finished, now)
        now = finished if until is None else until
        assert back_off_until(entry, finished, now) is None
        waits.append(now - finished)
        entry = after_start(entry, finished, now)
    return waits


def test_waits_of_a_crash_loop() -> None:  # L-170
    assert crash_at_once(9) == [0, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize(
    ("entry", "finished", "now", "until"),
    [
        # L-169
        pytest.param(None, 5.0, 5.0, None, id="no entry, no back-off"),
        pytest.param(BackOffEntry(10, 0), None, 5.0, None, id="no exited instance, no back-off"),
        pytest.param(BackOffEntry(10, 0), 5.0, 5.0, 15.0, id="it counts from the exit"),
        pytest.param(BackOffEntry(10, 0), 5.0, 14.9, 15.0, id="held until just before its end"),
        pytest.param(BackOffEntry(10, 0), 5.0, 15.0, None, id="over exactly at its end"),
        # L-173
        pytest.param(BackOffEntry(300, 0), 590.0, 595.0, 600.0, id="600 s after the start it ends"),
        pytest.param(BackOffEntry(300, 0), 590.0, 600.0, None, id="also while it holds"),
        pytest.param(BackOffEntry(300, 0), 600.1, 600.1, None, id="L-173: a longer run resets it"),
    ],
)
def test_back_off_until(
    entry: BackOffEntry | None, finished: float | None, now: float, until: float | None
) -> None:
    assert back_off_until(entry, finished, now) == until


@pytest.mark.parametrize(
    ("entry", "finished", "after"),
    [
        pytest.param(None, 90.0, BackOffEntry(10, 100.0), id="the first restart begins with 10 s"),
        pytest.param(BackOffEntry(10, 80.0), 85.0, BackOffEntry(20, 100.0), id="then it doubles"),
        pytest.param(BackOffEntry(160, 0.0), 5.0, BackOffEntry(300, 100.0), id="at most 300 s"),
        pytest.param(
            BackOffEntry(300, -520.0), 90.0, BackOffEntry(10, 100.0), id="L-173: it begins anew"
        ),
        pytest.param(
            BackOffEntry(300, -500.0),
            90.0,
            BackOffEntry(10, 100.0),
            id="L-173: housekeeping drops an entry that holds",
        ),
        pytest.param(
            BackOffEntry(300, -500.0), -200.0, BackOffEntry(300, 100.0), id="it was over in time"
        ),
    ],
)
def test_after_start(entry: BackOffEntry | None, finished: float, after: BackOffEntry) -> None:
    assert after_start(entry, finished, 100.0) == after


def test_a_small_maximum_is_also_the_initial_delay() -> None:  # L-174
    first = after_start(None, 0, 0, maximum_seconds=5)
    assert first == BackOffEntry(5, 0)
    assert after_start(first, 1, 6, maximum_seconds=5) == BackOffEntry(5, 6)


def test_image_pull_back_off() -> None:  # section 8
    failure, entry = image_pull_back_off("ghost:1", "no local command", None, 100.0)
    text = 'Back-off pulling image "ghost:1": ErrImagePull: no local command'
    assert failure == StartFailure("ImagePullBackOff", text, retry_at=110.0)
    delays = [entry.delay_seconds]
    now = 110.0
    for _ in range(6):
        failure, entry = image_pull_back_off("ghost:1", "no local command", entry, now)
        assert failure.retry_at is not None
        delays.append(failure.retry_at - now)
        now = failure.retry_at
    assert delays == [10, 20, 40, 80, 160, 300, 300]


class BackOffModel:
    """L-169, L-173 in other words: restarts in a row, of which one may be forgotten."""

    def __init__(self) -> None:
        self.streak = 0
        """How many restarts led here, none of them more than 600 s before the next."""
        self.last = 0.0

    def wait(self) -> float:
        return min(300.0, 10.0 * (1 << (self.streak - 1)))

    def free_at(self, finished: float) -> float:
        if self.streak == 0 or finished - self.last > 600:
            return finished
        return min(finished + self.wait(), self.last + 600)

    def restart(self, finished: float, now: float) -> None:
        if self.streak:
            since = now - self.last
            forgotten = since > 600 or (since == 600 and finished + self.wait() > now)
            self.streak = 0 if forgotten else self.streak
        self.streak, self.last = self.streak + 1, now


def a_life(draw: Draw) -> list[tuple[int, int]]:
    return [(_ran(draw), draw.flag() * draw.number(0, 400)) for _ in draw.times(12)]


def _ran(draw: Draw) -> int:
    return draw.number(0, 700) if draw.flag() else draw.one_of((0, 1, 599, 600, 601, 1200))


@any_case(a_life, cases=20_000)
def test_back_off_agrees_with_the_model(life: list[tuple[int, int]]) -> None:
    """Each step is a run of some length, and some lateness of the look after the back-off."""
    model = BackOffModel()
    entry: BackOffEntry | None = None
    now = 0.0
    for ran, late in life:
        finished = now + ran
        free = model.free_at(finished)
        held = back_off_until(entry, finished, finished)
        assert (finished if held is None else held) == free
        now = free + late
        assert back_off_until(entry, finished, now) is None
        entry = after_start(entry, finished, now)
        model.restart(finished, now)
