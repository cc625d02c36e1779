"""Stopping: signal, grace period, SIGKILL (L-196, L-199, L-200)."""

from __future__ import annotations

import asyncio

import pytest

from minikubelet.runtime.processes import StopStepEvent
from tests.runtime.harness import Harness, eventually, log_of

SH = ("sh", "-c")
STUBBORN = "trap 'echo TERM' TERM; echo ready; while :; do sleep 0.01; done"


def steps(harness: Harness) -> list[tuple[str, str]]:
    return [(e.step, e.detail) for e in harness.events if isinstance(e, StopStepEvent)]


async def test_a_process_that_obeys_is_not_killed(harness: Harness) -> None:
    spec = await harness.start(
        (*SH, "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")
    )
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 20)
    record = await harness.exit_of(spec)
    assert (record.exit_code, record.kill_at) == (5, None)
    assert record.term_at is not None
    assert record.term_at <= record.finished_at
    assert steps(harness) == [("TERM", "SIGTERM")]


async def test_the_grace_period_is_kept_to_the_millisecond(harness: Harness) -> None:
    spec = await harness.start((*SH, STUBBORN))
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 0.3)
    await harness.exit_of(spec)
    term, kill = (e for e in harness.events if isinstance(e, StopStepEvent))
    assert (term.step, term.seconds, kill.step) == ("TERM", 0.3, "KILL")
    assert 0.3 <= kill.seconds < 0.4
    assert kill.seconds == pytest.approx(kill.at_monotonic - term.at_monotonic)
    assert {name.split()[1] for name in kill.detail.split(", ")} <= {"sh", "sleep"}
    assert "sh" in kill.detail


async def test_the_signal_is_sent_once_however_often_a_stop_is_asked(harness: Harness) -> None:
    spec = await harness.start((*SH, STUBBORN))
    await harness.logged(spec, "ready")
    for grace in (30, 20, 30):
        harness.runtime.stop(spec.container_id, grace)
    await harness.logged(spec, "TERM")
    harness.runtime.stop(spec.container_id, 0.1)
    record = await harness.exit_of(spec)
    assert record.exit_code == 137
    assert log_of(spec).splitlines().count("TERM") == 1
    assert [step for step, _ in steps(harness)] == ["TERM", "KILL"]


async def test_a_longer_grace_does_not_prolong_a_stop(harness: Harness) -> None:
    spec = await harness.start((*SH, STUBBORN))
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 0.2)
    harness.runtime.stop(spec.container_id, 1000)
    assert (await harness.exit_of(spec)).exit_code == 137


async def test_a_grace_of_years_is_waited_for(harness: Harness) -> None:
    spec = await harness.start((*SH, STUBBORN))
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 2.0**63)
    await harness.logged(spec, "TERM")
    harness.runtime.stop(spec.container_id, 0.1)  # which its shim must be there to hear
    await harness.exit_of(spec)
    assert [step for step, _ in steps(harness)] == ["TERM", "KILL"]


async def test_no_grace_kills_at_once(harness: Harness) -> None:
    spec = await harness.start((*SH, STUBBORN))
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 0)
    record = await harness.exit_of(spec)
    assert record.exit_code == 137
    assert [step for step, _ in steps(harness)] == ["TERM", "KILL"]


async def test_a_stop_of_what_has_ended_is_no_error(harness: Harness) -> None:
    spec = await harness.start(("true",))
    await harness.exit_of(spec)
    harness.runtime.stop(spec.container_id, 0)
    harness.runtime.stop("process://unknown", 0)
    assert steps(harness) == []


async def test_each_exit_is_told_once_and_after_the_start_returned(harness: Harness) -> None:
    started: list[str] = []

    async def run() -> None:
        spec = await harness.start(("true",))
        assert all(event.container_id in started for event in harness.events)
        started.append(spec.container_id)
        await harness.exit_of(spec)

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(run())
    await eventually(lambda: not harness.living_shims(), "all shims have ended")
    assert sorted(event.container_id for event in harness.events) == sorted(started)


async def test_survivors_are_named(harness: Harness) -> None:
    spec = await harness.start((*SH, "sleep 1000 & sleep 1000 & kill -TERM $$"))
    record = await harness.exit_of(spec)
    names = [name.split()[1] for name in record.survivors]
    assert len(names) == 2
    assert set(names) <= {"sleep", "sh"}  # sh: it has not executed its program yet
    assert (record.exit_code, record.term_at) == (143, None)


async def test_usage_is_recorded(harness: Harness) -> None:
    spec = await harness.start((*SH, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"))
    usage = (await harness.exit_of(spec)).rusage
    assert usage.user_seconds > 0
    assert usage.max_rss_kilobytes > 0
