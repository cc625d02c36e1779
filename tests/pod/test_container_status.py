"""What the status says about a container (L-183, L-185, L-202 … L-219, P-156 … P-158)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.pod.container_status import (
    ContainerStatuses,
    compute_container_statuses,
)
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, StartFailure, Verdict
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodCondition,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.restart_all import is_restarting_all
from tests.pod.builders import (
    a_container,
    a_pod,
    a_probe,
    a_rule,
    a_run,
    a_sidecar,
    at,
    container_id,
    deleted,
    observe,
)

LOST = (
    "The container could not be located when the pod was deleted.  The container used to be Running"
)
GONE = "The container could not be located when the pod was terminated"
REMOVED = "The container is removed because RestartAllContainers in place"
INIT_GONE = (
    "Unable to get init container status from container runtime and pod has been initialized, "
    "treat it as exited normally"
)
CRASH_LOOP = StartFailure("CrashLoopBackOff", "back-off 10s restarting failed container=app")


def app(pod: Pod, observed: ObservedPod, previous: PodStatus | None = None) -> ContainerStatus:
    statuses = compute_container_statuses(pod, observed, previous)
    return statuses.by_name()["app"]


def status(
    state: Running | Waiting | Terminated, last_state: Terminated | None = None, **fields: Any
) -> ContainerStatus:
    base = ContainerStatus("app", state, last_state, image="busybox")
    return replace(base, **fields)


def ended(exit_code: int, restart_count: int = 0, started: float = 0.0) -> Terminated:
    """How `a_run(exit_code=…)` is told."""
    return Terminated(
        exit_code=exit_code,
        reason="Error" if exit_code else "Completed",
        started_at=at(started),
        finished_at=at(started + 1),
        container_id=container_id("app", restart_count),
    )


def previously(*regular: ContainerStatus, init: tuple[ContainerStatus, ...] = ()) -> PodStatus:
    return PodStatus(container_statuses=regular, init_container_statuses=init)


FIRST, SECOND = container_id("app", 0), container_id("app", 1)
UP = status(Running(at(0)), ready=True, started=True, container_id=FIRST)

FROM_INSTANCES = [
    pytest.param(
        a_pod(), observe(), status(Waiting("ContainerCreating")), id="L-203: never started"
    ),
    pytest.param(
        a_pod(init=[a_container("i")]),
        observe(),
        status(Waiting("PodInitializing")),
        id="L-203: never started, the pod has init containers",
    ),
    pytest.param(a_pod(), observe(a_run()), UP, id="L-205: running"),
    pytest.param(
        a_pod(),
        observe(a_run(state=RunState.CREATED)),
        status(Waiting(), container_id=FIRST),
        id="L-205: created",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(exit_code=3)),
        status(ended(3), container_id=FIRST),
        id="L-205: exited, without a cached failure it shows terminated (L-206)",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(restart_count=1, started=9), a_run(exit_code=3)),
        status(
            Running(at(9)),
            ended(3),
            restart_count=1,
            container_id=SECOND,
            started=True,
            ready=True,
        ),
        id="L-202: the newest gives the state, the second newest lastState",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(exit_code=3), start_failures={"app": CRASH_LOOP}),
        status(
            Waiting("CrashLoopBackOff", CRASH_LOOP.message),
            ended(3),
            container_id=FIRST,
        ),
        id="L-206: a cached failure turns terminated into waiting",
    ),
    pytest.param(
        a_pod(restart_policy="Never"),
        observe(a_run(exit_code=128), start_failures={"app": StartFailure("RunContainerError")}),
        status(ended(128), container_id=FIRST),
        id="L-206: not for a container that will not be restarted",
    ),
    pytest.param(
        a_pod(),
        observe(start_failures={"app": StartFailure("CreateContainerConfigError", "no secret")}),
        status(Waiting("CreateContainerConfigError", "no secret")),
        id="L-206: a start that left no instance",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(), start_failures={"app": CRASH_LOOP}),
        UP,
        id="L-206: what runs is running",
    ),
    pytest.param(
        deleted(a_pod()),
        observe(a_run(exit_code=3), start_failures={"app": CRASH_LOOP}),
        status(ended(3), container_id=FIRST),
        id="L-162: a deleted pod restarts nothing, so nothing waits",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(hook_pending=True)),
        status(Waiting("ContainerCreating")),
        id="L-185: waiting until the postStart hook returns",
    ),
    pytest.param(
        a_pod(),
        observe(
            a_run(restart_count=1, hook_pending=True),
            a_run(exit_code=3),
            start_failures={"app": CRASH_LOOP},
        ),
        status(
            Waiting("CrashLoopBackOff", CRASH_LOOP.message),
            ended(3),
            container_id=FIRST,
        ),
        id="L-185: after a restart as well",
    ),
]


@pytest.mark.parametrize(("pod", "observed", "expected"), FROM_INSTANCES)
def test_from_instances(pod: Pod, observed: ObservedPod, expected: ContainerStatus) -> None:
    assert app(pod, observed) == expected


CARRIED = [
    pytest.param(
        a_pod(),
        observe(),
        status(Waiting("CrashLoopBackOff"), ended(3), restart_count=4),
        status(Waiting("ContainerCreating"), ended(3), restart_count=4),
        id="L-203: restart count and lastState survive without an instance",
    ),
    pytest.param(
        a_pod(),
        observe(),
        status(ended(3), restart_count=4, container_id=FIRST),
        status(ended(3), restart_count=4, container_id=FIRST),
        id="L-204: a terminated one is kept as it is",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(restart_count=1)),
        status(ended(3), container_id=FIRST),
        status(
            Running(at(0)),
            ended(3),
            restart_count=1,
            container_id=SECOND,
            started=True,
            ready=True,
        ),
        id="L-209: the lost instance's end comes from the previous status",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(restart_count=1)),
        status(Running(at(0)), ended(7), restart_count=1, container_id=SECOND),
        status(
            Running(at(0)),
            ended(7),
            restart_count=1,
            container_id=SECOND,
            started=True,
            ready=True,
        ),
        id="L-209: lastState stays while the instance is the same",
    ),
    pytest.param(
        a_pod(),
        observe(a_run()),
        status(Waiting(), restart_count=5),
        status(Running(at(0)), restart_count=5, container_id=FIRST, started=True, ready=True),
        id="a restart count never falls",
    ),
    pytest.param(
        a_pod(),
        observe(),
        UP,
        status(
            Waiting("ContainerCreating"),
            Terminated(137, "ContainerStatusUnknown", LOST),
            restart_count=1,
        ),
        id="L-218: it was running, and no instance is known",
    ),
    pytest.param(
        deleted(a_pod()),
        observe(),
        UP,
        status(
            Waiting("ContainerCreating"),
            Terminated(137, "ContainerStatusUnknown", LOST),
        ),
        id="L-218: in a deleted pod it does not count as a restart",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(state=RunState.UNKNOWN)),
        UP,
        status(
            Terminated(137, "ContainerStatusUnknown", GONE), restart_count=1, container_id=FIRST
        ),
        id="L-218: it was running, and its state is unknown",
    ),
    pytest.param(
        a_pod(),
        observe(a_run(state=RunState.UNKNOWN)),
        status(
            Terminated(137, "ContainerStatusUnknown", GONE), restart_count=1, container_id=FIRST
        ),
        status(
            Terminated(137, "ContainerStatusUnknown", GONE), restart_count=1, container_id=FIRST
        ),
        id="L-218: it counts once",
    ),
]


@pytest.mark.parametrize(("pod", "observed", "before", "expected"), CARRIED)
def test_carried_over(
    pod: Pod, observed: ObservedPod, before: ContainerStatus, expected: ContainerStatus
) -> None:
    assert app(pod, observed, previously(before)) == expected


PROBED = a_container(
    startup_probe=a_probe(ProbeKind.STARTUP), readiness_probe=a_probe(ProbeKind.READINESS)
)
UNSTARTED = a_container(startup_probe=a_probe(ProbeKind.STARTUP))
UNREADY = a_container(readiness_probe=a_probe(ProbeKind.READINESS))
STARTUP, READINESS = (ProbeKind.STARTUP, "app"), (ProbeKind.READINESS, "app")
S, F, U = Verdict.SUCCESS, Verdict.FAILURE, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("pod", "verdicts", "started_ready"),
    [
        # L-183, P-156, P-157
        pytest.param(a_pod(), {}, (True, True), id="no probes"),
        pytest.param(a_pod(UNSTARTED), {}, (False, False), id="startup without a result"),
        pytest.param(a_pod(UNSTARTED), {STARTUP: U}, (False, False), id="startup unknown"),
        pytest.param(a_pod(UNSTARTED), {STARTUP: F}, (False, False), id="startup failed"),
        pytest.param(a_pod(UNSTARTED), {STARTUP: S}, (True, True), id="startup succeeded"),
        pytest.param(a_pod(UNREADY), {}, (True, False), id="readiness without a result"),
        pytest.param(a_pod(UNREADY), {READINESS: F}, (True, False), id="readiness failed"),
        pytest.param(a_pod(UNREADY), {READINESS: S}, (True, True), id="readiness succeeded"),
        pytest.param(
            a_pod(PROBED), {READINESS: S}, (False, False), id="ready only when it has started"
        ),
    ],
)
def test_started_and_ready(
    pod: Pod, verdicts: dict[tuple[ProbeKind, str], Verdict], started_ready: tuple[bool, bool]
) -> None:
    found = app(pod, observe(a_run(), verdicts=verdicts))
    assert (found.started, found.ready) == started_ready


NEXT = [
    pytest.param(observe(a_run()), None, id="nothing has happened"),
    pytest.param(
        observe(a_run(started=1)), {"state": Running(at(1))}, id="it began at another time"
    ),
    pytest.param(
        observe(a_run(image="other")), {"image": "other"}, id="it was started from another image"
    ),
    pytest.param(
        observe(a_run(restart_count=1)),
        {"restart_count": 1, "container_id": SECOND},
        id="it is another instance",
    ),
    pytest.param(
        observe(a_run(), verdicts={READINESS: F}), {"ready": False}, id="it is not ready any more"
    ),
    pytest.param(
        observe(a_run(), verdicts={STARTUP: F}),
        {"started": False, "ready": False},
        id="it has not started any more",
    ),
    pytest.param(
        observe(a_run(exit_code=0)),
        {"state": ended(0), "started": False, "ready": False},
        id="it has ended",
    ),
    pytest.param(
        observe(a_run(), start_failures={"app": CRASH_LOOP}),
        None,
        id="a failure of a start that is over changes nothing",
    ),
]


@pytest.mark.parametrize(("observed", "change"), NEXT)
def test_what_happens_to_a_running_instance_is_shown(
    observed: ObservedPod, change: dict[str, Any] | None
) -> None:
    found = app(a_pod(), observed, previously(UP))
    assert found == (UP if change is None else replace(UP, **change))


def test_an_adopted_container_keeps_its_flags_until_it_is_probed() -> None:  # P-171, P-172
    before = previously(replace(UP, started=True, ready=True))
    kept = app(a_pod(PROBED), observe(a_run()), before)
    assert (kept.started, kept.ready) == (True, True)
    probed = app(a_pod(PROBED), observe(a_run(), verdicts={READINESS: F}), before)
    assert (probed.started, probed.ready) == (True, False)
    restarted = app(a_pod(PROBED), observe(a_run(restart_count=1)), before)
    assert (restarted.started, restarted.ready) == (False, False)  # P-165


@pytest.mark.parametrize(
    ("run", "started_ready"),
    [
        # P-158
        pytest.param(a_run("i"), (True, False), id="running"),
        pytest.param(a_run("i", exit_code=0), (False, True), id="done"),
        pytest.param(a_run("i", exit_code=1), (False, False), id="failed"),
    ],
)
def test_flags_of_an_init_container(run: ContainerRun, started_ready: tuple[bool, bool]) -> None:
    pod = a_pod(init=[a_container("i")])
    init = compute_container_statuses(pod, observe(run), None).init[0]
    assert (init.started, init.ready) == started_ready


def test_a_finished_sidecar_is_not_ready() -> None:  # L-161
    pod = a_pod(init=[a_sidecar()])
    side = compute_container_statuses(pod, observe(a_run("side", exit_code=0)), None).init[0]
    assert (side.started, side.ready) == (False, False)


def test_order_of_the_lists() -> None:  # L-210
    pod = a_pod(a_container("b"), a_container("a"), init=[a_container("z"), a_sidecar("y")])
    statuses = compute_container_statuses(pod, observe(), None)
    assert [s.name for s in statuses.init] == ["z", "y"]
    assert [s.name for s in statuses.regular] == ["a", "b"]


def test_an_init_container_whose_record_is_gone_was_done() -> None:  # L-219
    pod = a_pod(init=[a_container("i"), a_sidecar()])
    statuses = compute_container_statuses(pod, observe(a_run()), None)
    assert statuses.init == (
        ContainerStatus("i", Terminated(0, "Completed", INIT_GONE), ready=True, image="busybox"),
        ContainerStatus("side", Waiting("PodInitializing"), image="busybox"),
    )


def test_messages_share_their_room() -> None:  # L-214
    pod = a_pod(a_container("app"), a_container("b"), init=[a_container("i")])
    long = "é" * 5000
    state = app(pod, observe(a_run(exit_code=1, message=long))).state
    assert isinstance(state, Terminated)
    assert state.message == "é" * (4096 // 2)


RESTARTS_ALL = a_container(
    "trigger",
    restart_policy="Never",
    restart_policy_rules=(a_rule("RestartAllContainers", "In", 42),),
)


def restart_all(observed: ObservedPod, previous: PodStatus) -> ContainerStatuses:
    pod = a_pod(a_container(), RESTARTS_ALL)
    restarting = is_restarting_all(pod, observed, previous)
    return compute_container_statuses(pod, observed, previous, restarting_all=restarting)


def test_containers_removed_by_a_restart_of_all() -> None:  # L-166
    trigger = ContainerStatus("trigger", Terminated(42, "Error"), image="busybox")
    removed = restart_all(observe(), previously(UP, trigger))
    waiting = Waiting("RestartingAllContainers", REMOVED)
    last = Terminated(137, "RestartingAllContainers", REMOVED)
    assert removed.regular == (
        status(waiting, last, restart_count=1),
        replace(trigger, state=waiting, last_state=last, restart_count=1),
    )
    after = restart_all(observe(), previously(*removed.regular))
    assert after.regular == (
        status(Waiting("ContainerCreating"), last, restart_count=1),
        replace(trigger, state=Waiting("ContainerCreating"), last_state=last, restart_count=1),
    )


def test_a_restart_of_all_lasts_until_everything_is_removed() -> None:
    pod = a_pod(a_container(), RESTARTS_ALL)
    condition = PodCondition("AllContainersRestarting", "True")
    under_way = PodStatus(conditions=(condition,))
    exited = observe(a_run(), a_run("trigger", exit_code=42))
    assert is_restarting_all(pod, exited, None)
    assert is_restarting_all(pod, observe(), under_way)
    assert not is_restarting_all(pod, observe(a_run(), a_run("trigger")), under_way)
    assert not is_restarting_all(pod, observe(), PodStatus())
