"""New versions of a pod while it runs, and what of it outlives a daemon or the host's boot."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from minikubelet.journal import (
    ContainerExited,
    DeadlineExceeded,
    HookRan,
    KillFailed,
    KillRequested,
    PodAccepted,
    SandboxChanged,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    Container,
    ContainerResizePolicy,
    EmptyDirVolume,
    ExecAction,
    Lifecycle,
    LifecycleHandler,
    Pod,
    ProbeKind,
    ResourceRequirements,
    RestartPolicy,
    SleepAction,
    Volume,
)
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.encode_status import encode_status
from minikubelet.pod.pod_status import (
    PodCondition,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.volumes import VolumeError
from tests.fakes.mortal_node import World, a_life
from tests.fakes.node import FakeFiles, a_scene
from tests.fakes.runtime import App
from tests.pod.builders import a_container, a_pod, a_probe, a_sidecar

CRASHES = {"app": [App(exit_after=1, exit_code=1)]}


def with_image(pod: Pod, image: str) -> Pod:
    containers = tuple(replace(c, image=image) for c in pod.spec.containers)
    return replace(pod, spec=replace(pod.spec, containers=containers))


def with_spec(pod: Pod, **changes: object) -> Pod:
    return replace(pod, spec=replace(pod.spec, **changes))  # type: ignore[arg-type]


async def test_another_image_restarts_a_container_whatever_its_policy() -> None:  # L-98, L-99
    pod = a_pod(restart_policy=RestartPolicy.NEVER)
    async with a_scene(pod) as scene:
        await scene.clock.advance(1)
        scene.worker.update(with_image(pod, "other"))
        await scene.clock.advance(3)
        status = scene.status.container_statuses[0]
        assert (status.image, status.restart_count) == ("other", 1)
        assert isinstance(status.state, Running)
        text = "Killing: Container app definition changed, will be restarted x1"
        assert text in scene.event_texts()


async def test_other_resources_restart_a_container_whose_resize_policy_says_so() -> None:  # L-257
    def resized(**limits: str) -> Pod:
        app = a_container(
            resize_policy=(ContainerResizePolicy("memory", "RestartContainer"),),
            resources=ResourceRequirements(limits=limits),
        )
        return a_pod(app)

    async with a_scene(resized(cpu="1", memory="1Gi")) as scene:
        await scene.clock.advance(1)
        scene.worker.update(resized(cpu="2", memory="1Gi"))
        await scene.clock.advance(3)
        assert scene.status.container_statuses[0].restart_count == 0
        scene.worker.update(resized(cpu="2", memory="2Gi"))
        await scene.clock.advance(3)
        status = scene.status.container_statuses[0]
        assert (status.restart_count, type(status.state)) == (1, Running)
        await scene.clock.advance(3)
        assert scene.status.container_statuses[0].restart_count == 1
        assert "Killing: Container app resize requires restart x1" in scene.event_texts()


async def test_other_changes_wait_for_the_next_start() -> None:  # L-99
    pod = a_pod()
    async with a_scene(pod) as scene:
        await scene.clock.advance(1)
        changed = replace(pod.spec.containers[0], args=("more",))
        scene.worker.update(with_spec(pod, containers=(changed,)))
        await scene.clock.advance(5)
        assert [what for _, what in scene.told()] == ["app starts"]


async def test_another_image_begins_a_new_back_off(  # L-168, L-173
) -> None:
    pod = a_pod()
    async with a_scene(pod, apps=CRASHES) as scene:
        await scene.clock.advance(34)  # 10 s and 20 s were waited, 40 s are next
        scene.worker.update(with_image(pod, "other"))
        await scene.clock.advance(26)
        starts = [at for at, what in scene.told() if what == "app starts"]
    assert [round(b - a - 1, 3) for a, b in pairwise(starts)] == [0, 10, 20, 0, 10]


async def test_a_missing_object_that_appears_is_used_at_once() -> None:  # L-147
    missing = ContainerStartError("CreateContainerConfigError", 'configmap "c" not found')
    async with a_scene(a_pod(), files=FakeFiles(launch_errors={"app": [missing]})) as scene:
        await scene.clock.advance(1)
        assert scene.told("starts") == []
        scene.worker.objects_changed()
        await scene.clock.settle()
        assert scene.told("starts") == [(1.0, "app starts")]


async def test_a_volume_that_failed_is_tried_again_when_objects_change() -> None:
    error = VolumeError("v", "no")
    files = FakeFiles(volume_errors=[error, error, error])
    pod = a_pod(volumes=(Volume("v", empty_dir=EmptyDirVolume()),))
    async with a_scene(pod, files=files) as scene:
        await scene.clock.advance(1.6)  # tried at 0, 0.5 and 1.5
        assert files.volume_errors == []
        scene.worker.objects_changed()
        await scene.clock.settle()
        assert scene.told("starts") == [(1.6, "app starts")]
        scene.worker.objects_changed()
        await scene.clock.settle()
        assert files.updated == 1


async def test_a_deadline_that_is_set_later_counts_from_the_beginning() -> None:  # L-251
    pod = a_pod()
    async with a_scene(pod) as scene:
        await scene.clock.advance(30)
        scene.worker.update(with_spec(pod, active_deadline_seconds=40))
        await scene.clock.advance(9)
        assert scene.status.phase is PodPhase.RUNNING
        await scene.clock.advance(2)
        assert scene.status.reason == "DeadlineExceeded"


async def test_a_lifted_gate_lets_the_pod_begin() -> None:  # L-73, L-74
    pod = a_pod(scheduling_gates=("wait",))
    async with a_scene(pod) as scene:
        await scene.clock.advance(5)
        assert scene.told() == []
        scene.worker.update(with_spec(pod, scheduling_gates=()))
        await scene.clock.settle()
        assert scene.told() == [(5.0, "app starts")]


async def test_a_readiness_gate_waits_for_the_condition_of_somebody_else() -> None:  # L-234
    pod = a_pod(readiness_gates=("example.com/open",))
    async with a_scene(pod) as scene:
        await scene.clock.advance(1)
        ready = scene.status.condition("Ready")
        assert ready
        assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")
        condition = PodCondition("example.com/open", "True")
        scene.worker.update(pod, PodStatus(conditions=(condition,)))
        await scene.clock.settle()
        ready = scene.status.condition("Ready")
        assert ready
        assert ready.status == "True"
        assert scene.status.condition("example.com/open") == condition
        scene.worker.update(pod, PodStatus())
        await scene.clock.settle()
        assert scene.status.condition("example.com/open") is None


def with_ephemeral(pod: Pod, *containers: Container) -> Pod:
    return with_spec(pod, ephemeral_containers=containers)


async def test_an_ephemeral_container_runs_once_and_counts_for_nothing() -> None:  # L-253 … L-255
    pod = a_pod()
    apps = {"d1": [App(exit_after=1, exit_code=3)]}
    async with a_scene(pod, apps=apps) as scene:
        await scene.clock.advance(1)
        scene.worker.update(with_ephemeral(pod, a_container("d1")))
        await scene.clock.advance(60)
        assert scene.told("d1") == [(1.0, "d1 starts"), (2.0, "d1 exits 3")]
        (status,) = scene.status.ephemeral_container_statuses
        assert isinstance(status.state, Terminated)
        assert (status.state.exit_code, status.restart_count, status.ready) == (3, 0, False)
        assert scene.status.phase is PodPhase.RUNNING
        ready = scene.status.condition("Ready")
        assert ready
        assert ready.status == "True"
        encoded = encode_status(scene.worker.pod, scene.status)["ephemeralContainerStatuses"][0]
        assert "started" not in encoded
        assert any("spec.ephemeralContainers{d1}" in e.field_path for e in scene.events.events())


async def test_an_ephemeral_container_starts_during_initialization() -> None:  # L-101, L-254
    pod = a_pod(init=[a_container("one")])
    async with a_scene(pod, apps={"one": [App(exit_after=5)]}) as scene:
        await scene.clock.advance(1)
        scene.worker.update(with_ephemeral(pod, a_container("d1")))
        await scene.clock.advance(1)
        assert [what for _, what in scene.told("starts")] == ["one starts", "d1 starts"]
        await scene.clock.advance(5)
        assert [what for _, what in scene.told("starts")][-1] == "app starts"


async def test_an_ephemeral_container_is_killed_with_its_pod() -> None:  # L-255
    pod = a_pod(restart_policy=RestartPolicy.NEVER)
    async with a_scene(pod, apps={"app": [App(exit_after=5)]}) as scene:
        scene.worker.update(with_ephemeral(pod, a_container("d1")))
        await scene.clock.advance(8)
        assert scene.status.phase is PodPhase.SUCCEEDED
        assert isinstance(scene.status.ephemeral_container_statuses[0].state, Terminated)


async def test_an_ephemeral_container_that_cannot_be_made_says_why() -> None:  # L-255
    pod = a_pod()
    text = "unable to find target container nobody"
    error = ContainerStartError("CreateContainerConfigError", text)
    async with a_scene(pod, files=FakeFiles(launch_errors={"d1": [error]})) as scene:
        scene.worker.update(with_ephemeral(pod, a_container("d1")))
        await scene.clock.advance(1)
        (status,) = scene.status.ephemeral_container_statuses
        assert status.state == Waiting("CreateContainerConfigError", text)


async def test_a_stop_that_takes_too_long_is_told() -> None:  # L-250
    pod = a_pod(a_container(lifecycle=Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(1)))))
    async with a_scene(pod, apps={"app": [App(term_seconds=None)]}) as scene:
        await scene.clock.advance(1)
        scene.runtime.deaf = True
        scene.worker.request_stop(StopRequest(KillCause.DELETED, 8))
        await scene.clock.advance(13)
        records = [r for r in scene.journal.records() if isinstance(r, KillFailed)]
        assert [record.reason for record in records] == ["ExceededGracePeriod"]


# --- across daemons and boots


async def test_a_deadline_goes_on_while_no_daemon_runs() -> None:  # L-251
    pod, world = a_pod(active_deadline_seconds=20), World({}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    await world.clock.advance(10)
    async with a_life(world, pod):
        await world.clock.advance(4)
        assert world.statuses[-1].phase is PodPhase.RUNNING
        await world.clock.advance(2)
        assert len(world.records(DeadlineExceeded)) == 1


async def test_a_back_off_goes_on_while_no_daemon_runs() -> None:  # L-168
    pod, world = a_pod(), World(CRASHES, {})
    async with a_life(world, pod):
        await world.clock.advance(15)  # started at 0, 1 and 12; exited at 13; due at 33
    async with a_life(world, pod):
        await world.clock.advance(17)
        assert len(world.starts) == 3
        await world.clock.advance(1.5)
        assert len(world.starts) == 4


async def test_an_image_changed_while_no_daemon_ran_restarts_the_container() -> None:
    pod, world = a_pod(), World({}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    async with a_life(world, with_image(pod, "other")):
        await world.clock.advance(3)
        (killed,) = world.records(KillRequested)
        assert killed.cause is KillCause.DEFINITION_CHANGED
        assert world.statuses[-1].container_statuses[0].restart_count == 1


async def test_an_exit_is_told_with_its_own_time() -> None:
    pod = a_pod(restart_policy=RestartPolicy.NEVER)
    world = World({"app": [App(exit_after=3, exit_code=4)]}, {})
    async with a_life(world, pod):
        await world.clock.advance(1)
    began = world.clock.now()
    await world.clock.advance(50)
    async with a_life(world, pod):
        await world.clock.advance(1)
    (exited,) = world.records(ContainerExited)
    assert (exited.at - began).total_seconds() == 2
    assert world.statuses[-1].phase is PodPhase.FAILED


async def test_a_sleeping_hook_sleeps_for_the_rest() -> None:
    hook = LifecycleHandler(sleep=SleepAction(10))
    pod, world = a_pod(a_container(lifecycle=Lifecycle(post_start=hook))), World({}, {})
    async with a_life(world, pod):
        await world.clock.advance(4)
    await world.clock.advance(3)
    async with a_life(world, pod):
        await world.clock.advance(2)
        assert not world.statuses[-1].container_statuses[0].ready
        await world.clock.advance(2)
        assert world.statuses[-1].container_statuses[0].ready


async def test_a_daemon_that_ends_in_order_leaves_hooks_and_stops_to_the_next() -> None:  # L-248
    warm = LifecycleHandler(exec=ExecAction(("warm",)))
    drain = LifecycleHandler(exec=ExecAction(("drain",)))
    pod = a_pod(a_container(lifecycle=Lifecycle(post_start=warm, pre_stop=drain)))
    world = World({"app": [App(term_code=0)]}, {("warm",): (4.0, 0), ("drain",): (4.0, 0)})
    async with a_life(world, pod, in_order=True):
        await world.clock.advance(2)
    async with a_life(world, pod, in_order=True) as (_, worker):
        await world.clock.advance(3)
        assert world.statuses[-1].container_statuses[0].ready
        worker.request_stop(StopRequest(KillCause.DELETED, 20))
        await world.clock.advance(2)
    assert world.running() == ["app"]
    async with a_life(world, pod, in_order=True) as (daemon, worker):
        await world.clock.advance(3)
        assert worker.finished
        assert "cancel a hook" not in daemon.deeds
    assert [record.ok for record in world.records(HookRan)] == [True, True]
    assert len(world.commands) == 2
    assert world.statuses[-1].phase is PodPhase.SUCCEEDED


async def test_the_grace_period_goes_on_while_no_daemon_runs() -> None:  # L-79
    drain = LifecycleHandler(exec=ExecAction(("drain",)))
    pod = a_pod(a_container(lifecycle=Lifecycle(pre_stop=drain)))
    world = World({"app": [App(term_seconds=None)]}, {("drain",): (100.0, 0)})
    async with a_life(world, pod) as (_, worker):
        await world.clock.advance(1)
        worker.request_stop(StopRequest(KillCause.DELETED, 20))
        await world.clock.advance(5)
    await world.clock.advance(10)
    async with a_life(world, pod):
        await world.clock.advance(4.5)
        assert world.running() == ["app"]
        await world.clock.advance(3)  # the hook's time is up at 20 s, and two more are given
        assert world.running() == []


async def test_a_second_deletion_after_a_restart_shortens() -> None:  # L-79
    pod, world = a_pod(), World({"app": [App(term_seconds=None)]}, {})
    async with a_life(world, pod) as (_, worker):
        await world.clock.advance(1)
        worker.request_stop(StopRequest(KillCause.DELETED, 100))
        await world.clock.advance(5)
    async with a_life(world, pod, stop=StopRequest(KillCause.DELETED, 3)):
        await world.clock.advance(4)
        assert world.running() == []


async def test_after_a_boot_a_pod_begins_again() -> None:  # L-93, L-94
    pod = a_pod(init=[a_container("one"), a_sidecar()])
    world = World({"one": [App(exit_after=1)]}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    world.boot()
    async with a_life(world, pod):
        await world.clock.advance(5)
        assert len(world.records(SandboxChanged)) == 1
        names = sorted(world.names[container_id] for container_id in world.starts)
        assert names == ["app", "app", "one", "one", "side", "side"]
        status = world.statuses[-1].container_statuses[0]
        assert status.restart_count == 1
        assert status.last_state
        assert (status.last_state.exit_code, status.last_state.reason) == (
            137,
            "ContainerStatusUnknown",
        )
        assert world.statuses[-1].phase is PodPhase.RUNNING
        assert len(world.records(PodAccepted)) == 1


async def test_after_a_boot_an_unset_clock_does_not_put_the_deadline_off() -> None:  # L-251
    pod, world = a_pod(active_deadline_seconds=60), World({}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    world.boot()
    world.clock.shift(-365 * 86400)
    async with a_life(world, pod):
        await world.clock.advance(59)
        assert world.statuses[-1].phase is PodPhase.RUNNING
        await world.clock.advance(5)
        assert world.statuses[-1].reason == "DeadlineExceeded"


async def test_after_a_boot_what_has_succeeded_under_on_failure_is_not_run_again() -> None:  # L-94
    pod = a_pod(
        a_container("app"),
        a_container("job"),
        init=[a_container("one")],
        restart_policy=RestartPolicy.ON_FAILURE,
    )
    world = World({"one": [App(exit_after=1)], "job": [App(exit_after=1)]}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    world.boot()
    async with a_life(world, pod):
        await world.clock.advance(0.5)
        assert [world.names[i] for i in world.starts][-1] == "one", "the pod is initialized anew"
        await world.clock.advance(5)
        names = sorted(world.names[container_id] for container_id in world.starts)
        assert names == ["app", "app", "job", "one", "one"]
        app, job = world.statuses[-1].container_statuses
        assert (app.restart_count, isinstance(app.state, Running)) == (1, True)
        assert (job.restart_count, isinstance(job.state, Terminated)) == (0, True)


async def test_after_a_boot_an_ephemeral_container_does_not_run_again() -> None:  # L-94, L-254
    pod = with_ephemeral(a_pod(), a_container("d1"))
    world = World({"d1": [App(exit_after=1)]}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    world.boot()
    async with a_life(world, pod):
        await world.clock.advance(5)
        names = sorted(world.names[container_id] for container_id in world.starts)
        assert names == ["app", "app", "d1"]


async def test_after_a_boot_a_pod_that_is_never_restarted_has_failed() -> None:  # L-94
    pod, world = a_pod(restart_policy=RestartPolicy.NEVER), World({}, {})
    async with a_life(world, pod):
        await world.clock.advance(5)
    world.boot()
    async with a_life(world, pod):
        await world.clock.advance(5)
        assert world.statuses[-1].phase is PodPhase.FAILED
        assert len(world.starts) == 1


async def test_a_started_container_stays_started() -> None:  # P-171
    pod = a_pod(
        a_container(
            startup_probe=a_probe(ProbeKind.STARTUP, period_seconds=1, failure_threshold=3),
            readiness_probe=a_probe(ProbeKind.READINESS, period_seconds=10),
        )
    )
    world, health = World({}, {}), {"app": lambda kind, age: True}
    async with a_life(world, pod, health=health):
        await world.clock.advance(5)
        assert world.statuses[-1].container_statuses[0].ready
    shown = len(world.statuses)
    async with a_life(world, pod, health=health):
        await world.clock.advance(30)
    shown_since = [status.container_statuses[0] for status in world.statuses[shown:]]
    assert {(status.started, status.ready) for status in shown_since} == {(True, True)}


async def test_nothing_is_started_that_cannot_be_kept() -> None:
    pod, world = a_pod(), World({}, {})
    world.disk_is_full = True
    async with a_life(world, pod):
        await world.clock.advance(1)
        assert world.starts == {}
        text = "cannot write the record of the pod: [Errno 28] No space left on device"
        state = world.statuses[-1].container_statuses[0].state
        assert state == Waiting("CreateContainerError", text)
        world.disk_is_full = False
        await world.clock.advance(15)
        assert world.running() == ["app"]
    async with a_life(world, pod):
        await world.clock.advance(1)
        assert len(world.starts) == 1
