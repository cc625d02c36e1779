"""Commands run in a container (P-340 … P-348, B-4 … B-6, B-26)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from minikubelet.pod.commands import ExecError, ExecResult
from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.tree import all_processes
from tests.runtime.harness import Harness, a_harness, eventually, log_of, processes_with

SH = ("sh", "-c")
PYTHON = (sys.executable, "-I", "-S", "-c")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch users")


async def a_container(harness: Harness, **members: Any) -> LaunchSpec:
    return await harness.start(("sleep", "1000"), **members)


async def run(
    harness: Harness, spec: LaunchSpec, *argv: str, timeout: float | None = 20, **more: Any
) -> ExecResult:
    return await harness.runtime.exec(spec.container_id, argv, timeout=timeout, **more)


def a_mark(directory: Path) -> dict[str, str]:
    """Environment by which a command of this test is found."""
    return {"EXECUTED": str(directory)}


def marked(directory: Path) -> list[str]:
    return processes_with(f"EXECUTED={directory}")


def facts(result: ExecResult) -> tuple[int | None, bytes, bytes, bool]:
    return result.exit_code, result.stdout, result.stderr, result.timed_out


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param(("true",), (0, b"", b"", False), id="success"),
        pytest.param((*SH, "exit 7"), (7, b"", b"", False), id="an exit code"),
        pytest.param((*SH, "kill -TERM $$"), (143, b"", b"", False), id="death by a signal"),
        pytest.param(
            (*SH, "echo out; echo err >&2; exit 1"), (1, b"out\n", b"err\n", False), id="output"
        ),
        pytest.param(
            ("printf", r"\377\000\303\244"), (0, b"\xff\0\xc3\xa4", b"", False), id="any bytes"
        ),
        pytest.param(("cat",), (0, b"", b"", False), id="no input"),
        pytest.param((*SH, "echo $A"), (0, b"1 2\n", b"", False), id="the container's environment"),
        pytest.param(
            (*SH, "ls /proc/self/fd | wc -l"), (0, b"4\n", b"", False), id="no descriptors leak"
        ),
        pytest.param(
            (*SH, "echo $((0x$(grep SigIgn /proc/$$/status | cut -f2) & 0x7fffffff))"),
            (0, b"0\n", b"", False),
            id="no ignored signal",
        ),
    ],
)
@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
async def test_results(
    argv: tuple[str, ...],
    expected: tuple[int, bytes, bytes, bool],
    forked: bool,
    harness: Harness,
) -> None:
    # A user of its own, even the same one, needs the way by fork.
    user = {"user": os.geteuid()} if forked else {}
    spec = await a_container(harness, env={"A": "1 2"}, **user)
    assert facts(await run(harness, spec, *argv)) == expected


@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
async def test_surroundings_are_those_of_the_container(forked: bool, harness: Harness) -> None:
    user = {"user": os.geteuid()} if forked else {}
    spec = await a_container(harness, **user)
    result = await run(harness, spec, *SH, "pwd; umask; test $(ps -o sid= -p $$) = $$")
    assert facts(result) == (0, f"{spec.cwd}\n0022\n".encode(), b"", False)
    assert result.spawn_seconds > 0
    assert result.run_seconds > 0


@as_root
async def test_the_container_s_user_and_mounts(harness: Harness, volume: Path) -> None:
    mounts = (Mount(str(volume), "/data"),)
    spec = await a_container(harness, user=1234, group=2345, groups=(), cwd="/", mounts=mounts)
    result = await run(harness, spec, *SH, "id -u; id -g; cat /data/greeting")
    assert facts(result) == (0, b"1234\n2345\nhello", b"", False)
    assert "data" not in os.listdir("/")


async def test_additional_environment(harness: Harness) -> None:
    spec = await a_container(harness, env={"A": "1", "B": "2"})
    result = await run(harness, spec, *SH, "echo $A $B $C", env={"B": "3", "C": "4"})
    assert result.stdout == b"1 3 4\n"


@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
@pytest.mark.parametrize(
    ("program", "message"),
    [
        pytest.param("nope", 'exec: "nope": executable file not found in $PATH', id="no program"),
        pytest.param(
            "/no/such", 'exec: "/no/such": stat /no/such: no such file or directory', id="no file"
        ),
        pytest.param("/etc/passwd", 'exec: "/etc/passwd": permission denied', id="not executable"),
    ],
)
async def test_a_command_that_cannot_be_run(  # P-347, B-25
    program: str, message: str, forked: bool, harness: Harness
) -> None:
    user = {"user": os.geteuid()} if forked else {}
    spec = await a_container(harness, **user)
    with pytest.raises(ExecError) as caught:
        await run(harness, spec, program)
    assert str(caught.value) == message


HANGING = [
    pytest.param("sleep 1000", id="the command itself"),
    pytest.param("sleep 1000 & sleep 1000", id="a child"),
    pytest.param("trap '' TERM; (trap '' TERM; sleep 1000) & wait", id="TERM is ignored"),
    pytest.param("(sleep 1000 &); sleep 1000", id="an orphan in its session"),
    pytest.param("setsid sleep 1000 & sleep 1000", id="a child in a session of its own"),
    pytest.param("kill -STOP $$", id="it has stopped itself"),
]


@pytest.mark.parametrize("script", HANGING)
async def test_nothing_is_left_of_a_command_at_its_deadline(  # P-348, B-4, B-5
    script: str, harness: Harness
) -> None:
    spec = await a_container(harness)
    result = await run(
        harness, spec, *SH, f"echo begin; {script}", timeout=0.1, env=a_mark(harness.directory)
    )
    assert marked(harness.directory) == []
    assert facts(result) == (None, b"begin\n", b"", True)
    assert 0.1 <= result.run_seconds < 5


@pytest.mark.parametrize("script", HANGING)
async def test_a_cancelled_command_is_killed(script: str, harness: Harness) -> None:
    spec = await a_container(harness)
    mark = a_mark(harness.directory)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await run(harness, spec, *SH, script, timeout=None, env=mark)
    await eventually(lambda: marked(harness.directory) == [], "the command is killed")


async def test_a_background_process_that_holds_the_pipes_delays_nothing(harness: Harness) -> None:
    spec = await a_container(harness)
    program = "(while echo again; do sleep 0.01; done) & echo done"
    result = await run(harness, spec, *SH, program, env=a_mark(harness.directory))
    assert (result.exit_code, result.timed_out) == (0, False)
    assert b"done\n" in result.stdout
    assert result.run_seconds < 5
    assert marked(harness.directory) != []


async def test_output_beyond_the_limit_is_dropped_and_blocks_nobody(harness: Harness) -> None:
    spec = await a_container(harness)
    result = await run(harness, spec, *SH, "yes | head -c 3000000; yes n | head -c 2000000 >&2")
    assert facts(result) == (0, b"y\n" * 5120, b"n\n" * 5120, False)
    result = await run(harness, spec, "printf", "abcdef", output_limit=4)
    assert result.stdout == b"abcd"


async def test_many_at_a_time(harness: Harness) -> None:
    spec = await a_container(harness)
    results = await asyncio.gather(
        *(run(harness, spec, *SH, f"echo {number}") for number in range(50))
    )
    assert [result.stdout for result in results] == [f"{n}\n".encode() for n in range(50)]


async def test_no_zombies_are_left(harness: Harness) -> None:  # B-6
    spec = await a_container(harness)
    record = read_start_record(Path(spec.instance_dir))
    assert record
    for _ in range(5):
        await run(harness, spec, *SH, "(sleep 0.01 &) ; true")
    await eventually(
        lambda: [p.pid for p in all_processes() if p.ppid == record.shim_pid] == [record.pid],
        "the shim has no other child",
    )


async def test_a_command_ends_with_its_container(harness: Harness) -> None:
    spec = await a_container(harness)
    mark = a_mark(harness.directory)
    async with asyncio.TaskGroup() as group:
        command = group.create_task(run(harness, spec, "sleep", "1000", timeout=None, env=mark))
        await eventually(lambda: marked(harness.directory) != [], "the command runs")
        harness.runtime.stop(spec.container_id, 20)
    assert facts(command.result()) == (137, b"", b"", False)
    assert (await harness.exit_of(spec)).survivors == ()
    with pytest.raises(ExecError, match="the container is not running"):
        await run(harness, spec, "true")


async def test_commands_run_while_the_container_stops(harness: Harness) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
    spec = await harness.start((*SH, script))
    await harness.logged(spec, "ready")
    harness.runtime.stop(spec.container_id, 1000)
    assert facts(await run(harness, spec, "echo", "yes")) == (0, b"yes\n", b"", False)
    harness.runtime.stop(spec.container_id, 0)
    assert (await harness.exit_of(spec)).exit_code == 137
    assert log_of(spec) == "ready\n"


async def test_a_command_is_killed_when_its_daemon_is_gone(tmp_path: Path) -> None:
    async def unanswered() -> None:
        with pytest.raises(ExecError, match="the container is not running"):
            await run(first, spec, "sleep", "1000", timeout=None, env=a_mark(tmp_path))

    async with a_harness(tmp_path, leave=True) as first, asyncio.TaskGroup() as group:
        spec = await a_container(first)
        group.create_task(unanswered())
        await eventually(lambda: marked(tmp_path) != [], "the command runs")
        await first.runtime.close()
    await eventually(lambda: marked(tmp_path) == [], "the command is killed")
    async with a_harness(tmp_path) as second:
        assert (await second.adopt(Path(spec.instance_dir))).alive
