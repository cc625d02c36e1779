"""Clients attached to a container's own streams (K-75, K-77, K-78, L-115)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from minikubelet.pod.commands import ExecError
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.streams import StreamEnd
from tests.runtime.harness import Harness, a_harness, log_of
from tests.runtime.streaming import PYTHON, SH, open_attach, read_all, read_until

SUCCESS = StreamEnd(0)

ECHO = "echo ready; while read line; do echo out $line; echo err $line >&2; done; echo end; exit 3"


async def an_echo(harness: Harness, script: str = ECHO, **members: Any) -> LaunchSpec:
    spec = await harness.start((*SH, script), **{"stdin": True, **members})
    await harness.logged(spec, "ready")
    return spec


async def test_output_from_now_on_and_input(harness: Harness) -> None:  # K-77
    spec = await an_echo(harness)
    stream = await open_attach(harness, spec, stdin=True)
    await stream.write(b"1\n2\n")
    both = await read_until(stream, b"err 2\n")
    assert sorted(both.decode().splitlines()) == ["err 1", "err 2", "out 1", "out 2"]
    harness.runtime.stop(spec.container_id, 10)
    assert await read_all(stream) == (b"", b"", SUCCESS)


async def test_the_end_of_the_container_is_a_success_behind_its_last_output(  # K-77
    harness: Harness,
) -> None:
    spec = await an_echo(
        harness, "echo ready; read line; head -c 300000 /dev/zero; echo err >&2; exit 3"
    )
    stream = await open_attach(harness, spec, stdin=True)
    await stream.write(b"go\n")
    output, errors, end = await read_all(stream)
    assert (output, errors, end) == (bytes(300_000), b"err\n", SUCCESS)
    assert (await harness.exit_of(spec)).exit_code == 3
    with pytest.raises(ExecError, match="the container is not running"):
        await open_attach(harness, spec)


async def test_several_clients(harness: Harness) -> None:
    spec = await an_echo(harness)
    first = await open_attach(harness, spec, stdin=True)
    second = await open_attach(harness, spec, stdin=True, stderr=False)
    await first.write(b"1\n")
    await read_until(first, b"err 1\n")
    await second.write(b"2\n")
    await read_until(first, b"err 2\n")
    first.close()
    await second.write(b"3\n")
    assert await read_until(second, b"out 3\n") == b"out 1\nout 2\nout 3\n"
    third = await open_attach(harness, spec, stdout=False)
    await third.write(b"not asked for\n")
    await second.write(b"4\n")
    assert await read_until(third, b"\n") == b"err 4\n"


@pytest.mark.parametrize("closes", [True, False], ids=["its input ends", "it goes away"])
async def test_stdin_once_ends_with_the_first_client(closes: bool, harness: Harness) -> None:
    spec = await an_echo(harness, stdin_once=True)  # K-78
    watcher = await open_attach(harness, spec)  # has no input whose end could be meant
    stream = await open_attach(harness, spec, stdin=True)
    await stream.write(b"1\n" * 4_000)
    if closes:
        await stream.close_stdin()
        output, _, end = await read_all(stream)
        assert output == b"out 1\n" * 4_000 + b"end\n"
        assert end == SUCCESS
    else:
        stream.close()
    watcher.close()
    assert (await harness.exit_of(spec)).exit_code == 3
    assert "\nend\n" in log_of(spec)


async def test_without_stdin_once_input_stays_open(harness: Harness) -> None:  # K-78
    spec = await an_echo(harness)
    for number in (1, 2):
        stream = await open_attach(harness, spec, stdin=True, stderr=False)
        await stream.write(f"{number}\n".encode())
        await stream.close_stdin()
        # With its input the session ends, as upstream's; the answer comes through.
        assert await read_all(stream) == (f"out {number}\n".encode(), b"", SUCCESS)


async def test_input_where_there_is_none_is_thrown_away(harness: Harness) -> None:  # L-115
    spec = await harness.start((*SH, "wc -c; echo ready; sleep 1000"))
    await harness.logged(spec, "ready")
    stream = await open_attach(harness, spec, stdin=True)
    async with asyncio.timeout(10):
        await stream.write(bytes(3_000_000))
        await stream.close_stdin()
    stream.close()
    assert log_of(spec) == "0\nready\n"


SHELL = r"""
import os, signal, sys
def changed(*_):
    os.write(1, "{} {}\n".format(*os.get_terminal_size()).encode())
signal.signal(signal.SIGWINCH, changed)
print("\n".join(str(number) for number in range(30_000)), flush=True)
sys.stdout.write("$ ")
sys.stdout.flush()
while line := sys.stdin.readline():
    print("got", line, end="$ ", flush=True)
"""


async def test_a_terminal_and_its_last_screenful(harness: Harness) -> None:
    spec = await harness.start((*PYTHON, SHELL), stdin=True, tty=True)
    await harness.logged(spec, "29999")
    screen = "".join(f"{number}\r\n" for number in range(30_000 - 23, 30_000)) + "$ "
    first = await open_attach(harness, spec, stdin=True, stderr=False)
    shown = await read_until(first, b"$ ")
    assert shown.decode() == screen
    for width, height in ((101, 11), (100, 10)):  # a redraw is forced (K-75)
        await first.resize(width, height)
        assert f"{width} {height}\r\n".encode() in await read_until(first, b"\n")
    await first.write(b"line\r")
    await read_until(first, b"got line\r\n$ ")
    second = await open_attach(harness, spec, stdin=True, stderr=False)
    shown = await read_until(second, b"got line\r\n$ ")
    assert shown.count(b"\n") == 9
    first.close()
    await second.write(b"\x03")
    assert (await read_all(second))[2] == SUCCESS
    assert (await harness.exit_of(spec)).exit_code == 130


async def test_the_first_prompt_is_remembered(harness: Harness) -> None:
    spec = await harness.start((*SH, "printf '> '; read line; echo $line"), stdin=True, tty=True)
    stream = await open_attach(harness, spec, stdin=True, stderr=False)
    assert await read_until(stream, b"> ") == b"> "
    await stream.write(b"hi\r")
    assert (await read_all(stream))[::2] == (b"hi\r\nhi\r\n", SUCCESS)


async def test_a_shell_that_was_attached_to_goes_on(harness: Harness) -> None:
    spec = await harness.start(("sh",), stdin=True, tty=True, env={"PS1": "$ "})
    stream = await open_attach(harness, spec, stdin=True, stderr=False)
    await read_until(stream, b"$ ")
    await stream.write(b"X=kept\r")
    await read_until(stream, b"kept\r\n$ ")
    stream.close()  # no hang-up: it only detaches (K-78)
    again = await open_attach(harness, spec, stdin=True, stderr=False)
    await again.write(b"echo $X $((6 * 7))\r")
    await read_until(again, b"kept 42\r\n$ ")


async def test_attach_after_a_restart_of_the_daemon(tmp_path: Path) -> None:
    async with a_harness(tmp_path, leave=True) as first:
        spec = await an_echo(first)
        stream = await open_attach(first, spec, stdin=True)
        await first.runtime.close()
        assert (await read_all(stream))[2] == StreamEnd(
            None, "the connection to the container was lost"
        )
    async with a_harness(tmp_path) as second:
        assert (await second.adopt(Path(spec.instance_dir))).alive
        stream = await open_attach(second, spec, stdin=True)
        await stream.write(b"new\n")
        await read_until(stream, b"err new\n")


async def test_a_slow_client_loses_nothing(harness: Harness) -> None:
    script = "echo ready; read line; head -c 10000000 /dev/zero"
    spec = await an_echo(harness, script)
    stream = await open_attach(harness, spec, stdin=True)
    await stream.write(b"go\n")
    output, _, end = await read_all(stream)
    assert (len(output), end) == (10_000_000, SUCCESS)
