"""Time that passes only while nothing else is to be done."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from minikubelet.simulate.virtual_time import EPOCH, StalledError, VirtualClock, run_virtual


def test_sleepers_wake_in_order_and_at_their_time() -> None:
    clock = VirtualClock()
    woken: list[tuple[float, str]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((clock.monotonic(), name))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for name, seconds in (("b", 86_400.1), ("a", 0.1), ("c", 86_400.1)):
                group.create_task(sleeper(name, seconds))

    run_virtual(clock, main())
    assert woken == [(0.1, "a"), (86_400.1, "b"), (86_400.1, "c")]
    assert clock.now() == EPOCH + timedelta(seconds=86_400.1)


def test_a_timer_that_was_called_off_does_not_count() -> None:
    clock = VirtualClock()
    fired: list[str] = []

    async def main() -> None:
        clock.call_at(5, lambda: fired.append("no")).cancel()
        clock.call_at(9, lambda: fired.append("yes"))
        await clock.sleep(10)

    run_virtual(clock, main())
    assert (fired, clock.monotonic()) == (["yes"], 10)


def test_time_does_not_pass_while_there_is_work() -> None:
    clock = VirtualClock()
    seen: list[float] = []

    async def main() -> None:
        clock.call_at(1, lambda: seen.append(-1.0))
        for _ in range(100):
            await asyncio.sleep(0)
            seen.append(clock.monotonic())

    run_virtual(clock, main())
    assert seen == [0.0] * 100


def test_timers_of_the_loop_itself_are_in_the_same_time() -> None:
    clock = VirtualClock()

    async def main() -> None:
        clock.call_at(2, lambda: None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()

    run_virtual(clock, main())
    assert clock.monotonic() == pytest.approx(3)


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StalledError, match="nothing is left that could happen"):
        run_virtual(VirtualClock(), main())
