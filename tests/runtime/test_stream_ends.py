"""Clients that go away, and ends that do not read: nothing is left, and memory is bounded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from minikubelet.runtime.streams import ContainerStream, StreamEnd
from tests.runtime.harness import Harness, a_harness, eventually, log_of
from tests.runtime.streaming import (
    SH,
    marked,
    open_attach,
    open_exec,
    read_all,
    read_until,
    run,
)

ROOT = Path(__file__).parent.parent.parent

LEAVING = (
    "sleep 1000",
    "sleep 1000 & sleep 1000",
    "(sleep 1000 &); sleep 1000",
    "setsid sleep 1000 & sleep 1000",
    "trap '' HUP; (trap '' HUP; sleep 1000) & wait",
    "trap '' HUP; setsid sleep 1000 & kill -STOP $$",
    "trap '' HUP PIPE; while :; do echo y || sleep 0.01; done",
    "yes",
)


async def test_nothing_is_left_of_commands_whose_client_has_gone(harness: Harness) -> None:  # K-78
    spec = await harness.start(("sleep", "1000"))
    for tty in (False, True):
        for script in LEAVING:
            argv = (*SH, f"echo begin; {script}")
            stream = await open_exec(harness, spec, argv, stdin=True, tty=tty)
            await read_until(stream, b"begin")
            stream.close()
    await eventually(lambda: len(marked(harness, "")) == 1, "the container is alone")
    assert await run(harness, spec, ("echo", "next")) == (b"next\n", b"", StreamEnd(0))


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 50])
async def test_nothing_is_left_of_a_session_that_was_called_off(
    turns: int, harness: Harness
) -> None:
    spec = await harness.start(("sleep", "1000"))
    async with asyncio.TaskGroup() as group:
        opening = group.create_task(open_exec(harness, spec, ("sleep", "1000"), tty=True))
        for _ in range(turns):
            await asyncio.sleep(0)
        if not opening.cancel():
            opening.result().close()
    assert await run(harness, spec, ("echo", "next")) == (b"next\n", b"", StreamEnd(0))
    await eventually(lambda: len(marked(harness, "")) == 1, "the container is alone")


async def test_a_command_hears_that_its_client_has_gone(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    script = f"trap 'echo bye >{spec.cwd}/bye; exit' HUP; echo ready; while :; do sleep 0.01; done"
    stream = await open_exec(harness, spec, (*SH, script))
    await read_until(stream, b"ready")
    stream.close()
    bye = Path(spec.cwd, "bye")
    await eventually(lambda: bye.exists() and bye.read_text() == "bye\n", "it has said good-bye")


async def test_reading_ends_when_the_session_is_closed(harness: Harness) -> None:
    spec = await harness.start(("sleep", "1000"))
    stream = await open_exec(harness, spec, ("cat",), stdin=True)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read_all(stream))
        await asyncio.sleep(0)
        stream.close()
    assert reading.result()[2] == StreamEnd(None, "the connection to the container was lost")
    await stream.write(b"too late")
    await stream.close_stdin()
    await stream.resize(80, 24)


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private"))


async def test_a_client_that_does_not_read_holds_up_the_command_only(  # K-79
    harness: Harness,
) -> None:
    spec = await harness.start(("sleep", "1000"))
    shim = harness.shims[0][0]
    assert (await run(harness, spec, ("true",)))[2] == StreamEnd(0)
    before = _private_kib(shim)
    stuck = [
        await open_exec(harness, spec, ("head", "-c", "1000000000", "/dev/zero")) for _ in range(8)
    ]
    # Meanwhile the shim serves others, and the commands have filled what there is to fill.
    for _ in range(20):
        assert (await run(harness, spec, ("head", "-c", "100000", "/dev/zero")))[2] == StreamEnd(0)
    assert _private_kib(shim) - before < 2048
    for stream in stuck:
        stream.close()
    await eventually(lambda: len(marked(harness, "")) == 1, "the container is alone")


async def _write_until_stuck(stream: ContainerStream) -> int:
    written = 0
    try:
        while True:
            async with asyncio.timeout(0.2):
                await stream.write(bytes(32768))
            written += 32768
    except TimeoutError:
        return written


async def test_a_program_that_does_not_read_holds_up_its_client(harness: Harness) -> None:  # K-79
    spec = await harness.start(("sleep", "1000"))
    stream = await open_exec(harness, spec, (*SH, "sleep 1; wc -c"), stdin=True)
    shim = harness.shims[0][0]
    before = _private_kib(shim)
    written = await _write_until_stuck(stream)
    assert 0 < written < 2_000_000
    assert _private_kib(shim) - before < 1024
    # What the cancelled call began is kept, and nothing is lost or doubled.
    await stream.close_stdin()
    output, _, end = await read_all(stream)
    assert (int(output), end) == (written + 32768, StreamEnd(0))


async def test_an_exec_ends_and_an_attach_is_ended_with_the_daemon(
    harness: Harness, tmp_path: Path
) -> None:
    spec = await harness.start((*SH, "echo ready; cat"), stdin=True)
    await harness.logged(spec, "ready")
    program = f"""
import asyncio, os, sys
from pathlib import Path
from minikubelet.runtime.processes import ProcessRuntime

async def main():
    runtime = ProcessRuntime(die_with_owner=False, on_event=print)
    await runtime.open()
    await runtime.adopt(Path({spec.instance_dir!r}))
    id = {spec.container_id!r}
    streams = [
        await runtime.open_exec(id, ["sleep", "1000"], stdin=True, stdout=True, stderr=True, tty=t)
        for t in (False, True)
    ]
    streams.append(await runtime.open_attach(id, stdin=True, stdout=True, stderr=True))
    print("ready", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert daemon.stdout is not None
    async with asyncio.timeout(20):
        assert await daemon.stdout.readline() == b"ready\n"
    alone = 2  # the shell of the container, and its cat
    assert len(marked(harness, "")) == alone + 3  # with the daemon, and its two commands
    daemon.send_signal(signal.SIGKILL)
    await daemon.wait()
    await eventually(lambda: len(marked(harness, "")) == alone, "the commands are gone")
    # The container is as it was, and its input still open: L-115.
    stream = await open_attach(harness, spec, stdin=True)
    await stream.write(b"again\n")
    assert await read_until(stream, b"\n") == b"again\n"
    stream.close()
    assert log_of(spec) == "ready\nagain\n"


async def test_sessions_do_not_hold_up_the_end_of_a_foreground_run(tmp_path: Path) -> None:
    begun = asyncio.get_running_loop().time()
    async with a_harness(tmp_path, die_with_owner=True) as harness:
        spec = await harness.start((*SH, "cat"), stdin=True, die_with_owner=True)
        exec_stream = await open_exec(harness, spec, ("yes",))
        attached = await open_attach(harness, spec, stdin=True)
        await harness.runtime.close()
        for stream in (exec_stream, attached):
            assert (await read_all(stream))[2] == StreamEnd(
                None, "the connection to the container was lost"
            )
        assert harness.living_shims() == []
    assert asyncio.get_running_loop().time() - begun < 9
