"""Whoever is killed, no process and no exit code is lost, and nothing runs twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from minikubelet.runtime.processes import ShimLostEvent
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.tree import all_processes
from minikubelet.runtime.spawner_client import SpawnerClient
from tests.builders import a_launch_spec
from tests.runtime.daemon_process import run_daemon
from tests.runtime.harness import Harness, a_harness, eventually, is_alive, log_of, processes_with

SH = ("sh", "-c")
FOREST = (*SH, "setsid sleep 1000 & (env -i setsid sleep 1000.5 &); echo ready; sleep 1000")
"""A main process, a child in a session of its own, an orphan without environment."""


async def test_a_killed_shim_takes_its_container_along(harness: Harness) -> None:
    spec = await harness.start(FOREST)
    await harness.logged(spec, "ready\n")
    start = read_start_record(Path(spec.instance_dir))
    assert start
    os.kill(start.shim_pid, signal.SIGKILL)
    await harness.event(ShimLostEvent, spec)
    assert processes_with(str(harness.directory)) == []
    assert processes_with("1000.5") == []
    assert [event for event in harness.events if event.container_id == spec.container_id] == [
        event for event in harness.events if isinstance(event, ShimLostEvent)
    ]
    assert list(harness.runtime.containers) == []


async def test_a_killed_spawner_is_replaced_and_its_containers_go_on(harness: Harness) -> None:
    before = await harness.start((*SH, "echo ready; read line", "sh"), stdin=True)
    os.kill(harness.runtime.spawner_pid, signal.SIGKILL)
    after = await harness.start((*SH, "exit 7"))
    assert (await harness.exit_of(after)).exit_code == 7
    result = await harness.runtime.exec(before.container_id, ["echo", "alive"], timeout=10)
    assert result.stdout == b"alive\n"
    harness.runtime.stop(before.container_id, 10)
    assert (await harness.exit_of(before)).exit_code == 143


@pytest.mark.parametrize("die_with_owner", [False, True], ids=["daemon", "foreground"])
async def test_a_killed_spawner_is_back_before_anybody_asks(
    tmp_path: Path, die_with_owner: bool
) -> None:
    async with a_harness(tmp_path, die_with_owner=die_with_owner) as harness:
        await harness.exit_of(await harness.start(("true",)))
        killed = harness.runtime.spawner_pid
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: harness.runtime.spawner_pid not in (0, killed), "another runs")


async def test_starts_survive_a_spawner_that_is_killed_again_and_again(harness: Harness) -> None:
    for _ in range(10):
        await harness.exit_of(await harness.start(("true",)))  # there is a spawner again
        async with asyncio.TaskGroup() as group:
            starts = [group.create_task(harness.start((*SH, "exit 3"))) for _ in range(4)]
            await asyncio.sleep(0)
            os.kill(harness.runtime.spawner_pid, signal.SIGKILL)
        for start in starts:
            assert (await harness.exit_of(start.result())).exit_code == 3


async def test_a_start_that_was_cut_short_is_finished_by_the_same_call(harness: Harness) -> None:
    for turns in range(6):  # of the event loop, until the start is called off
        spec = a_launch_spec(harness.directory, (*SH, "echo once; sleep 1000"))
        async with asyncio.TaskGroup() as group:
            start = group.create_task(harness.runtime.start(spec))
            for _ in range(turns):
                await asyncio.sleep(0)
            start.cancel()
        record = harness.note(await harness.runtime.start(spec))
        assert (await harness.runtime.start(spec)).pid == record.pid
        await harness.logged(spec, "once\n")
        harness.runtime.stop(spec.container_id, 10)
        assert (await harness.exit_of(spec)).exit_code == 143
        assert log_of(spec).count("once") == 1
    assert processes_with(str(harness.directory)) == []


async def test_the_spawner_and_the_shims_are_out_of_reach_of_the_terminal(
    harness: Harness,
) -> None:
    spec = await harness.start(("sleep", "1000"))
    start = read_start_record(Path(spec.instance_dir))
    assert start
    pids = (harness.runtime.spawner_pid, start.shim_pid, start.pid)
    assert [os.getsid(pid) for pid in pids] == list(pids)
    assert [os.getpgid(pid) for pid in pids] == list(pids)


@pytest.mark.parametrize("spawner_killed", [False, True], ids=["", "after its spawner"])
async def test_nothing_is_left_of_a_foreground_run_whose_process_is_killed(
    spawner_killed: bool, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    daemon = await run_daemon(directory, foreground=True)
    if spawner_killed:
        (spawner,) = spawners_of(daemon.process.pid)
        os.kill(spawner, signal.SIGKILL)
        await eventually(
            lambda: spawners_of(daemon.process.pid) not in ([], [spawner]), "there is another"
        )
    await daemon.kill()
    await eventually(lambda: not processes_with(str(directory)), "the containers have ended")
    await eventually(lambda: "run" not in os.listdir(tmp_path), "the run's directory is removed")
    alive = [is_alive(start.shim_pid, start.shim_start_time) for start in daemon.starts]
    assert alive == [False] * 3


def spawners_of(pid: int) -> list[int]:
    return [p.pid for p in all_processes() if p.ppid == pid and p.comm == "shim-spawner"]


async def test_closing_a_foreground_runtime_ends_its_containers(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    async with a_harness(tmp_path, leave=True, die_with_owner=True, cleanup=[directory]) as harness:
        harness.directory = directory
        spec = await harness.start((*SH, "setsid sleep 1000 & sleep 1000"), die_with_owner=True)
    assert processes_with(spec.instance_dir) == []
    assert harness.living_shims() == []
    assert os.listdir(tmp_path) == []


async def test_a_second_spawner_that_cannot_live_is_not_started_over_and_over(
    tmp_path: Path,
) -> None:
    client = SpawnerClient(cleanup=(), die_with_owner=True)
    client.open()
    os.kill(client.pid, signal.SIGKILL)  # before it was asked for anything
    await eventually(lambda: client.pid == 0, "its end is noticed")
    await client.close()
