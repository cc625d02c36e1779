"""A shim is made ahead of each start; whoever kills it, or what waits in it, delays nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.linux import Process
from minikubelet.runtime.shim.tree import all_processes
from tests.builders import a_launch_spec
from tests.runtime.harness import Harness, eventually, is_alive, log_of

SH = ("sh", "-c")


async def test_a_start_takes_the_spare_and_its_child(harness: Harness) -> None:
    spare, child = await spare_of(harness)
    spec = await harness.start(("sleep", "1000"))
    start = read_start_record(Path(spec.instance_dir))
    assert start
    assert (start.shim_pid, start.pid) == (spare.pid, child.pid)
    assert (await spare_of(harness))[0].pid != spare.pid, "and another takes its place"


async def test_a_spare_that_was_killed_is_replaced(harness: Harness) -> None:
    spare, child = await spare_of(harness)
    os.kill(spare.pid, signal.SIGKILL)
    await eventually(lambda: not is_alive(child.pid, child.start_time), "its child dies with it")
    spec = await harness.start((*SH, "exit 7"))
    assert (await harness.exit_of(spec)).exit_code == 7


async def test_a_spare_that_is_killed_with_a_request_loses_no_start(harness: Harness) -> None:
    spare, _ = await spare_of(harness)
    os.kill(spare.pid, signal.SIGSTOP)
    spec = a_launch_spec(harness.directory, (*SH, "echo once"))
    async with asyncio.TaskGroup() as group:
        start = group.create_task(harness.runtime.start(spec))
        await spare_of(harness, besides=spare.pid)  # so this one was asked
        os.kill(spare.pid, signal.SIGKILL)
    harness.note(start.result())
    await harness.exit_of(spec)
    assert log_of(spec) == "once\n"


async def test_a_child_that_was_killed_is_replaced(harness: Harness) -> None:
    _, child = await spare_of(harness)
    os.kill(child.pid, signal.SIGKILL)
    await eventually(lambda: not is_alive(child.pid, child.start_time), "it is dead")
    spec = await harness.start((*SH, "exit 7"))
    assert (await harness.exit_of(spec)).exit_code == 7


async def test_a_terminal_needs_a_child_of_its_own(harness: Harness) -> None:
    spare, child = await spare_of(harness)
    spec = await harness.start((*SH, "tty; sleep 1000"), tty=True)
    start = read_start_record(Path(spec.instance_dir))
    assert start
    assert start.shim_pid == spare.pid
    assert start.pid != child.pid
    await harness.logged(spec, "/dev/pts/")
    await eventually(lambda: not is_alive(child.pid, child.start_time), "the other one has ended")


async def test_a_spare_ends_with_its_spawner(harness: Harness) -> None:
    waiting = await spare_of(harness)
    os.kill(harness.runtime.spawner_pid, signal.SIGKILL)
    await eventually(
        lambda: not any(is_alive(p.pid, p.start_time) for p in waiting), "it has ended"
    )


async def test_a_spawner_that_ends_in_order_outlives_its_spare(harness: Harness) -> None:
    waiting = await spare_of(harness)
    await harness.runtime.close()
    known = {(process.pid, process.start_time) for process in all_processes()}
    assert not known & {(process.pid, process.start_time) for process in waiting}  # nor as zombies


async def test_a_stopped_spare_does_not_hold_up_its_spawner(harness: Harness) -> None:
    waiting = await spare_of(harness)
    os.kill(waiting[0].pid, signal.SIGSTOP)
    await harness.runtime.close()
    await eventually(
        lambda: not any(is_alive(process.pid, process.start_time) for process in waiting),
        "the spare and its child are gone",
    )


async def spare_of(harness: Harness, besides: int = 0) -> tuple[Process, Process]:
    """The spare and its child, once both wait."""
    found: list[Process] = []

    def waits() -> bool:
        found.clear()
        processes = all_processes()
        for process in processes:
            if (process.ppid, process.comm) != (harness.runtime.spawner_pid, "shim-spare"):
                continue
            if process.pid != besides:
                found.extend((process, *(p for p in processes if p.ppid == process.pid)))
        return len(found) == 2

    await eventually(waits, "there is a spare")
    return found[0], found[1]
