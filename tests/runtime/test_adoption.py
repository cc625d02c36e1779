"""A new daemon finds what an earlier one has started."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minikubelet.runtime.processes import Adopted, ContainerExitedEvent
from minikubelet.runtime.records import read_exit_record, read_start_record
from minikubelet.runtime.shim.linux import boot_id, start_time
from minikubelet.runtime.spawner_client import SpawnerClient
from tests.builders import a_launch_spec
from tests.runtime.daemon_process import run_daemon
from tests.runtime.harness import Harness, a_harness, eventually, is_alive, processes_with

SH = ("sh", "-c")


async def test_containers_of_a_killed_daemon_go_on_under_the_next(tmp_path: Path) -> None:
    daemon = await run_daemon(tmp_path, foreground=False)
    await daemon.kill()
    async with a_harness(tmp_path) as harness:
        adopted = [await harness.adopt(path) for path in daemon.instance_dirs]
        assert adopted == [Adopted(start, alive=True) for start in daemon.starts]
        ids = [start.container_id for start in daemon.starts]
        for container_id in ids:
            result = await harness.runtime.exec(container_id, ["true"], timeout=10)
            assert result.exit_code == 0
            harness.runtime.stop(container_id, 0.1)
        await eventually(lambda: not harness.runtime.containers, "all have ended")
        exits = {
            event.container_id: event.record.exit_code
            for event in harness.events
            if isinstance(event, ContainerExitedEvent)
        }
        assert exits == dict(zip(ids, [5, 137, 143], strict=True))


async def test_an_exit_without_a_daemon_is_found_by_the_next(tmp_path: Path) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        spec = await first.start((*SH, "trap 'exit 9' INT; echo ready; sleep 1000 & wait"))
        await first.logged(spec, "ready")
    path = Path(spec.instance_dir)
    start = read_start_record(path)
    assert start
    os.kill(start.pid, signal.SIGINT)
    await eventually(lambda: read_exit_record(path) is not None, "the exit is recorded")
    async with a_harness(tmp_path) as second:
        ended = read_exit_record(path)
        assert await second.adopt(path) == Adopted(start, ended)
        assert ended
        assert ended.exit_code == 9
        assert second.events == []


async def test_a_stop_goes_on_when_the_daemon_is_gone(tmp_path: Path) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        spec = await first.start((*SH, "trap '' TERM; echo ready; while :; do sleep 0.01; done"))
        await first.logged(spec, "ready")
        first.runtime.stop(spec.container_id, 0.1)
    path = Path(spec.instance_dir)
    await eventually(lambda: read_exit_record(path) is not None, "the exit is recorded")
    assert (ended := read_exit_record(path))
    assert ended.exit_code == 137
    await eventually(lambda: not processes_with(str(tmp_path)), "nothing is left")


async def test_a_container_without_a_shim_is_lost_and_its_survivors_are_killed(
    tmp_path: Path,
) -> None:
    script = "setsid sleep 1000 & (setsid sleep 1001 &); echo ready; sleep 1002"
    async with a_harness(tmp_path, leave=True) as first:
        spec = await first.start((*SH, script))
        await first.logged(spec, "ready")
        start = read_start_record(Path(spec.instance_dir))
        assert start
    os.kill(start.shim_pid, signal.SIGKILL)
    await eventually(lambda: not is_alive(start.shim_pid, start.shim_start_time), "it is gone")
    async with a_harness(tmp_path) as second:
        adopted = await second.adopt(Path(spec.instance_dir))
        assert processes_with(str(tmp_path)) == []
        assert replace(adopted, survivors=()) == Adopted(start)
        assert {"sleep"} <= {name.split()[1] for name in adopted.survivors}


async def test_a_damaged_start_record_is_not_waited_for(tmp_path: Path) -> None:
    async with a_harness(tmp_path) as harness:
        spec = await harness.start(("sleep", "1000"))
        os.truncate(Path(spec.instance_dir, "start.json"), 20)
        async with asyncio.timeout(5), a_harness(tmp_path, leave=True) as other:
            with pytest.raises(ValueError, match=r"start\.json is damaged"):
                await other.adopt(Path(spec.instance_dir))


async def test_a_shim_whose_socket_was_removed_makes_it_again(tmp_path: Path) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        sockets = tmp_path / "run"
        sockets.mkdir()
        spec = await first.start(("sleep", "1000"), socket_path=str(sockets / "s"))
    shutil.rmtree(sockets)
    async with a_harness(tmp_path) as second:
        assert (await second.adopt(Path(spec.instance_dir))).alive
        second.runtime.stop(spec.container_id, 10)
        assert (await second.exit_of(spec)).exit_code == 143


async def test_an_instance_that_was_declared_lost_cannot_begin_any_more(
    harness: Harness,
) -> None:
    spec = a_launch_spec(harness.directory, (*SH, "echo ready"))
    path = Path(spec.instance_dir)
    (path / "launch.json").write_text(json.dumps(spec.to_json()))
    assert await harness.adopt(path) == Adopted(None)
    spawner = SpawnerClient(cleanup=(), die_with_owner=False)
    spawner.open()
    connection = await spawner.launch(path / "launch.json")
    assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    connection.close()
    await spawner.close()
    assert sorted(os.listdir(path)) == ["launch-lost.json", "termination-log", "work"]


@pytest.mark.parametrize(
    "difference",
    [
        pytest.param({"start_time": 1}, id="the pid has another owner now"),
        pytest.param({"boot_id": "another"}, id="the machine was started anew"),
    ],
)
async def test_nobody_is_signaled_on_the_strength_of_a_number(
    harness: Harness, difference: dict[str, Any]
) -> None:
    bystander = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    try:
        spec = a_launch_spec(harness.directory, ("sleep", "1000"))
        record = {
            "format": 1,
            "container_id": spec.container_id,
            "pid": bystander.pid,
            "start_time": start_time(bystander.pid),
            "boot_id": boot_id(),
            "shim_pid": 2**22 + 1,
            "shim_start_time": 1,
            "created_at": 1,
            "started_at": 1,
            "started_monotonic": 0.0,
            **difference,
        }
        path = Path(spec.instance_dir)
        (path / "launch.json").write_text(json.dumps(spec.to_json()))
        (path / "start.json").write_text(json.dumps(record))
        adopted = await harness.runtime.adopt(path)
        assert (adopted.alive, adopted.exit, adopted.survivors) == (False, None, ())
        assert bystander.returncode is None
        os.kill(bystander.pid, 0)
    finally:
        bystander.kill()
        assert await bystander.wait() == -signal.SIGKILL
