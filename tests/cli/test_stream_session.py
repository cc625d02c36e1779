"""How a session ended, and the descriptors it reads and writes."""

from __future__ import annotations

import asyncio
import os
import pty
import threading
import tty
from pathlib import Path

import pytest

from minikubelet.apiserver.wire.outcomes import Outcome
from minikubelet.cli.stream_files import FileReader, FileWriter, write_all
from minikubelet.cli.stream_session import SessionEnd, session_end


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        pytest.param(Outcome(0).encode(as_status=True), 0, "", id="success"),
        pytest.param(
            Outcome(137).encode(as_status=True),
            137,
            "command terminated with exit code 137",
            id="the command's exit code",
        ),
        pytest.param(
            Outcome(None, "no").encode(as_status=True),
            1,
            "error: Internal error occurred: no",
            id="it could not be run",
        ),
        pytest.param(b"plain words", 1, "error: plain words", id="what is no Status"),
        pytest.param(
            b'{"status":"Failure","reason":"NonZeroExitCode","message":"m","details":{"causes":'
            b'[{"reason":"ExitCode","message":"x"}]}}',
            1,
            "error: m",
            id="an exit code that is none",
        ),
    ],
)
def test_ends(data: bytes, code: int, told: str) -> None:  # K-76
    end: SessionEnd = session_end(data)
    assert (end.code, end.told) == (code, told)


async def test_reading_pipes_files_and_what_is_closed(tmp_path: Path) -> None:
    inside, outside = os.pipe()
    try:
        reader = FileReader(inside)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(reader.read())
            await asyncio.sleep(0)
            os.write(outside, b"late")
        assert first.result() == b"late"
        os.close(outside)
        assert await reader.read() == b""
    finally:
        os.close(inside)
    assert await FileReader(inside).read() == b""
    (tmp_path / "file").write_bytes(b"f" * 40_000)
    file = os.open(tmp_path / "file", os.O_RDONLY)
    regular = FileReader(file)
    assert [len(await regular.read()) for _ in range(3)] == [32768, 7232, 0]
    os.close(file)


async def test_a_reader_that_is_cancelled_takes_nothing_away() -> None:
    inside, outside = os.pipe()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(FileReader(inside).read())
        await asyncio.sleep(0)
        reading.cancel()
    os.write(outside, b"kept")
    assert await FileReader(inside).read() == b"kept"
    os.close(inside)
    os.close(outside)


async def test_writing_waits_for_who_reads_and_blocks_nobody() -> None:
    inside, outside = os.pipe()
    writer = FileWriter(outside, owns=True)
    data = os.urandom(300_000)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(writer.write(data))
        # The loop goes on while the pipe is full.
        await asyncio.wait((writing,), timeout=0.05)
        assert not writing.done()
        read = b""
        reader = FileReader(inside)
        while len(read) < len(data):
            read += await reader.read()
    assert read == data
    writer.close()
    assert await reader.read() == b""
    os.close(inside)


async def test_nobody_reads_any_more() -> None:
    inside, outside = os.pipe()
    os.close(inside)
    writer = FileWriter(outside)
    with pytest.raises(BrokenPipeError):
        await writer.write(b"x")
    writer.close()
    os.close(outside)


def test_a_descriptor_that_somebody_made_non_blocking() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, False)
    data, read = os.urandom(200_000), b""
    writing = threading.Thread(target=write_all, args=(slave, data))
    writing.start()
    try:
        while len(read) < len(data):
            read += os.read(master, 65536)
    finally:
        os.close(master)
        writing.join()
        os.close(slave)
    assert read == data
