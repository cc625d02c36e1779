"""A daemon that is killed at each single step of a pod's life: the next one goes on as if nothing
had happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from minikubelet.journal import (
    BackOffStarted,
    ContainerCreated,
    ContainerExited,
    ContainerStarted,
    HookRan,
    KillRequested,
    PodAccepted,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import (
    ExecAction,
    Lifecycle,
    LifecycleHandler,
    Pod,
    ProbeKind,
    RestartPolicy,
)
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.pod_status import PodPhase, Running, Terminated
from tests.fakes.mortal_node import Daemon, World, a_life
from tests.fakes.node import Health
from tests.fakes.runtime import App
from tests.pod.builders import a_container, a_pod, a_probe, a_sidecar


def exec_hook(*command: str) -> LifecycleHandler:
    return LifecycleHandler(exec=ExecAction(command))


@dataclass
class Life:
    """What is to be lived: a pod, what its processes do, and when it is to be deleted."""

    pod: Pod
    apps: Mapping[str, list[App]]
    seconds: float
    hooks: Mapping[tuple[str, ...], tuple[float, int]] = field(default_factory=dict)
    health: Mapping[str, Health] = field(default_factory=dict)
    deleted_after: float | None = None

    def world(self) -> World:
        return World(self.apps, self.hooks)


DELETION = StopRequest(KillCause.DELETED)

LIVES = {
    "a crash loop": Life(a_pod(), {"app": [App(exit_after=1, exit_code=7)]}, 25),
    "init, hook and readiness": Life(
        a_pod(
            a_container(
                lifecycle=Lifecycle(post_start=exec_hook("warm")),
                readiness_probe=a_probe(ProbeKind.READINESS, period_seconds=1),
            ),
            init=[a_container("one"), a_sidecar()],
        ),
        {"one": [App(exit_after=2)]},
        12,
        hooks={("warm",): (3.0, 0)},
        health={"app": lambda kind, age: True},
    ),
    "a graceful deletion": Life(
        a_pod(
            a_container(lifecycle=Lifecycle(pre_stop=exec_hook("drain"))),
            init=[a_sidecar()],
            termination_grace_period_seconds=10,
        ),
        {"app": [App(term_seconds=2, term_code=0)], "side": [App(term_seconds=1, term_code=0)]},
        20,
        hooks={("drain",): (4.0, 0)},
        deleted_after=2,
    ),
    "a run to completion": Life(
        a_pod(restart_policy=RestartPolicy.NEVER), {"app": [App(exit_after=3, exit_code=3)]}, 8
    ),
    "a failing liveness probe": Life(
        a_pod(
            a_container(
                liveness_probe=a_probe(ProbeKind.LIVENESS, period_seconds=1, failure_threshold=2)
            ),
            termination_grace_period_seconds=3,
        ),
        {"app": [App(term_seconds=None), App()]},
        14,
        health={"app": lambda kind, age: age < 4},
    ),
    "a failing hook": Life(
        a_pod(a_container(lifecycle=Lifecycle(post_start=exec_hook("warm")))),
        {},
        8,
        hooks={("warm",): (1.0, 5)},
    ),
}


async def live(life: Life, world: World, deaths: list[int]) -> Daemon:
    """Live it, with a daemon that dies after so many deeds, one after the other, each followed by a
    second without any."""
    clock, end = world.clock, world.clock.monotonic() + life.seconds
    began = clock.monotonic()
    for lifetime in [*deaths, None]:
        deleted = life.deleted_after is not None and clock.monotonic() >= began + life.deleted_after
        stop = DELETION if deleted else None
        async with a_life(world, life.pod, lifetime=lifetime, health=life.health, stop=stop) as (
            daemon,
            worker,
        ):
            while clock.monotonic() < end and daemon.alive:
                await clock.advance(0.5)
                if (
                    not deleted
                    and life.deleted_after is not None
                    and clock.monotonic() >= began + life.deleted_after
                ):
                    deleted = True
                    worker.request_stop(DELETION)
                    await clock.settle()
        if lifetime is not None:
            await clock.advance(1)
    return daemon


def check(world: World) -> None:
    """What holds however often the daemon was killed."""
    by_name: dict[str, list[int]] = {}
    for container_id in world.starts:
        by_name.setdefault(world.names[container_id], []).append(world.restart_counts[container_id])
    for name, counts in by_name.items():
        assert counts == list(range(len(counts))), f"restart counts of {name}"
    started = Counter(record.container_id for record in world.records(ContainerStarted))
    assert started == Counter(world.starts.keys()), "each start is told once"
    created = Counter(record.container_id for record in world.records(ContainerCreated))
    assert created == started, "each instance is told once"
    exited = {r.container_id: r.exit_code for r in world.records(ContainerExited)}
    assert exited == {i: record.exit_code for i, record in world.exits.items()}
    assert len(world.records(ContainerExited)) == len(exited), "each exit is told once"
    kills = Counter(record.container_id for record in world.records(KillRequested))
    assert all(count == 1 for count in kills.values()), "each stop is told once"
    assert len(world.records(PodAccepted)) == 1
    holds = Counter(record.restart_count for record in world.records(BackOffStarted))
    assert all(count == 1 for count in holds.values()), "each back-off is told once"


def check_readiness(world: World) -> None:
    ready = [
        status.container_statuses[0].ready
        for status in world.statuses
        if status.container_statuses and isinstance(status.container_statuses[0].state, Running)
    ]
    assert ready == sorted(ready), "readiness flips"


@pytest.mark.parametrize("name", LIVES)
async def test_killed_at_each_step(name: str) -> None:
    life = LIVES[name]
    undisturbed = life.world()
    steps = len((await live(life, undisturbed, [])).deeds)
    check(undisturbed)
    for step in range(steps):
        world = life.world()
        await live(life, world, [step])
        check_life(name, world, undisturbed)


@pytest.mark.parametrize("name", LIVES)
async def test_killed_again_and_again(name: str) -> None:
    life, rng = LIVES[name], random.Random(name)
    undisturbed = life.world()
    await live(life, undisturbed, [])
    for _ in range(6):
        world = life.world()
        await live(life, world, [rng.randrange(1, 12) for _ in range(5)])
        check_life(name, world, undisturbed)


def check_life(name: str, world: World, undisturbed: World) -> None:
    check(world)
    status = world.statuses[-1]
    hooks = Counter(container_id for container_id, _ in world.commands)
    assert all(count == 1 for count in hooks.values())
    match name:
        case "init, hook and readiness":
            assert world.running() == ["app", "side"]
            assert [r.ok for r in world.records(HookRan)] == [True]
            check_readiness(world)
            assert status.container_statuses[0].ready
        case "a graceful deletion":
            assert world.running() == []
            known = {"app", "side"} == set(world.names.values())
            assert status.phase is (PodPhase.SUCCEEDED if known else PodPhase.FAILED)
            assert all(record.exit_code == 0 for record in world.exits.values())
        case "a run to completion":
            assert [record.exit_code for record in world.exits.values()] == [3]
            assert status.phase is PodPhase.FAILED
            assert isinstance(status.container_statuses[0].state, Terminated)
        case "a failing liveness probe":
            assert world.running() == ["app"] or len(world.starts) > 1
            assert {r.cause for r in world.records(KillRequested)} == {KillCause.LIVENESS}
        case "a crash loop":
            assert abs(len(world.starts) - len(undisturbed.starts)) <= 1
