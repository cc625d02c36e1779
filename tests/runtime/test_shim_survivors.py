"""Techniques to outlive a container: none works, and none delays its end (L-201)."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from minikubelet.runtime.records import read_start_record
from tests.runtime.harness import Harness, log_of, processes_with

RUNS = 20

# Programs print "ready" when what is to survive runs. Each bears a mark on its command line, for
# those that clear their environment. The endless ones end by themselves, should a test fail.
SH = ("sh", "-c")
PYTHON = (sys.executable, "-I", "-S", "-c")
FORK_STORM = """
import os, time
print("ready", flush=True)
end = time.monotonic() + 10
if os.fork() == 0:
    os.setsid()
    while time.monotonic() < end:
        if os.fork() == 0:
            os.setsid()
            time.sleep(20)
            os._exit(0)
        time.sleep(1 / 200)
"""
HOPPER = """
import os, time
print("ready", flush=True)
end = time.monotonic() + 10
if os.fork() == 0:
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
        os.setsid()
"""
CLONED_SIBLING = """
import ctypes, os, time
CLONE_PARENT, SIGCHLD, SYS_CLONE = 0x8000, 17, 56
if ctypes.CDLL(None).syscall(SYS_CLONE, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0:
    os.setsid()
    print("ready", flush=True)
    time.sleep(20)
time.sleep(0.1)
"""

ENDS_BY_ITSELF = [
    pytest.param((*SH, "sleep 1000.$0 & echo ready"), id="the leader exits first"),
    pytest.param((*SH, "setsid sleep 1000.$0 & echo ready; sleep 0.02"), id="a session of its own"),
    pytest.param(
        (*SH, "(setsid sh -c 'setsid sleep 1000.$0 &' $0 &) & echo ready; sleep 0.3"),
        id="double fork into new sessions",
    ),
    pytest.param(
        (*SH, "env -i setsid sleep 1000.$0 & echo ready; sleep 0.3"), id="a cleared environment"
    ),
    pytest.param((*SH, "sleep 1000.$0 & kill -STOP $!; echo ready"), id="a stopped child"),
    pytest.param(
        (*SH, "(trap '' TERM HUP INT; sleep 1000.$0) & echo ready"), id="signals are ignored"
    ),
    pytest.param((*PYTHON, FORK_STORM), id="a fork storm in new sessions"),
    pytest.param((*PYTHON, HOPPER), id="each process is replaced by its child at once"),
    pytest.param((*PYTHON, CLONED_SIBLING), id="a child cloned as a child of the shim"),
]

KILLED_WITH_TERM = [
    pytest.param((*SH, "sleep 1000.$0 & echo ready; sleep 1000.$0"), id="a plain child"),
    pytest.param(
        (*SH, "sleep 1000.$0 & kill -STOP $!; echo ready; sleep 1000.$0"), id="a stopped child"
    ),
    pytest.param((*SH, "echo ready; kill -STOP $$; sleep 1000.$0"), id="stopped itself"),
    pytest.param(
        (*SH, "setsid sleep 1000.$0 & echo ready; sleep 1000.$0"), id="a session of its own"
    ),
]

KILLED_WITH_KILL = [
    pytest.param((*SH, "trap '' TERM; sleep 1000.$0 & echo ready; wait"), id="TERM is ignored"),
    pytest.param(
        (*SH, "trap '' TERM; echo ready; while :; do setsid sleep 0.01$0 & sleep 0.005; done"),
        id="TERM is ignored, and processes are made all the time",
    ),
    pytest.param(
        (*SH, "trap '' TERM; setsid sleep 1000.$0 & echo ready; while :; do sleep 0.01; done"),
        id="TERM is ignored, with a child in a session of its own",
    ),
]


def a_mark() -> str:
    """Digits, so that they can be the fraction of a number of seconds."""
    return f"{secrets.randbelow(10**15):015}"


async def repeat(run: Callable[[str], Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(RUNS):
            group.create_task(run(a_mark()))


@pytest.mark.parametrize("argv", ENDS_BY_ITSELF)
async def test_nothing_outlives_the_main_process(argv: tuple[str, ...], harness: Harness) -> None:
    async def run(mark: str) -> None:
        spec = await harness.start((*argv, mark), env={"MARK": mark})
        record = await harness.exit_of(spec)
        assert processes_with(mark) == []
        assert log_of(spec) == "ready\n"
        assert (record.exit_code, record.term_at, record.kill_at) == (0, None, None)
        assert record.survivors or HOPPER in argv  # which may be missed by name, not by SIGKILL

    await repeat(run)


@pytest.mark.parametrize("argv", KILLED_WITH_TERM)
async def test_nothing_outlives_the_stop_signal(argv: tuple[str, ...], harness: Harness) -> None:
    async def run(mark: str) -> None:
        spec = await harness.start((*argv, mark), env={"MARK": mark})
        await harness.logged(spec, "ready\n")
        harness.runtime.stop(spec.container_id, 20)
        record = await harness.exit_of(spec)
        assert processes_with(mark) == []
        assert (record.exit_code, record.signal, record.kill_at) == (143, 15, None)

    await repeat(run)


@pytest.mark.parametrize("argv", KILLED_WITH_KILL)
async def test_nothing_outlives_the_deadline(argv: tuple[str, ...], harness: Harness) -> None:
    async def run(mark: str) -> None:
        spec = await harness.start((*argv, mark), env={"MARK": mark})
        await harness.logged(spec, "ready\n")
        harness.runtime.stop(spec.container_id, 0.1)
        record = await harness.exit_of(spec)
        assert processes_with(mark) == []
        assert (record.exit_code, record.signal) == (137, 9)
        assert record.kill_at is not None

    await repeat(run)


async def test_a_port_is_free_when_its_holder_has_ended(harness: Harness) -> None:
    program = """
import os, socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("port", listener.getsockname()[1], flush=True)
        time.sleep(20)
    os._exit(0)
time.sleep(20)
"""
    for _ in range(5):
        spec = await harness.start((*PYTHON, program))
        await harness.logged(spec, "\n")
        port = int(log_of(spec).split()[1])
        harness.runtime.stop(spec.container_id, 20)
        await harness.exit_of(spec)
        with socket.socket() as again:
            again.bind(("127.0.0.1", port))


async def test_an_outsider_who_holds_the_log_pipe_does_not_delay_the_end(harness: Harness) -> None:
    spec = await harness.start((*SH, "echo ready; exec sleep 1000"))
    await harness.logged(spec, "ready\n")
    start = read_start_record(Path(spec.instance_dir))
    assert start
    pipe = os.open(f"/proc/{start.pid}/fd/1", os.O_WRONLY)
    try:
        harness.runtime.stop(spec.container_id, 20)
        await harness.exit_of(spec)
        with pytest.raises(BrokenPipeError):
            os.write(pipe, b"too late\n")
    finally:
        os.close(pipe)
    assert log_of(spec) == "ready\n"


async def test_the_last_words_of_killed_descendants_are_logged(harness: Harness) -> None:
    spec = await harness.start((*SH, "(setsid yes | head -c 60000; sleep 1000) & sleep 0.1"))
    await harness.exit_of(spec)
    assert log_of(spec) == "y\n" * 30000
