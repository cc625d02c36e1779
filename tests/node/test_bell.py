"""Waiting for a fact."""

from __future__ import annotations

import asyncio

from minikubelet.node.bell import Bell
from tests.fakes.clock import FakeClock


async def test_a_fact_that_holds_needs_no_ring() -> None:
    assert await Bell(FakeClock()).wait_for(lambda: True)


async def test_a_ring_without_the_fact_goes_on_waiting() -> None:
    clock, facts = FakeClock(), list[bool]()
    bell = Bell(clock)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(bell.wait_for(lambda: bool(facts)))
        await clock.settle()
        bell.ring()
        await clock.settle()
        assert not waiting.done()
        facts.append(True)
        bell.ring()
    assert waiting.result()


async def test_the_deadline_ends_the_wait() -> None:
    clock = FakeClock()
    bell = Bell(clock)
    deadline = clock.monotonic() + 5
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(bell.wait_for(lambda: False, lambda: deadline))
        await clock.advance(4.9)
        assert not waiting.done()
        await clock.advance(0.2)
    assert not waiting.result()


async def test_a_deadline_that_comes_nearer_counts_from_the_next_ring() -> None:
    clock = FakeClock()
    bell = Bell(clock)
    deadlines = [clock.monotonic() + 100]
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(bell.wait_for(lambda: False, lambda: deadlines[-1]))
        await clock.settle()
        deadlines.append(clock.monotonic() + 1)
        bell.ring()
        await clock.advance(1.1)
    assert not waiting.result()
