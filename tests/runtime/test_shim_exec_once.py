"""Commands with a key: run once in the life of a container, whoever asks (lifecycle hooks)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from minikubelet.runtime.records import read_start_record
from tests.runtime.harness import Harness, a_harness, eventually, processes_with

SH = ("sh", "-c")


def begun(path: Path) -> int:
    return path.read_text().count("begin") if path.exists() else 0


async def run(harness: Harness, container_id: str, script: str) -> tuple[int | None, bytes]:
    result = await harness.runtime.exec(container_id, (*SH, script), timeout=None, key="postStart")
    return result.exit_code, result.stdout


async def test_a_command_outlives_the_daemon_that_asked_for_it(tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    script = f"echo begin >> {log}; while [ ! -e {go} ]; do sleep 0.01; done; echo out; exit 4"
    async with a_harness(tmp_path, leave=True) as first:
        spec = await first.start(("sleep", "1000"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run(first, spec.container_id, script))
            await eventually(lambda: begun(log) == 1, "it runs")
            task.cancel()
    async with a_harness(tmp_path) as second:
        start = read_start_record(Path(spec.instance_dir))
        assert start
        second.note(start)
        await second.runtime.adopt(Path(spec.instance_dir))
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(run(second, spec.container_id, script))
            await asyncio.sleep(0)
            go.touch()
        assert asked.result() == (4, b"out\n")
        assert await run(second, spec.container_id, script) == (4, b"out\n")
        assert begun(log) == 1


async def test_a_command_that_cannot_run_is_not_tried_again(tmp_path: Path) -> None:
    async with a_harness(tmp_path) as harness:
        spec = await harness.start(("sleep", "1000"))
        failures = []
        for _ in range(2):
            try:
                await harness.runtime.exec(
                    spec.container_id, ("/nowhere",), timeout=None, key="postStart"
                )
            except Exception as error:
                failures.append(str(error))
        assert len(failures) == 2
        assert failures[0] == failures[1]


async def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:  # L-78
    mark = "1000.25"
    async with a_harness(tmp_path) as harness:
        spec = await harness.start(("sleep", "1000"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                harness.runtime.exec(
                    spec.container_id, ("sleep", mark), timeout=None, key="postStart"
                )
            )
            await eventually(lambda: bool(processes_with(mark)), "it runs")
            harness.runtime.cancel_exec(spec.container_id, "postStart")
            await eventually(lambda: not processes_with(mark), "it has ended")
            task.cancel()
