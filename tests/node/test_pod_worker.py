"""The life of pods in virtual time: the production worker over scripted processes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    EmptyDirVolume,
    ExecAction,
    Lifecycle,
    LifecycleHandler,
    ProbeKind,
    ResourceRequirements,
    RestartPolicy,
    RestartRuleAction,
    SleepAction,
    Volume,
)
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.pod_status import PodPhase, Terminated
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.volumes import VolumeError
from tests.fakes.node import FakeFiles, a_scene
from tests.fakes.runtime import App
from tests.pod.builders import a_container, a_pod, a_probe, a_rule, a_sidecar

NEVER = RestartPolicy.NEVER


def exec_hook(*command: str) -> LifecycleHandler:
    return LifecycleHandler(exec=ExecAction(command))


async def test_crash_loop_waits_0_10_20_40_80_160_300_300_seconds() -> None:  # L-170
    async with a_scene(a_pod(), apps={"app": [App(exit_after=1, exit_code=1)]}) as scene:
        await scene.clock.advance(1000)
        starts = [at for at, what in scene.told() if what == "app starts"]
    waits = [round(b - a - 1, 3) for a, b in pairwise(starts)]
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


async def test_a_long_run_resets_the_back_off() -> None:  # L-173
    apps = [App(exit_after=1), App(exit_after=1), App(exit_after=1), App(exit_after=700), App()]
    async with a_scene(a_pod(), apps={"app": apps}) as scene:
        await scene.clock.advance(800)
        starts = [at for at, what in scene.told() if what == "app starts"]
    assert starts == [0, 1, 12, 33, 733]


async def test_a_crash_shows_each_state_in_its_order() -> None:  # L-92, L-207
    apps = [App(exit_after=1, exit_code=1), App(exit_after=1, exit_code=1), App()]
    async with a_scene(a_pod(), apps={"app": apps}) as scene:
        await scene.clock.advance(30)
        assert scene.columns() == [
            "ContainerCreating",
            "Running",
            "Error",
            "Running",
            "Error",
            "CrashLoopBackOff",
            "Running",
        ]
        assert scene.status.container_statuses[0].restart_count == 2
        assert "BackOff: Back-off restarting failed container app in pod web_default(uid-1) x1" in (
            scene.event_texts()
        )


async def test_an_end_shows_before_the_back_off_that_follows() -> None:  # L-92, L-207
    apps = [App(exit_after=1, exit_code=1), App(exit_after=1, exit_code=1), App()]
    async with a_scene(a_pod(), apps={"app": apps}) as scene:
        await scene.clock.advance(3.9)
        assert scene.columns()[-1] == "Error"
        await scene.clock.advance(0.2)
        assert scene.columns()[-1] == "CrashLoopBackOff"


async def test_a_failed_hook_shows_before_the_back_off_that_follows() -> None:  # L-92, L-186
    pod = a_pod(a_container(lifecycle=Lifecycle(post_start=exec_hook("warm"))))
    async with a_scene(pod, hooks={("warm",): (1, 7)}) as scene:
        await scene.clock.advance(3.9)
        assert scene.columns()[-1] == "PostStartHookError"
        await scene.clock.advance(0.2)
        assert scene.columns()[-1] == "CrashLoopBackOff"


async def test_only_the_newest_dead_instance_is_kept() -> None:  # L-267
    apps = [App(exit_after=1, exit_code=1)]
    async with a_scene(a_pod(), apps={"app": apps}) as scene:
        await scene.clock.advance(40)
        assert scene.files.dropped == [0, 1]


async def test_run_to_completion() -> None:
    async with a_scene(a_pod(restart_policy=NEVER), apps={"app": [App(exit_after=3)]}) as scene:
        await scene.clock.advance(4)
        assert scene.status.phase is PodPhase.SUCCEEDED
        assert scene.columns() == ["ContainerCreating", "Running", "Completed"]
        assert scene.files.torn_down


async def test_init_containers_run_in_order_and_are_retried() -> None:  # L-153, L-155
    pod = a_pod(init=[a_container("one"), a_container("two")])
    apps = {"one": [App(exit_after=2)], "two": [App(exit_after=1, exit_code=1), App(exit_after=1)]}
    async with a_scene(pod, apps=apps) as scene:
        await scene.clock.advance(10)
        assert [what for _, what in scene.told("starts")] == [
            "one starts",
            "two starts",
            "two starts",
            "app starts",
        ]
        assert "Init:Error" in scene.columns()


async def test_sidecars_start_before_and_stop_after_in_reverse_order() -> None:  # L-153, L-197
    pod = a_pod(init=[a_sidecar("s1"), a_sidecar("s2")], restart_policy=NEVER)
    apps = {"app": [App(exit_after=5)], "s1": [App(term_seconds=1)], "s2": [App(term_seconds=1)]}
    async with a_scene(pod, apps=apps) as scene:
        await scene.clock.advance(20)
        assert [what for _, what in scene.told() if "stopped" not in what] == [
            "s1 starts",
            "s2 starts",
            "app starts",
            "app exits 0",
            "s2 exits 143",
            "s1 exits 143",
        ]
        assert scene.status.phase is PodPhase.SUCCEEDED


async def test_liveness_failures_kill_and_restart() -> None:  # P-152, P-503
    probe = a_probe(ProbeKind.LIVENESS, period_seconds=2, failure_threshold=3)
    pod = a_pod(a_container(liveness_probe=probe), termination_grace_period_seconds=7)
    health = {"app": lambda kind, age: age < 5}
    async with a_scene(pod, health=health) as scene:
        await scene.clock.advance(10.1)
        assert [(at, what) for at, what in scene.told()] == [
            (0, "app starts"),
            (10, "app is stopped with 7 s"),
            (10, "app exits 143"),
            (10, "app starts"),
        ]
        texts = scene.event_texts()
    assert "Unhealthy: Liveness probe failed: sick x3" in texts
    assert "Killing: Container app failed liveness probe, will be restarted x1" in texts


async def test_the_probe_grace_period_counts_for_its_own_kill() -> None:  # P-700
    probe = a_probe(
        ProbeKind.STARTUP, period_seconds=1, failure_threshold=2, termination_grace_period_seconds=4
    )
    pod = a_pod(a_container(startup_probe=probe))
    health = {"app": lambda kind, age: False}
    async with a_scene(pod, apps={"app": [App(term_seconds=None)]}, health=health) as scene:
        await scene.clock.advance(5.5)
        assert scene.told()[1:3] == [(1, "app is stopped with 4 s"), (5, "app exits 137")]


async def test_a_ready_pod() -> None:
    probe = a_probe(ProbeKind.READINESS, period_seconds=2)
    pod = a_pod(a_container(readiness_probe=probe))
    async with a_scene(pod, health={"app": lambda kind, age: age >= 3}) as scene:
        await scene.clock.advance(3.9)
        assert not scene.status.container_statuses[0].ready
        await scene.clock.advance(0.2)
        ready = scene.status.condition("Ready")
    assert ready is not None
    assert ready.status == "True"


async def test_readiness_shows_while_the_pod_stops() -> None:  # L-184, P-166
    probe = a_probe(ProbeKind.READINESS, period_seconds=1, failure_threshold=1)
    pod = a_pod(a_container(readiness_probe=probe))
    async with a_scene(
        pod, apps={"app": [App(term_seconds=9)]}, health={"app": lambda kind, age: age < 5}
    ) as scene:
        await scene.clock.advance(3)
        assert scene.status.container_statuses[0].ready
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(3.5)
        ready = scene.status.condition("Ready")
        assert scene.status.phase is PodPhase.RUNNING
        assert not scene.status.container_statuses[0].ready
    assert ready is not None
    assert ready.status == "False"


async def test_graceful_stop_runs_the_hook_and_deducts_it() -> None:  # L-196
    hooks = Lifecycle(pre_stop=exec_hook("drain"))
    pod = a_pod(a_container(lifecycle=hooks), termination_grace_period_seconds=10)
    async with a_scene(
        pod, apps={"app": [App(term_seconds=1)]}, hooks={("drain",): (2.5, 0)}
    ) as scene:
        await scene.clock.advance(5)
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(20)
        assert scene.told()[1:] == [
            (5, "app runs drain"),
            (7.5, "app is stopped with 8 s"),
            (8.5, "app exits 143"),
        ]
        assert scene.status.phase is PodPhase.FAILED  # L-243
        assert scene.files.torn_down


async def test_a_second_request_kills_at_once() -> None:
    pod = a_pod(a_container(lifecycle=Lifecycle(pre_stop=exec_hook("drain"))))
    async with a_scene(pod, hooks={("drain",): (99, 0)}) as scene:
        scene.worker.request_stop(StopRequest(KillCause.SHUTDOWN))
        await scene.clock.advance(1)
        scene.worker.request_stop(StopRequest(KillCause.SHUTDOWN, grace_period_seconds=0))
        await scene.clock.advance(0)
        assert scene.told()[-2:] == [(1, "app is stopped with 0 s"), (1, "app exits 137")]


async def test_post_start_blocks_the_next_start_and_the_status() -> None:  # L-102, L-185
    hooks = Lifecycle(post_start=exec_hook("warm"))
    pod = a_pod(a_container("a", lifecycle=hooks), a_container("b"))
    async with a_scene(pod, hooks={("warm",): (3, 0)}) as scene:
        await scene.clock.advance(2.9)
        assert scene.columns() == ["ContainerCreating"]
        await scene.clock.advance(0.2)
        assert scene.told() == [(0, "a starts"), (0, "a runs warm"), (3, "b starts")]


async def test_a_failed_post_start_kills_and_restarts_with_back_off() -> None:  # L-186
    hooks = Lifecycle(post_start=exec_hook("warm"))
    pod = a_pod(a_container(lifecycle=hooks))
    async with a_scene(pod, hooks={("warm",): (1, 7)}) as scene:
        await scene.clock.advance(1.5)
        assert "PostStartHookError" in scene.columns()
        texts = scene.event_texts()
        assert "FailedPostStartHook: PostStartHook failed x1" in texts
        assert "Killing: FailedPostStartHook x1" in texts
        assert [at for at, what in scene.told() if what == "app starts"] == [0, 1]


async def test_a_sleep_hook_takes_its_time() -> None:
    hooks = Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(4)))
    async with a_scene(a_pod(a_container(lifecycle=hooks))) as scene:
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(10)
        assert scene.told()[1:] == [(4, "app is stopped with 26 s"), (4, "app exits 143")]


async def test_stopping_gives_up_a_post_start_hook_that_hangs() -> None:  # L-78
    pod = a_pod(
        a_container("a", lifecycle=Lifecycle(post_start=exec_hook("hang"))), a_container("b")
    )
    async with a_scene(pod, hooks={("hang",): (10_000, 0)}) as scene:
        await scene.clock.advance(5)
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(1)
        assert scene.files.torn_down
        assert scene.told("b ") == []  # L-247


async def test_active_deadline() -> None:  # L-251
    async with a_scene(a_pod(active_deadline_seconds=20)) as scene:
        await scene.clock.advance(20.1)
        assert (scene.status.phase, scene.status.reason) == (PodPhase.FAILED, "DeadlineExceeded")
        assert scene.told()[-2:] == [(20, "app is stopped with 30 s"), (20, "app exits 143")]


async def test_a_restart_rule_restarts_all_containers() -> None:  # L-166, L-167
    rule = a_rule(RestartRuleAction.RESTART_ALL_CONTAINERS, "In", 42)
    trigger = a_container("b", restart_policy=NEVER, restart_policy_rules=(rule,))
    pod = a_pod(a_container("a"), trigger, init=[a_container("i")])
    apps = {"i": [App(exit_after=0)], "b": [App(exit_after=3, exit_code=42), App()]}
    async with a_scene(pod, apps=apps) as scene:
        await scene.clock.advance(3.5)
        runs = [scene.worker.state.latest(name) for name in ("i", "a", "b")]
        assert [run.restart_count for run in runs if run] == [1, 1, 1]  # L-107
        assert [(at, what) for at, what in scene.told() if at >= 3] == [
            (3, "b exits 42"),
            (3, "a is stopped with 2 s"),
            (3, "a exits 143"),
            (3, "i starts"),
            (3, "i exits 0"),
            (3, "a starts"),
            (3, "b starts"),
        ]
        assert scene.status.phase is PodPhase.RUNNING


async def test_an_unmapped_image_backs_off_like_a_pull() -> None:
    error = ContainerStartError("ErrImagePull", 'no local command for image "x": …')
    files = FakeFiles(launch_errors={"app": [error, error]})
    async with a_scene(a_pod(a_container(image="x")), files=files) as scene:
        assert scene.columns() == ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"]
        await scene.clock.advance(31)
        assert scene.told() == [(30, "app starts")]
        assert scene.columns()[-1] == "Running"


async def test_a_missing_object_is_looked_for_again() -> None:
    error = ContainerStartError("CreateContainerConfigError", 'configmap "c" not found')
    files = FakeFiles(launch_errors={"app": [error]})
    async with a_scene(a_pod(), files=files) as scene:
        assert scene.columns()[-1] == "CreateContainerConfigError"
        assert 'Failed: Error: configmap "c" not found x1' in scene.event_texts()
        await scene.clock.advance(15.1)
        (start,) = scene.told()
    assert 10 <= start[0] <= 15


async def test_an_executable_that_is_missing() -> None:  # L-111
    error = ContainerStartError(
        "RunContainerError", 'exec: "nope": executable file not found in $PATH'
    )
    async with a_scene(
        a_pod(restart_policy=NEVER), apps={"app": [App(start_error=error)]}
    ) as scene:
        await scene.clock.advance(1)
        (container,) = scene.status.container_statuses
    assert scene.status.phase is PodPhase.FAILED
    assert scene.columns()[-1] == "StartError"
    assert getattr(container.state, "exit_code", None) == 128


async def test_volumes_are_set_up_again_until_they_can_be() -> None:  # L-139
    errors = [VolumeError("v", "no such file"), VolumeError("v", "no such file")]
    pod = a_pod(volumes=(Volume("v", empty_dir=EmptyDirVolume()),))
    async with a_scene(pod, files=FakeFiles(volume_errors=errors)) as scene:
        sandbox = scene.status.condition("PodReadyToStartContainers")
        assert sandbox is not None
        assert sandbox.status == "False"  # L-104: it comes after them
        await scene.clock.advance(2)
        assert scene.told() == [(1.5, "app starts")]
        sandbox = scene.status.condition("PodReadyToStartContainers")
        assert sandbox is not None
        assert sandbox.status == "True"
        assert 'FailedMount: MountVolume.SetUp failed for volume "v" : no such file x2' in (
            scene.event_texts()
        )


async def test_an_outgrown_empty_dir_evicts() -> None:  # L-142
    pod = a_pod(volumes=(Volume("v", empty_dir=EmptyDirVolume(size_limit="1Mi")),))
    async with a_scene(pod, files=FakeFiles()) as scene:
        await scene.clock.advance(5)
        scene.files.eviction = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
        await scene.clock.advance(10)
        assert (scene.status.phase, scene.status.reason) == (PodPhase.FAILED, "Evicted")
        assert scene.told()[-2] == (10, "app is stopped with 2 s")


async def test_scheduling_gates_hold_the_pod() -> None:  # L-73
    async with a_scene(a_pod(scheduling_gates=("wait",))) as scene:
        await scene.clock.advance(100)
        assert scene.told() == []
        assert scene.columns() == ["SchedulingGated"]


@pytest.mark.parametrize("policy", [NEVER, RestartPolicy.ON_FAILURE])
async def test_a_stop_during_init_starts_nothing_more(policy: str) -> None:  # L-247
    async with a_scene(a_pod(init=[a_container("i")], restart_policy=policy)) as scene:
        await scene.clock.advance(1)
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(40)
        assert scene.told("app") == []
        assert scene.files.torn_down


async def test_a_crash_of_the_worker_is_survived() -> None:
    files = FakeFiles(launch_errors={"app": [RuntimeError("a bug")]})
    async with a_scene(a_pod(), files=files) as scene:
        await scene.clock.advance(0.5)
        assert scene.told() == []
        await scene.clock.advance(1)
        assert scene.told() == [(1, "app starts")]
        scene.worker.request_stop(StopRequest(KillCause.SHUTDOWN))
        await scene.clock.advance(1)
        assert scene.files.torn_down


async def test_a_crash_in_a_start_makes_no_second_copy() -> None:  # L-91, L-102
    pod = a_pod(
        a_container(lifecycle=Lifecycle(post_start=exec_hook("prepare"))), a_container("other")
    )
    bugs = [KeyError("a bug")]
    async with a_scene(pod, hooks={("prepare",): (0.25, 0)}, start_bugs=bugs) as scene:
        await scene.clock.advance(0.5)
        assert scene.told("starts") == [(0, "app starts")]
        await scene.clock.advance(1)
        assert scene.told("starts") == [(0, "app starts"), (1.25, "other starts")]
        assert scene.columns()[-1] == "Running"


async def test_a_stop_after_a_crash_in_a_start_stops_what_began() -> None:
    async with a_scene(a_pod(), start_bugs=[KeyError("a bug")]) as scene:
        await scene.clock.advance(0.5)
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(2)
        assert scene.told() == [
            (0, "app starts"),
            (0.5, "app is stopped with 30 s"),
            (0.5, "app exits 143"),
        ]
        assert scene.files.torn_down


async def test_a_pod_without_grace_still_gets_term_and_two_seconds() -> None:  # L-196, L-191
    probe = a_probe(ProbeKind.LIVENESS, period_seconds=1, failure_threshold=1)
    container = a_container(liveness_probe=probe, lifecycle=Lifecycle(pre_stop=exec_hook("drain")))
    pod = a_pod(container, termination_grace_period_seconds=0, restart_policy=NEVER)
    apps = {"app": [App(term_seconds=None)]}
    async with a_scene(pod, apps=apps, health={"app": lambda kind, age: False}) as scene:
        await scene.clock.advance(5)
        (_, stop, ended) = scene.told()
    assert stop[1] == "app is stopped with 2 s"
    assert ended == (stop[0] + 2, "app exits 137")


async def test_what_never_ran_is_failed_in_the_last_status() -> None:  # L-240
    error = ContainerStartError("ErrImagePull", 'no local command for image "x": …')
    files = FakeFiles(launch_errors={"app": [error]})
    async with a_scene(a_pod(a_container(image="x")), files=files) as scene:
        await scene.clock.advance(1)
        scene.worker.request_stop(StopRequest(KillCause.DELETED))
        await scene.clock.advance(1)
        (container,) = scene.status.container_statuses
    assert scene.status.phase is PodPhase.FAILED
    assert container.state == Terminated(
        137,
        "ContainerStatusUnknown",
        "The container could not be located when the pod was terminated",
    )


async def test_a_stop_during_the_pause_after_a_crash_is_heard_at_once() -> None:
    files = FakeFiles(launch_errors={"app": [RuntimeError("a bug") for _ in range(6)]})
    async with a_scene(a_pod(), files=files) as scene:
        await scene.clock.advance(20)
        scene.worker.request_stop(StopRequest(KillCause.SHUTDOWN))
        await scene.clock.settle()
        assert scene.files.torn_down


async def test_a_listener_that_fails_gets_the_status_again() -> None:
    async with a_scene(a_pod(), listener_errors=[RuntimeError("store closed")]) as scene:
        await scene.clock.advance(1)
        assert scene.columns() == ["ContainerCreating", "Running"]


async def test_volumes_that_stay_do_not_keep_the_pod() -> None:
    files = FakeFiles(tear_down_errors=[OSError(16, "Device or resource busy")])
    pod = a_pod(restart_policy=NEVER)
    async with a_scene(pod, apps={"app": [App(exit_after=1)]}, files=files) as scene:
        await scene.clock.advance(1)
        assert scene.ended


@pytest.mark.parametrize(
    ("requests", "pauses"),
    [
        pytest.param([None], 2, id="a pod that cannot be stopped is given up after some tries"),
        pytest.param([None, 0.0], 0, id="and at once when it was to be killed at once"),
    ],
)
async def test_a_crash_in_every_stop_ends_too(requests: list[float | None], pauses: int) -> None:
    bugs: list[Exception] = [RuntimeError("a bug") for _ in range(9)]
    async with a_scene(a_pod(), files=FakeFiles(tear_down_errors=bugs)) as scene:
        for grace in requests:
            scene.worker.request_stop(StopRequest(KillCause.SHUTDOWN, grace))
        await scene.clock.advance(10)
        assert scene.ended
        assert len(bugs) == 9 - 1 - pauses


async def test_a_cpu_limit_that_cannot_be_enforced_is_told() -> None:
    pod = a_pod(a_container(resources=ResourceRequirements(limits={"cpu": "500m"})))
    async with a_scene(pod) as scene:
        assert scene.event_texts()[-1] == (
            "LimitNotEnforced: cpu limit 500m is not enforced: "
            "no control group for it can be made here x1"
        )
