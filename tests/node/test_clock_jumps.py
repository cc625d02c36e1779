"""The wall clock is for people: whoever sets it changes nothing of what happens to a pod."""

from __future__ import annotations

from datetime import timedelta

import pytest

from minikubelet.journal import DeadlineExceeded, ProbeAttempted
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ProbeKind
from minikubelet.node.stop_request import StopRequest
from tests.fakes.mortal_node import World, a_life
from tests.fakes.runtime import App
from tests.pod.builders import a_container, a_pod, a_probe

HOURS = 6 * 3600.0


async def _told(jump: float, *, in_between: bool) -> list[tuple[str, timedelta]]:
    """What is told of a pod with probes, a crash loop, a deadline, and an app that has to be
    killed, and after how much time; the clock is set after 35 s, `in_between` two
    daemons or under one."""
    probed = a_container(
        readiness_probe=a_probe(ProbeKind.READINESS, period_seconds=10),
        liveness_probe=a_probe(ProbeKind.LIVENESS, period_seconds=7, initial_delay_seconds=3),
    )
    pod = a_pod(probed, a_container("bad"), active_deadline_seconds=300)
    world = World({"app": [App(term_seconds=None)], "bad": [App(exit_after=1, exit_code=1)]}, {})
    health = {"app": lambda kind, age: kind is ProbeKind.LIVENESS or age > 20}
    began = world.clock.now()
    async with a_life(world, pod, health=health) as (_, worker):
        await world.clock.advance(35)
        before = len(world.journal)
        if not in_between:
            world.clock.shift(jump)
            await world.clock.advance(200)
            worker.request_stop(StopRequest(KillCause.DELETED, 20))
            await world.clock.advance(200)
    if in_between:
        world.clock.shift(jump)
        async with a_life(world, pod, health=health):
            await world.clock.advance(400)
    shifts = (timedelta(seconds=0 if n < before else jump) for n in range(len(world.journal)))
    return [
        (type(record).__name__, record.at - began - shift)
        for record, shift in zip(world.journal, shifts, strict=True)
    ]


@pytest.mark.parametrize("in_between", [False, True], ids=["under a daemon", "between two"])
@pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["forward", "back"])
async def test_a_clock_that_is_set_changes_nothing(jump: float, in_between: bool) -> None:
    expected = await _told(0, in_between=in_between)
    assert await _told(jump, in_between=in_between) == expected
    kinds = {kind for kind, _ in expected}
    assert ProbeAttempted.__name__ in kinds
    assert (DeadlineExceeded.__name__ in kinds) is in_between
