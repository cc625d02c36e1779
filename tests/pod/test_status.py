"""What is final, held back, kept and refused (L-216 … L-220, L-226 … L-228, L-236 … L-240)."""

from __future__ import annotations

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, Pod
from minikubelet.pod.final_status import final_status
from minikubelet.pod.observed import ContainerRun, StartFailure
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    QOSClass,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.status import StatusOverride, compute_status
from tests.pod.builders import (
    a_container,
    a_pod,
    a_rule,
    a_run,
    a_sidecar,
    at,
    container_id,
    observe,
)

PENDING, RUNNING = PodPhase.PENDING, PodPhase.RUNNING
SUCCEEDED, FAILED = PodPhase.SUCCEEDED, PodPhase.FAILED
DEADLINE = StatusOverride(FAILED, "DeadlineExceeded", "Pod was active too long")
SHUTDOWN = StatusOverride(
    FAILED, "Terminated", "Pod was terminated.", disruption=True, spares_success=True
)
UNKNOWN = Terminated(
    137,
    "ContainerStatusUnknown",
    "The container could not be located when the pod was terminated",
)
STATIC = {"annotations": {"kubernetes.io/config.source": "file"}}


def reasons(status: PodStatus) -> tuple[PodPhase, str, str]:
    return status.phase, status.reason, status.message


def ready(status: PodStatus) -> PodCondition:
    found = status.condition("Ready")
    assert found is not None
    return found


def test_the_whole_status_of_a_running_pod() -> None:
    pod = a_pod(metadata={"generation": 3})
    first = compute_status(pod, observe(), None, at(0), host_ip="10.0.0.1", pod_ip="10.0.0.2")
    status = compute_status(
        pod, observe(a_run(started=2)), first, at(5), host_ip="10.0.0.1", pod_ip="10.0.0.2"
    )
    app = ContainerStatus(
        "app",
        Running(at(2)),
        ready=True,
        started=True,
        image="busybox",
        container_id=container_id("app"),
    )
    assert status == PodStatus(
        phase=RUNNING,
        conditions=(
            PodCondition("PodReadyToStartContainers", "True", "", "", at(0), 3),
            PodCondition("Initialized", "True", "", "", at(0), 3),
            PodCondition("Ready", "True", "", "", at(5), 3),
            PodCondition("ContainersReady", "True", "", "", at(5), 3),
            PodCondition("PodScheduled", "True", "", "", at(0), 3),
        ),
        container_statuses=(app,),
        start_time=at(0),  # L-216
        qos_class=QOSClass.BEST_EFFORT,
        host_ip="10.0.0.1",
        pod_ip="10.0.0.2",
        observed_generation=3,
    )


def test_a_pod_with_scheduling_gates() -> None:  # L-73
    pod = a_pod(scheduling_gates=("x.io/wait",))
    assert compute_status(pod, observe(), None, at(0), host_ip="10.0.0.1") == PodStatus(
        conditions=(
            PodCondition(
                "PodScheduled",
                "False",
                "SchedulingGated",
                "Scheduling is blocked due to non-empty scheduling gates",
                at(0),
                1,
            ),
        ),
        qos_class=QOSClass.BEST_EFFORT,
        observed_generation=1,
    )


# --- phases across two statuses


@pytest.mark.parametrize("final", [SUCCEEDED, FAILED])
def test_a_terminal_phase_is_final(final: PodPhase) -> None:  # L-226
    previous = PodStatus(phase=final, reason="Done", message="it is")
    status = compute_status(a_pod(), observe(a_run()), previous, at(1), override=DEADLINE)
    assert reasons(status) == (final, "Done", "it is")
    assert ready(status).status == "False"  # L-236


def test_a_terminal_phase_is_held_back_while_something_runs() -> None:  # L-227
    pod = a_pod(init=[a_sidecar(), a_container("i")], restart_policy="Never")
    failed_init = a_run("i", exit_code=1)
    previous = PodStatus(phase=PENDING, reason="Old", message="kept")
    held = compute_status(pod, observe(a_run("side"), failed_init), previous, at(1))
    assert reasons(held) == (PENDING, "Old", "kept")
    ended = compute_status(pod, observe(a_run("side", exit_code=0), failed_init), held, at(2))
    assert reasons(ended) == (FAILED, "", "")


def test_an_override_shows_when_everything_has_stopped() -> None:  # L-227, L-251
    pod = a_pod()
    stopping = compute_status(pod, observe(a_run()), None, at(1), override=DEADLINE)
    assert reasons(stopping) == (PENDING, "", "")
    stopped = compute_status(
        pod, observe(a_run(exit_code=143)), stopping, at(2), terminated=True, override=DEADLINE
    )
    assert reasons(stopped) == (FAILED, "DeadlineExceeded", "Pod was active too long")
    assert ready(stopped) == PodCondition("Ready", "False", "PodFailed", "", at(1), 1)


def test_a_deadline_is_exceeded_also_by_a_pod_that_stops_with_success() -> None:  # L-251
    stopped = compute_status(
        a_pod(), observe(a_run(exit_code=0)), None, at(1), terminated=True, override=DEADLINE
    )
    assert reasons(stopped) == (FAILED, "DeadlineExceeded", "Pod was active too long")


def test_a_pod_that_succeeded_is_not_overridden_by_a_shutdown() -> None:  # L-249
    status = compute_status(
        a_pod(), observe(a_run(exit_code=0)), None, at(1), terminated=True, override=SHUTDOWN
    )
    assert reasons(status) == (SUCCEEDED, "", "")
    assert status.condition("DisruptionTarget") is None


def test_disruption_is_told_with_the_terminal_phase() -> None:  # L-237
    pod = a_pod()
    stopping = compute_status(pod, observe(a_run()), None, at(1), override=SHUTDOWN)
    assert stopping.condition("DisruptionTarget") is None
    stopped = compute_status(
        pod, observe(a_run(exit_code=143)), stopping, at(2), terminated=True, override=SHUTDOWN
    )
    told = PodCondition(
        "DisruptionTarget", "True", "TerminationByKubelet", "Pod was terminated.", at(2), 1
    )
    assert stopped.condition("DisruptionTarget") == told
    later = compute_status(
        pod, observe(a_run(exit_code=143)), stopped, at(3), terminated=True, override=SHUTDOWN
    )
    assert later.condition("DisruptionTarget") == told


def test_disruption_is_not_told_of_a_pod_that_had_ended() -> None:  # L-237
    previous = PodStatus(phase=FAILED, reason="Evicted", message="too big")
    status = compute_status(
        a_pod(), observe(a_run(exit_code=1)), previous, at(1), terminated=True, override=SHUTDOWN
    )
    assert reasons(status) == (FAILED, "Evicted", "too big")
    assert status.condition("DisruptionTarget") is None


def test_a_terminated_pod_waits_for_no_restart() -> None:  # L-247
    failures = {"app": StartFailure("CrashLoopBackOff")}
    crashed = observe(a_run(exit_code=1), start_failures=failures)
    held = compute_status(a_pod(), crashed, None, at(1))
    assert held.container_statuses[0].state == Waiting("CrashLoopBackOff")
    stopped = compute_status(a_pod(), crashed, held, at(2), terminated=True, override=DEADLINE)
    assert isinstance(stopped.container_statuses[0].state, Terminated)


def test_reason_and_message_last_as_long_as_the_phase() -> None:  # L-228
    previous = PodStatus(phase=RUNNING, reason="Why", message="so")
    assert reasons(compute_status(a_pod(), observe(a_run()), previous, at(1))) == (
        RUNNING,
        "Why",
        "so",
    )
    assert reasons(compute_status(a_pod(), observe(), previous, at(1))) == (PENDING, "", "")


def test_a_terminated_pod_has_no_sandbox() -> None:  # L-229
    status = compute_status(a_pod(), observe(a_run(exit_code=0)), None, at(1), terminated=True)
    assert status.condition("PodReadyToStartContainers") == PodCondition(
        "PodReadyToStartContainers", "False", "", "", at(1), 1
    )


def test_the_sandbox_comes_after_the_volumes_and_stays() -> None:  # L-90, L-104, L-229
    def sandbox(previous: PodStatus | None, *, volumes_ready: bool) -> tuple[PodStatus, str]:
        status = compute_status(a_pod(), observe(), previous, at(1), volumes_ready=volumes_ready)
        condition = status.condition("PodReadyToStartContainers")
        assert condition is not None
        return status, condition.status

    waiting, before = sandbox(None, volumes_ready=False)
    made, after = sandbox(waiting, volumes_ready=True)
    _, with_a_new_daemon = sandbox(made, volumes_ready=False)
    assert (before, after, with_a_new_daemon) == ("False", "True", "True")


@pytest.mark.parametrize(
    ("pod", "run"),
    [
        pytest.param(
            a_pod(restart_policy="OnFailure"),
            a_run(exit_code=0, killed_for=KillCause.LIVENESS),
            id="P-153: killed for its probe, exit 0, policy OnFailure",
        ),
        pytest.param(
            a_pod(restart_policy="Never"),
            a_run(exit_code=143, killed_for=KillCause.DEFINITION_CHANGED),
            id="L-98: a changed definition, policy Never",
        ),
    ],
)
def test_a_container_that_will_run_again_keeps_its_pod_running(pod: Pod, run: ContainerRun) -> None:
    killed = compute_status(pod, observe(run), None, at(1))
    assert killed.phase is RUNNING
    again = compute_status(pod, observe(a_run(restart_count=1), run), killed, at(2))
    assert again.container_statuses[0].state == Running(at(0))


# --- refused transitions (L-220)

ALL_ON_1 = a_container(
    restart_policy="Never", restart_policy_rules=(a_rule("RestartAllContainers", "In", 1),)
)


@pytest.mark.parametrize(
    ("container", "policy", "exit_code", "allowed"),
    [
        pytest.param(a_container(), "Always", 0, True, id="Always"),
        pytest.param(a_container(), "OnFailure", 1, True, id="OnFailure after a failure"),
        pytest.param(a_container(), "OnFailure", 0, False, id="OnFailure after success"),
        pytest.param(a_container(), "Never", 1, False, id="Never"),
        pytest.param(a_container(restart_policy="Always"), "Never", 0, True, id="its own policy"),
        pytest.param(ALL_ON_1, "Never", 0, True, id="a rule may restart all containers"),
    ],
)
def test_leaving_the_terminated_state(
    container: Container, policy: str, exit_code: int, allowed: bool
) -> None:
    pod = a_pod(container, a_container("b"), restart_policy=policy)
    before = compute_status(pod, observe(a_run(exit_code=exit_code), a_run("b")), None, at(1))
    after = compute_status(pod, observe(a_run(restart_count=1), a_run("b")), before, at(2))
    if allowed:
        assert isinstance(after.container_statuses[0].state, Running)
    else:
        assert after == before


# --- restart of all containers


def test_a_restart_of_all_keeps_the_pod_running() -> None:  # L-166
    pod = a_pod(ALL_ON_1, a_container("b"), init=[a_container("i")], restart_policy="Never")
    done = a_run("i", exit_code=0)
    running = compute_status(pod, observe(a_run(), a_run("b"), done), None, at(1))
    exited = compute_status(pod, observe(a_run(exit_code=1), a_run("b"), done), running, at(2))
    killed = observe(a_run(exit_code=1), a_run("b", exit_code=137), done)
    stopping = compute_status(pod, killed, exited, at(3))
    removed = compute_status(pod, observe(), stopping, at(4))
    anew = compute_status(pod, observe(a_run("i", restart_count=1)), removed, at(5))
    history = [running, exited, stopping, removed, anew]
    assert [status.phase for status in history] == [RUNNING] * 4 + [PENDING]
    restarting = [status.condition("AllContainersRestarting") for status in history]
    assert [c.status for c in restarting if c] == ["False", "True", "True", "False", "False"]
    assert {s.name: s.restart_count for s in removed.container_statuses} == {"app": 1, "b": 1}


# --- final status (L-240)


def test_final_status_of_a_pod_that_never_started() -> None:
    pod = a_pod()
    waiting = compute_status(pod, observe(), None, at(1), terminated=True)
    final = final_status(pod, waiting, at(2))
    assert final.phase is FAILED
    assert [entry.state for entry in final.container_statuses] == [UNKNOWN]
    assert ready(final) == PodCondition("Ready", "False", "PodFailed", "", at(1), 1)


@pytest.mark.parametrize(
    ("init_exit_codes", "init_states", "app_state"),
    [
        pytest.param([], ["unknown", "waiting"], "waiting", id="nothing started: the first counts"),
        pytest.param([1], ["terminated", "waiting"], "waiting", id="up to the last that started"),
        pytest.param([0], ["terminated", "waiting"], "waiting", id="the second never started"),
        pytest.param([0, 0], ["terminated", "terminated"], "unknown", id="it was initialized"),
    ],
)
def test_final_status_during_initialization(
    init_exit_codes: list[int], init_states: list[str], app_state: str
) -> None:
    def word(entry: ContainerStatus) -> str:
        if entry.state == UNKNOWN:
            return "unknown"
        return "waiting" if isinstance(entry.state, Waiting) else "terminated"

    pod = a_pod(init=[a_container("i0"), a_container("i1")])
    runs = [a_run(f"i{n}", exit_code=code) for n, code in enumerate(init_exit_codes)]
    final = final_status(
        pod, compute_status(pod, observe(*runs), None, at(1), terminated=True), at(2)
    )
    assert [word(entry) for entry in final.init_container_statuses] == init_states
    assert [word(entry) for entry in final.container_statuses] == [app_state]
    assert final.phase is FAILED


def test_final_status_keeps_what_is_known() -> None:
    pod = a_pod(restart_policy="Never")
    done = compute_status(pod, observe(a_run(exit_code=0)), None, at(1), terminated=True)
    assert final_status(pod, done, at(2)) == done


def test_final_status_does_not_force_a_static_pod() -> None:
    pod = a_pod(metadata=STATIC)
    stopped = compute_status(pod, observe(a_run(exit_code=143)), None, at(1), terminated=True)
    assert final_status(pod, stopped, at(2)).phase is RUNNING


def test_a_sidecar_that_runs_has_initialized_the_pod() -> None:
    pod = a_pod(init=[a_sidecar()])
    up = compute_status(pod, observe(a_run("side")), None, at(1))
    final = final_status(pod, up, at(2))
    states = [entry.state for entry in (*final.init_container_statuses, *final.container_statuses)]
    assert states == [UNKNOWN, UNKNOWN]
