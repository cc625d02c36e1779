"""Commands run in a container with their streams connected (K-67 … K-79, seen from the runtime)."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from minikubelet.pod.commands import ExecError
from minikubelet.runtime.launch import LaunchSpec, Mount
from minikubelet.runtime.streams import StreamEnd
from tests.runtime.harness import Harness, eventually
from tests.runtime.streaming import PYTHON, SH, marked, open_exec, read_all, read_until, run

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch users")

FORKED = [pytest.param(False, id="spawned"), pytest.param(True, id="forked")]


async def a_container(harness: Harness, forked: bool = False, **members: Any) -> LaunchSpec:
    # A user of its own, even the same one, needs the way by fork.
    user = {"user": os.geteuid()} if forked else {}
    return await harness.start(("sleep", "1000"), **{**user, **members})


@pytest.mark.parametrize(
    ("script", "data", "expected"),
    [
        pytest.param("exit 0", b"", (b"", b"", StreamEnd(0)), id="success"),
        pytest.param("exit 7", b"", (b"", b"", StreamEnd(7)), id="an exit code"),
        pytest.param("kill -TERM $$", b"", (b"", b"", StreamEnd(143)), id="death by a signal"),
        pytest.param(
            "echo out; echo err >&2", b"", (b"out\n", b"err\n", StreamEnd(0)), id="stderr apart"
        ),
        pytest.param("cat", b"a\0\xff\n", (b"a\0\xff\n", b"", StreamEnd(0)), id="any bytes"),
        pytest.param("cat; echo end", b"", (b"end\n", b"", StreamEnd(0)), id="no input"),
        pytest.param("wc -c", b"x" * 3_000_000, (b"3000000\n", b"", StreamEnd(0)), id="much input"),
        pytest.param(
            "exec <&-; head -c 100000 /dev/zero | tr '\\0' y",
            b"x" * 3_000_000,
            (b"y" * 100_000, b"", StreamEnd(0)),
            id="input that nobody takes",
        ),
        pytest.param(
            "echo $A; pwd >&2", b"", (b"1 2\n", b"CWD\n", StreamEnd(0)), id="surroundings"
        ),
        pytest.param(
            "ls /proc/self/fd | wc -l; "
            "echo $((0x$(grep SigIgn /proc/$$/status | cut -f2) & 0x7fffffff))",
            b"",
            (b"4\n0\n", b"", StreamEnd(0)),
            id="no descriptors leak, no signal is ignored",
        ),
    ],
)
@pytest.mark.parametrize("forked", FORKED)
async def test_results(
    script: str,
    data: bytes,
    expected: tuple[bytes, bytes, StreamEnd],
    forked: bool,
    harness: Harness,
) -> None:
    spec = await a_container(harness, forked, env={"A": "1 2"})
    stdout, stderr, end = expected
    stderr = stderr.replace(b"CWD", spec.cwd.encode())
    assert await run(harness, spec, (*SH, script), data) == (stdout, stderr, end)


@as_root
async def test_the_container_s_user_and_mounts(harness: Harness, volume: Path) -> None:
    mounts = (Mount(str(volume), "/data"),)
    spec = await a_container(
        harness, user=1234, group=2345, groups=(3456,), cwd="/data", mounts=mounts
    )
    for tty in (False, True):
        # Its streams are its own: /dev/stdout can be opened again.
        script = "id -u; id -g; id -G; pwd; cat greeting; echo opened >/dev/stdout"
        output, _, end = await run(harness, spec, (*SH, script), tty=tty)
        lines = output.decode().split()
        assert (lines, end) == (
            ["1234", "2345", "2345", "3456", "/data", "helloopened"],
            StreamEnd(0),
        )


@pytest.mark.parametrize("tty", [False, True], ids=["pipes", "terminal"])
@pytest.mark.parametrize("forked", FORKED)
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
async def test_a_command_that_cannot_be_run(
    program: str, message: str, forked: bool, tty: bool, harness: Harness
) -> None:
    spec = await a_container(harness, forked)
    with pytest.raises(ExecError) as caught:
        await open_exec(harness, spec, (program,), stdin=True, tty=tty)
    assert str(caught.value) == message
    assert await run(harness, spec, ("echo", "next")) == (b"next\n", b"", StreamEnd(0))


async def test_streams_that_nobody_wants_go_nowhere(harness: Harness) -> None:
    spec = await a_container(harness)
    argv = (*SH, "echo out; echo err >&2")
    assert await run(harness, spec, argv, stdout=False) == (b"", b"err\n", StreamEnd(0))
    assert await run(harness, spec, argv, stderr=False) == (b"out\n", b"", StreamEnd(0))


async def test_nothing_runs_where_no_container_runs(harness: Harness) -> None:
    spec = await harness.start(("true",))
    await harness.exit_of(spec)
    with pytest.raises(ExecError, match="the container is not running"):
        await open_exec(harness, spec, ("true",))


TERMINAL = r"""
import os, signal, sys, termios
print(*(os.isatty(fd) for fd in (0, 1, 2)), os.environ["TERM"], *os.get_terminal_size())
print(os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpgrp(), os.ttyname(0) != "")
open("/dev/tty", "w").write("tty\n")
def changed(*_):
    os.write(1, "{} {}\n".format(*os.get_terminal_size()).encode())
signal.signal(signal.SIGWINCH, changed)
print("ready", flush=True)
while line := sys.stdin.readline():
    print("got", line, end="", flush=True)
"""


async def test_a_terminal(harness: Harness) -> None:
    spec = await a_container(harness)
    stream = await open_exec(
        harness, spec, (*PYTHON, TERMINAL), stdin=True, stderr=False, tty=True, width=90, height=30
    )
    output = await read_until(stream, b"ready\r\n")
    expected = b"True True True xterm 90 30\r\nTrue True True\r\ntty\r\nready\r\n"
    assert output == expected
    for width, height in ((101, 41), (100, 40)):  # as attach does (K-75)
        await stream.resize(width, height)
        assert f"{width} {height}\r\n".encode() in await read_until(stream, b"\n")
    await stream.write(b"line\r")
    assert await read_until(stream, b"got line\r\n") == b"line\r\ngot line\r\n"
    await stream.write(b"\x03")  # the terminal makes an INT of it
    _, _, end = await read_all(stream)
    assert end == StreamEnd(130)


async def test_the_container_s_own_term_is_kept(harness: Harness) -> None:
    spec = await a_container(harness, env={"TERM": "vt100"})
    assert await run(harness, spec, (*SH, "echo $TERM"), tty=True) == (
        b"vt100\r\n",
        b"",
        StreamEnd(0),
    )


async def test_job_control(harness: Harness) -> None:
    spec = await a_container(harness, env={"PS1": "$ "})
    stream = await open_exec(
        harness, spec, ("bash", "--norc", "-i"), stdin=True, stderr=False, tty=True
    )
    output = await read_until(stream, b"$ ")
    assert b"no job control" not in output
    await stream.write(b"sleep 1000\r")
    await read_until(stream, b"sleep 1000")
    await eventually(lambda: _sleepers(harness) == 2, "the container's own process, and the job")
    await stream.write(b"\x1a")
    await read_until(stream, b"Stopped")
    await stream.write(b"kill -KILL %1\r")
    await eventually(lambda: _sleepers(harness) == 1, "the job is dead")
    await stream.write(b"exit 5\rexit 5\r")  # once more, should bash not have heard of it yet
    assert (await read_all(stream))[2] == StreamEnd(5)


def _sleepers(harness: Harness) -> int:
    return sum(name.endswith(" sleep") for name in marked(harness, ""))


async def test_many_sessions_at_a_time(harness: Harness) -> None:
    spec = await a_container(harness)
    inputs = [f"{number} ".encode() * 20_000 for number in range(50)]
    results = await asyncio.gather(*(run(harness, spec, ("cat",), data) for data in inputs))
    assert results == [(data, b"", StreamEnd(0)) for data in inputs]


async def test_a_background_process_does_not_hold_up_the_result(harness: Harness) -> None:
    spec = await a_container(harness)
    begun = asyncio.get_running_loop().time()
    script = "(while echo again; do sleep 0.01; done) & head -c 300000 /dev/zero"
    output, _, end = await run(harness, spec, (*SH, script))
    assert output.count(b"\0") == 300_000
    assert end == StreamEnd(0)
    assert asyncio.get_running_loop().time() - begun < 5
    # It lives on, and can write: it was the user who put it there.
    assert any(name.endswith(" sh") for name in marked(harness, ""))


async def test_output_comes_before_the_result_to_a_client_that_is_slow(harness: Harness) -> None:
    spec = await a_container(harness)
    stream = await open_exec(harness, spec, (*SH, "head -c 60000 /dev/zero; exit 3"))
    await eventually(lambda: len(marked(harness, "")) == 1, "the command has ended")
    output, _, end = await read_all(stream)
    assert (len(output), end) == (60_000, StreamEnd(3))


async def test_a_command_ends_with_its_container(harness: Harness) -> None:
    spec = await a_container(harness)
    stream = await open_exec(harness, spec, (*SH, "echo begin; sleep 1000"))
    await read_until(stream, b"begin")
    harness.runtime.stop(spec.container_id, 10)
    assert await read_all(stream) == (b"", b"", StreamEnd(137))
    assert (await harness.exit_of(spec)).survivors == ()


async def test_the_death_of_the_shim_ends_a_session(harness: Harness) -> None:
    spec = await a_container(harness)
    stream = await open_exec(harness, spec, ("sleep", "1000"))
    os.kill(harness.shims[0][0], signal.SIGKILL)
    end = StreamEnd(None, "the connection to the container was lost")
    assert await read_all(stream) == (b"", b"", end)
