"""The situations of a pod's life and what is shown of them (lifecycle spec, section 29)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.observed import ObservedPod, StartFailure, Verdict
from minikubelet.pod.pod_status import (
    ContainerState,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.printer import PodColumns, pod_columns
from minikubelet.pod.status import StatusOverride, compute_status
from tests.pod.builders import a_container, a_pod, a_probe, a_run, at, deleted, observe

NOW = at(60)


@dataclass(frozen=True, slots=True)
class Shown:
    """What people look at; states read `waiting X`, `running`, `terminated 1 X`."""

    phase: str
    app: str
    ready: str
    """Status and reason of the Ready condition."""
    status: str
    columns: str = "0/1"
    init: str = ""
    initialized: str = "True"


def word(state: ContainerState) -> str:
    match state:
        case Waiting(reason):
            return f"waiting {reason}"
        case Running():
            return "running"
        case Terminated(exit_code, reason):
            return f"terminated {exit_code} {reason}"


def condition(status: PodStatus, type_: str) -> str:
    found = status.condition(type_)
    return f"{found.status} {found.reason}".strip() if found else ""


def shown(pod: Pod, status: PodStatus) -> Shown:
    app, init = status.container("app"), status.container("init")
    columns = pod_columns(pod, status, NOW)
    return Shown(
        phase=status.phase,
        app=word(app.state) if app else "",
        ready=condition(status, "Ready"),
        status=columns.status,
        columns=columns.ready,
        init=word(init.state) if init else "",
        initialized=condition(status, "Initialized"),
    )


def failing(reason: str, name: str = "app") -> dict[str, StartFailure]:
    return {name: StartFailure(reason)}


UNREADY = "False ContainersNotReady"
NOT_INITIALIZED = "False ContainersNotInitialized"
INITIALIZING = a_pod(init=[a_container("init"), a_container("second")])
ONE_INIT = a_pod(init=[a_container("init")])
TWO = (a_container("app"), a_container("b"))
PROBED = a_pod(a_container(readiness_probe=a_probe(ProbeKind.READINESS)))

SCENARIOS = [
    pytest.param(
        a_pod(),
        observe(),
        Shown("Pending", "waiting ContainerCreating", UNREADY, "ContainerCreating"),
        id="accepted, nothing started",
    ),
    pytest.param(
        a_pod(),
        observe(start_failures=failing("CreateContainerConfigError")),
        Shown(
            "Pending", "waiting CreateContainerConfigError", UNREADY, "CreateContainerConfigError"
        ),
        id="missing ConfigMap for env",
    ),
    pytest.param(
        a_pod(),
        observe(
            a_run(exit_code=128, reason="StartError"), start_failures=failing("RunContainerError")
        ),
        Shown("Running", "waiting RunContainerError", UNREADY, "RunContainerError"),
        id="executable not found, policy Always",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(
            a_run(exit_code=128, reason="StartError"), start_failures=failing("RunContainerError")
        ),
        Shown("Failed", "terminated 128 StartError", "False PodFailed", "StartError"),
        id="executable not found, policy Never",
    ),
    pytest.param(
        INITIALIZING,
        observe(a_run("init")),
        Shown(
            "Pending",
            "waiting PodInitializing",
            UNREADY,
            "Init:0/2",
            init="running",
            initialized=NOT_INITIALIZED,
        ),
        id="init 1 of 2 running",
    ),
    pytest.param(
        ONE_INIT,
        observe(a_run("init", exit_code=1), start_failures=failing("CrashLoopBackOff", "init")),
        Shown(
            "Pending",
            "waiting PodInitializing",
            UNREADY,
            "Init:CrashLoopBackOff",
            init="waiting CrashLoopBackOff",
            initialized=NOT_INITIALIZED,
        ),
        id="init failing, policy Always",
    ),
    pytest.param(
        ONE_INIT,
        observe(a_run("init", exit_code=1)),
        Shown(
            "Pending",
            "waiting PodInitializing",
            UNREADY,
            "Init:Error",
            init="terminated 1 Error",
            initialized=NOT_INITIALIZED,
        ),
        id="init just failed, before retry",
    ),
    pytest.param(
        a_pod(init=[a_container("init")], restart_policy="Never"),
        observe(a_run("init", exit_code=1)),
        Shown(
            "Failed",
            "waiting PodInitializing",
            "False PodFailed",
            "Init:Error",
            init="terminated 1 Error",
            initialized=NOT_INITIALIZED,
        ),
        id="init failed, policy Never",
    ),
    pytest.param(
        ONE_INIT,
        observe(a_run("init", exit_code=0)),
        Shown(
            "Pending",
            "waiting PodInitializing",
            UNREADY,
            "PodInitializing",
            init="terminated 0 Completed",
        ),
        id="init done, app not started",
    ),
    pytest.param(
        a_pod(),
        observe(a_run()),
        Shown("Running", "running", "True", "Running", "1/1"),
        id="running, no probe",
    ),
    pytest.param(
        PROBED,
        observe(a_run(), verdicts={(ProbeKind.READINESS, "app"): Verdict.SUCCESS}),
        Shown("Running", "running", "True", "Running", "1/1"),
        id="running and ready",
    ),
    pytest.param(
        PROBED,
        observe(a_run(), verdicts={(ProbeKind.READINESS, "app"): Verdict.FAILURE}),
        Shown("Running", "running", UNREADY, "Running"),
        id="running, readiness failing",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(exit_code=1)),
        Shown("Running", "terminated 1 Error", UNREADY, "Error"),
        id="crashed, policy Always, before the restart",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(exit_code=1), start_failures=failing("CrashLoopBackOff")),
        Shown("Running", "waiting CrashLoopBackOff", UNREADY, "CrashLoopBackOff"),
        id="in back-off",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(exit_code=0)),
        Shown("Running", "terminated 0 Completed", UNREADY, "Completed"),
        id="exit 0, policy Always, before the restart",
    ),
    pytest.param(
        a_pod(restart_policy="OnFailure"),
        observe(a_run(exit_code=0)),
        Shown(
            "Succeeded",
            "terminated 0 Completed",
            "False PodCompleted",
            "Completed",
            initialized="True PodCompleted",
        ),
        id="exit 0, policy OnFailure",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(a_run(exit_code=1)),
        Shown("Failed", "terminated 1 Error", "False PodFailed", "Error"),
        id="exit 1, policy Never",
    ),
    pytest.param(
        a_pod(*TWO, restart_policy="Never"),
        observe(a_run(exit_code=0), a_run("b")),
        Shown("Running", "terminated 0 Completed", UNREADY, "NotReady", "1/2"),
        id="two containers, one done, one running",
    ),
    pytest.param(
        a_pod(*TWO, restart_policy="Never"),
        observe(a_run(exit_code=1), a_run("b")),
        Shown("Running", "terminated 1 Error", UNREADY, "Error", "1/2"),
        id="two containers, one failed, one running",
    ),
    pytest.param(
        deleted(a_pod()),
        observe(a_run()),
        Shown("Running", "running", "True", "Terminating", "1/1"),
        id="deleted, still stopping",
    ),
]


@pytest.mark.parametrize(("pod", "observed", "expected"), SCENARIOS)
def test_scenario(pod: Pod, observed: ObservedPod, expected: Shown) -> None:
    assert shown(pod, compute_status(pod, observed, None, NOW)) == expected


@pytest.mark.parametrize("reason", ["DeadlineExceeded", "Evicted"])
def test_killed_for_a_reason(reason: str) -> None:
    pod = a_pod()
    status = compute_status(
        pod,
        observe(a_run(exit_code=143)),
        None,
        NOW,
        terminated=True,
        override=StatusOverride(PodPhase.FAILED, reason, "why"),
    )
    assert (status.reason, status.message) == (reason, "why")
    assert shown(pod, status) == Shown("Failed", "terminated 143 Error", "False PodFailed", "Error")


@pytest.mark.parametrize("reason", ["NodeAffinity", "Evicted"])
def test_ended_without_statuses(reason: str) -> None:
    status = PodStatus(phase=PodPhase.FAILED, reason=reason)
    assert pod_columns(a_pod(), status, NOW) == PodColumns("0/1", reason, "0")


def test_the_visible_sequence_of_a_crash() -> None:  # L-207, L-208
    pod = a_pod()
    crashed = a_run(exit_code=1)
    steps = [
        observe(a_run()),
        observe(crashed),
        observe(crashed, start_failures=failing("CrashLoopBackOff")),
        observe(a_run(restart_count=1), crashed),
    ]
    status: PodStatus | None = None
    seen = []
    for step in steps:
        status = compute_status(pod, step, status, NOW)
        app = status.container_statuses[0]
        last = word(app.last_state) if app.last_state else ""
        seen.append((word(app.state), last, app.restart_count))
    assert seen == [
        ("running", "", 0),
        ("terminated 1 Error", "", 0),
        ("waiting CrashLoopBackOff", "terminated 1 Error", 0),
        ("running", "terminated 1 Error", 1),
    ]
