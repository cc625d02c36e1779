"""One container is stopped: hook, turn, signal, with the deductions of L-194 … L-201."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from minikubelet.node.bell import Bell
from minikubelet.node.stopping import ContainerStop, StopSteps
from tests.fakes.clock import FakeClock


@dataclass
class Scene:
    """A container whose hook takes `hook` seconds and whose turn comes after `turn` seconds."""

    hook: float | None = None
    turn: float = 0.0
    grace: float = 30.0
    clock: FakeClock = field(default_factory=FakeClock)
    signals: list[tuple[float, float]] = field(default_factory=list)
    gone: bool = False

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()
        self.bell = Bell(self.clock)

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        self.signals.append((self.clock.monotonic() - self.began, grace_period_seconds))

    def exit(self) -> None:
        self.gone = True
        self.bell.ring()

    def build(self, group: asyncio.TaskGroup) -> ContainerStop:
        hook = self.hook

        async def pre_stop() -> None:
            await self.clock.sleep(hook or 0.0)

        def spawn(work: Coroutine[Any, Any, None]) -> object:
            return group.create_task(work)

        self.clock.call_at(self.began + self.turn, self.bell.ring)
        steps = StopSteps(
            gone=lambda: self.gone,
            may_signal=lambda: self.clock.monotonic() >= self.began + self.turn,
            pre_stop=None if hook is None else pre_stop,
            waited=lambda seconds: None,
        )
        return ContainerStop(
            "process://1",
            self.grace,
            steps,
            stopper=self,
            clock=self.clock,
            bell=self.bell,
            spawn=spawn,
        )


@pytest.mark.parametrize(
    ("scene", "signal"),
    [
        pytest.param(
            Scene(),
            (0.0, 30.0),
            id="without a hook TERM comes at once with the whole grace (L-196)",
        ),
        pytest.param(
            Scene(hook=3.7), (3.7, 27.0), id="whole seconds of preStop are deducted (L-196)"
        ),
        pytest.param(Scene(hook=29.5), (29.5, 2.0), id="the rest is raised to two seconds (L-196)"),
        pytest.param(
            Scene(hook=99.0, grace=10.0),
            (10.0, 2.0),
            id="a hook is abandoned when the grace is used up (L-193)",
        ),
        pytest.param(
            Scene(turn=4.2),
            (4.2, 26.0),
            id="whole seconds of waiting for its turn are deducted (L-196)",
        ),
        pytest.param(
            Scene(hook=2.5, turn=5.0),
            (5.0, 26.0),
            id="the hook runs before the wait, not after (L-197)",
        ),
        pytest.param(
            Scene(turn=99.0, grace=10.0),
            (10.0, 2.0),
            id="waiting ends when the grace is used up (L-197)",
        ),
        pytest.param(
            Scene(grace=0.0), (0.0, 2.0), id="a grace of 0 is raised to two seconds too (L-196)"
        ),
    ],
)
async def test_when_the_signal_comes_and_what_grace_is_left(
    scene: Scene, signal: tuple[float, float]
) -> None:
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(scene.build(group).run())
        await scene.clock.advance(120)
        assert not stopping.done(), "the stop lasts until the container is gone"
        scene.exit()
    assert [(round(at, 6), grace) for at, grace in scene.signals] == [signal]


async def test_a_container_that_ends_by_itself_gets_no_signal() -> None:
    scene = Scene(hook=20.0)
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(scene.build(group).run())
        await scene.clock.advance(5)
        scene.exit()
        await scene.clock.settle()
        assert stopping.done()
        await scene.clock.advance(20)
    assert scene.signals == []  # L-200


async def test_a_shorter_grace_wins_and_a_longer_one_changes_nothing() -> None:
    scene = Scene(hook=20.0)
    async with asyncio.TaskGroup() as group:
        stop = scene.build(group)
        group.create_task(stop.run())
        await scene.clock.advance(1)
        stop.shorten(100)
        stop.shorten(4)
        await scene.clock.advance(30)
        scene.exit()
    assert scene.signals == [(5.0, 2.0)]  # L-79: five of the then five seconds are spent


async def test_kill_at_once_leaves_the_hook_behind() -> None:
    scene = Scene(hook=20.0)
    async with asyncio.TaskGroup() as group:
        stop = scene.build(group)
        group.create_task(stop.run())
        await scene.clock.advance(1)
        stop.kill()
        assert scene.signals == [(1.0, 0)]
        scene.exit()
        await scene.clock.advance(30)
    assert len(scene.signals) == 1
