"""READY, STATUS, RESTARTS and ages as kubectl prints them (L-275 … L-283)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import Pod
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
from minikubelet.pod.printer import PodColumns, age_text, pod_columns, readiness_gates_column
from tests.pod.builders import START, a_container, a_pod, a_sidecar, at, deleted

NOW = at(600)
UP = Running(START)


def entry(
    name: str,
    state: ContainerState,
    *,
    ready: bool = False,
    started: bool = False,
    restarts: int = 0,
    ended: float | None = None,
) -> ContainerStatus:
    last = None if ended is None else Terminated(1, "Error", finished_at=at(ended))
    return ContainerStatus(name, state, last, ready, started, restarts)


def columns(
    pod: Pod,
    *regular: ContainerStatus,
    init: tuple[ContainerStatus, ...] = (),
    phase: PodPhase = PodPhase.RUNNING,
    reason: str = "",
    conditions: tuple[PodCondition, ...] = (),
) -> PodColumns:
    status = PodStatus(phase, reason, "", conditions, init, regular)
    return pod_columns(pod, status, NOW)


ONE = a_pod(a_container("a"))
TWO = a_pod(a_container("a"), a_container("b"))
READY_A = entry("a", UP, ready=True)
READY = (PodCondition("Ready", "True"),)
INITIALIZED = (PodCondition("Initialized", "True"),)


@pytest.mark.parametrize(
    ("found", "ready_status"),
    [
        # L-275
        pytest.param(columns(ONE, phase=PodPhase.PENDING), ("0/1", "Pending"), id="the phase"),
        pytest.param(columns(ONE, phase=PodPhase.UNKNOWN), ("0/1", "Unknown"), id="an odd phase"),
        pytest.param(
            columns(ONE, phase=PodPhase.FAILED, reason="Evicted"),
            ("0/1", "Evicted"),
            id="the reason goes before the phase",
        ),
        pytest.param(
            columns(
                ONE,
                phase=PodPhase.PENDING,
                reason="Other",
                conditions=(PodCondition("PodScheduled", "False", "SchedulingGated"),),
            ),
            ("0/1", "SchedulingGated"),
            id="L-73: gated",
        ),
        # L-278
        pytest.param(columns(ONE, READY_A), ("1/1", "Running"), id="running and ready"),
        pytest.param(columns(ONE, entry("a", UP)), ("0/1", "Running"), id="running, not ready"),
        pytest.param(
            columns(ONE, entry("a", Waiting(), ready=True)),
            ("0/1", "Running"),
            id="L-276: ready counts only while it runs",
        ),
        pytest.param(
            columns(TWO, READY_A, entry("b", Waiting("ImagePullBackOff"))),
            ("1/2", "ImagePullBackOff"),
            id="a waiting reason",
        ),
        pytest.param(
            columns(TWO, entry("a", Terminated(1, "Error")), entry("b", Waiting("Creating"))),
            ("0/2", "Error"),
            id="the first in list order wins",
        ),
        pytest.param(
            columns(ONE, entry("a", Terminated(137, signal=9))),
            ("0/1", "Signal:9"),
            id="a signal without a reason",
        ),
        pytest.param(
            columns(ONE, entry("a", Terminated(3))), ("0/1", "ExitCode:3"), id="only an exit code"
        ),
        # L-279
        pytest.param(
            columns(ONE, entry("a", Terminated(0, "Completed"))),
            ("0/1", "Completed"),
            id="completed",
        ),
        pytest.param(
            columns(
                TWO,
                entry("a", Terminated(0, "Completed")),
                entry("b", UP, ready=True),
                conditions=READY,
            ),
            ("1/2", "Running"),
            id="one completed, one runs, the pod is ready",
        ),
        pytest.param(
            columns(TWO, entry("a", Terminated(0, "Completed")), entry("b", UP, ready=True)),
            ("1/2", "NotReady"),
            id="one completed, one runs, the pod is not ready",
        ),
        pytest.param(
            columns(
                TWO, entry("a", Terminated(0, "Completed")), entry("b", Terminated(2, "OOMKilled"))
            ),
            ("0/2", "OOMKilled"),
            id="an error is remembered",
        ),
        # L-280
        pytest.param(columns(deleted(ONE), READY_A), ("1/1", "Terminating"), id="terminating"),
        pytest.param(
            columns(deleted(ONE), READY_A, reason="NodeLost"), ("1/1", "Unknown"), id="node lost"
        ),
        pytest.param(
            columns(deleted(ONE), entry("a", Terminated(1, "Error")), phase=PodPhase.FAILED),
            ("0/1", "Error"),
            id="deleted, but finished",
        ),
    ],
)
def test_regular_containers(found: PodColumns, ready_status: tuple[str, str]) -> None:
    assert (found.ready, found.status) == ready_status


INIT = a_pod(a_container("a"), init=[a_container("i"), a_sidecar("s"), a_container("j")])
DONE = entry("i", Terminated(0, "Completed"), ready=True)
SIDE = entry("s", UP, ready=True, started=True)
WAITS = entry("a", Waiting("PodInitializing"))


@pytest.mark.parametrize(
    ("init", "ready_status"),
    [
        # L-277
        pytest.param([entry("i", UP)], ("0/2", "Init:0/3"), id="the first runs"),
        pytest.param([DONE, entry("s", UP)], ("0/2", "Init:1/3"), id="the sidecar starts"),
        pytest.param([DONE, SIDE, entry("j", UP)], ("1/2", "Init:2/3"), id="the last one runs"),
        pytest.param(
            [DONE, entry("s", UP, started=True), entry("j", UP)],
            ("0/2", "Init:2/3"),
            id="a started sidecar that is not ready",
        ),
        pytest.param(
            [entry("i", Waiting("PodInitializing")), entry("s", Waiting("Other"))],
            ("0/2", "Init:0/3"),
            id="the walk ends at the first that is not done",
        ),
        pytest.param(
            [entry("i", Waiting("CrashLoopBackOff"))],
            ("0/2", "Init:CrashLoopBackOff"),
            id="in back-off",
        ),
        pytest.param([entry("i", Terminated(1, "Error"))], ("0/2", "Init:Error"), id="failed"),
        pytest.param([entry("i", Terminated(4))], ("0/2", "Init:ExitCode:4"), id="without reason"),
        pytest.param(
            [entry("i", Terminated(4, signal=15))], ("0/2", "Init:Signal:15"), id="signal"
        ),
        pytest.param(
            [DONE, SIDE, entry("j", Terminated(0, "Completed"))],
            ("1/2", "PodInitializing"),
            id="all done",
        ),
    ],
)
def test_init_containers(init: list[ContainerStatus], ready_status: tuple[str, str]) -> None:
    found = columns(INIT, WAITS, init=tuple(init), phase=PodPhase.PENDING)
    assert (found.ready, found.status) == ready_status


def test_an_initialized_pod_shows_its_regular_containers() -> None:  # L-278
    crashing = entry("s", Waiting("CrashLoopBackOff"))
    found = columns(INIT, READY_A, init=(DONE, crashing), conditions=INITIALIZED)
    assert (found.ready, found.status) == ("1/2", "Init:CrashLoopBackOff")


@pytest.mark.parametrize(
    ("found", "restarts"),
    [
        # L-281
        pytest.param(columns(ONE, READY_A), "0", id="none"),
        pytest.param(columns(ONE, entry("a", UP, restarts=3)), "3", id="without a known time"),
        pytest.param(
            columns(
                TWO,
                entry("a", UP, restarts=3, ended=300),
                entry("b", UP, restarts=1, ended=540),
            ),
            "4 (60s ago)",
            id="the sum, and the latest end",
        ),
        pytest.param(
            columns(ONE, entry("a", UP, restarts=0, ended=540)), "0", id="an end without a restart"
        ),
        pytest.param(
            columns(
                INIT,
                entry("a", Waiting("PodInitializing"), restarts=7),
                init=(
                    entry("i", Terminated(0, "Completed"), restarts=2, ended=300),
                    entry("s", UP, restarts=1),
                    entry("j", Waiting("x"), restarts=4),
                ),
            ),
            "3 (5m ago)",
            id="during initialization: the init containers walked",
        ),
        pytest.param(
            columns(
                INIT,
                entry("a", UP, restarts=7),
                init=(
                    entry("i", Terminated(0, "Completed"), restarts=2, ended=500),
                    entry("s", UP, started=True, restarts=1, ended=300),
                    entry("j", Terminated(0, "Completed"), restarts=4),
                ),
            ),
            "8 (5m ago)",
            id="afterwards: sidecars and regular containers",
        ),
    ],
)
def test_restarts(found: PodColumns, restarts: str) -> None:
    assert found.restarts == restarts


def test_readiness_gates() -> None:  # L-283
    status = PodStatus(conditions=(PodCondition("x/a", "True"), PodCondition("x/b", "False")))
    assert readiness_gates_column(ONE, status) == "<none>"
    assert readiness_gates_column(a_pod(readiness_gates=("x/a", "x/b", "x/c")), status) == "1/3"


MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        # L-282
        pytest.param(None, "<unknown>", id="unset"),
        pytest.param(-2, "<invalid>", id="in the future"),
        pytest.param(-1, "0s", id="a second in the future"),
        pytest.param(0.9, "0s", id="fractions are cut"),
        pytest.param(119.9, "119s", id="below two minutes"),
        pytest.param(120, "2m", id="two minutes"),
        pytest.param(599, "9m59s", id="below ten minutes"),
        pytest.param(10 * MINUTE + 5, "10m", id="ten minutes"),
        pytest.param(179 * MINUTE, "179m", id="below three hours"),
        pytest.param(3 * HOUR, "3h", id="three hours"),
        pytest.param(3 * HOUR + 5 * MINUTE, "3h5m", id="with minutes"),
        pytest.param(8 * HOUR + 5 * MINUTE, "8h", id="eight hours"),
        pytest.param(48 * HOUR, "2d", id="two days"),
        pytest.param(191 * HOUR, "7d23h", id="below eight days"),
        pytest.param(8 * DAY + HOUR, "8d", id="eight days"),
        pytest.param(2 * YEAR - 1, "729d", id="below two years"),
        pytest.param(2 * YEAR + 3 * DAY, "2y3d", id="two years"),
        pytest.param(8 * YEAR + 3 * DAY, "8y", id="eight years"),
    ],
)
def test_age(seconds: float | None, text: str) -> None:
    assert age_text(seconds) == text
