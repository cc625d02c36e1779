"""The log files that shims write (L-260, L-261, L-263, L-264)."""

from __future__ import annotations

import gzip
import os
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.runtime.processes import LogLostEvent
from minikubelet.runtime.shim.log_file import LogFile
from minikubelet.runtime.shim.log_writer import MAX_LINE, LineFormatter, timestamp
from tests.runtime.harness import Harness, log_of

PYTHON = (sys.executable, "-I", "-S", "-c")
NOW = 1_767_225_599_012_345_678
STAMP = b"2025-12-31T23:59:59.012345678Z"
LONG = b"x" * MAX_LINE


def formatted(*chunks: bytes) -> list[bytes]:
    """Entries without their times and stream, of a stream that ends after these chunks."""
    formatter = LineFormatter("stdout")
    text = b"".join(formatter.feed(chunk, NOW) for chunk in chunks) + formatter.finish(NOW)
    head = STAMP + b" stdout "
    lines = text.split(b"\n")
    assert lines.pop() == b""
    assert all(line.startswith(head) for line in lines)
    return [line.removeprefix(head) for line in lines]


@pytest.mark.parametrize(  # L-261
    ("chunks", "entries"),
    [
        pytest.param((b"a\nb\n",), [b"F a", b"F b"], id="whole lines"),
        pytest.param((b"a", b"b\nc\n"), [b"F ab", b"F c"], id="a line in two pieces"),
        pytest.param((b"\n\n",), [b"F ", b"F "], id="empty lines"),
        pytest.param((b"a\r\nb\r", b"\n"), [b"F a", b"F b"], id="carriage returns are removed"),
        pytest.param((b"a\rb\r\r\n",), [b"F a\rb\r"], id="only the last one"),
        pytest.param((b"a\nb",), [b"F a", b"P b"], id="an end without newline"),
        pytest.param((LONG + b"\n",), [b"F " + LONG], id="a line of 16384 bytes"),
        pytest.param((LONG + b"\r\n",), [b"F " + LONG], id="the same with a carriage return"),
        pytest.param((LONG + b"yz\n",), [b"P " + LONG, b"F yz"], id="a longer line"),
        pytest.param(
            (LONG, LONG + b"yz\na\n"),
            [b"P " + LONG, b"P " + LONG, b"F yz", b"F a"],
            id="a long line in pieces",
        ),
        pytest.param((LONG + b"yz",), [b"P " + LONG, b"P yz"], id="a long end without newline"),
        pytest.param((b"\xff\0\n",), [b"F \xff\0"], id="any bytes"),
        pytest.param((), [], id="nothing"),
    ],
)
def test_entries(chunks: tuple[bytes, ...], entries: list[bytes]) -> None:
    assert formatted(*chunks) == entries


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\n", b"\r\n", b"\r", LONG, LONG[:-1], LONG + b"y"]),
    ),
    max_size=12,
)


@given(PIECES)
def test_nothing_is_lost_however_output_is_cut(chunks: list[bytes]) -> None:
    joined = b""
    for entry in formatted(*chunks):
        tag, content = entry[:2], entry[2:]
        assert len(content) <= MAX_LINE
        joined += content + (b"\n" if tag == b"F " else b"")
    assert joined == re.sub(rb"\r\n", b"\n", b"".join(chunks))


@pytest.mark.parametrize(
    ("now", "text"),
    [
        pytest.param(NOW, STAMP, id="nine digits"),
        pytest.param(0, b"1970-01-01T00:00:00.000000000Z", id="zeros are kept"),
    ],
)
def test_timestamps(now: int, text: bytes) -> None:
    assert timestamp(now) == text


class Losses:
    """What a log file reports to be lost."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []

    def __call__(self, lost_bytes: int, why: str) -> None:
        self.told.append((lost_bytes, why))


def entry(text: str) -> bytes:
    return STAMP + b" stdout F " + text.encode() + b"\n"


def wait_for_compressor(log: LogFile) -> None:
    if log.compressor_pid:
        os.waitpid(log.compressor_pid, 0)
        log.compressor_pid = 0


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond this: as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_whole_entries_only_and_is_told_once(tmp_path: Path) -> None:
    losses = Losses()
    path = tmp_path / "0.log"
    log = LogFile(str(path), -1, 5, losses)
    first, second, third = entry("first"), entry("second"), entry("third")
    log.write(first)
    with file_size_limit(len(first + second) + 10):
        log.write(second + third)
        log.write(third)
        assert path.read_bytes() == first + second
    assert losses.told == [(len("third\n"), f"cannot write the log {path}: File too large")]
    assert log.lost_bytes == 2 * len("third\n")


def test_writing_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    losses = Losses()
    path = tmp_path / "0.log"
    log = LogFile(str(path), -1, 5, losses)
    with file_size_limit(10):
        log.write(entry("lost"))
    end = time.monotonic() + 5
    while not path.read_bytes():
        assert time.monotonic() < end
        log.write(entry("kept"))
        time.sleep(0.05)
    assert path.read_bytes() == entry("kept")
    with file_size_limit(10):
        log.write(entry("lost again"))
    assert len(losses.told) == 2
    log.close()


def test_a_directory_that_cannot_be_made_is_a_loss(tmp_path: Path) -> None:
    losses = Losses()
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "app" / "0.log"
    LogFile(str(path), -1, 5, losses).write(entry("lost"))
    assert losses.told == [(5, f"cannot write the log {path}: Not a directory")]


def names(directory: Path) -> list[str]:
    """Names of files, with `<stamp>` for the time of a rotation."""
    return sorted(re.sub(r"\d{8}-\d{6}", "<stamp>", path.name) for path in directory.iterdir())


def old_file(directory: Path, name: str, text: str = "old\n") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_rotation_compresses_all_but_the_newest_rotated_file(tmp_path: Path) -> None:
    old_file(tmp_path, "3.log.20240101-000000.tmp")
    old_file(tmp_path, "3.log.20240101-000001.gz")
    old_file(tmp_path, "3.log.20240101-000002", "second\n")
    other = old_file(tmp_path, "13.log.20240101-000002")
    path = tmp_path / "3.log"
    log = LogFile(str(path), 100, 5, Losses())
    log.write(entry("a"))
    log.write(entry("b" * 100))
    log.write(entry("c"))
    wait_for_compressor(log)
    log.close()
    assert names(tmp_path) == [
        "13.log.<stamp>",
        "3.log",
        "3.log.<stamp>",
        "3.log.<stamp>.gz",
        "3.log.<stamp>.gz",
    ]
    assert path.read_bytes() == entry("c")
    compressed = (tmp_path / "3.log.20240101-000002.gz").read_bytes()
    assert gzip.decompress(compressed) == b"second\n"
    assert other.read_text() == "old\n"


@pytest.mark.parametrize(
    ("max_files", "left"),
    [
        pytest.param(2, [], id="two files: the current and the newest rotated one"),
        pytest.param(3, ["20240101-000003.gz"], id="three files"),
        pytest.param(5, [f"20240101-00000{n}.gz" for n in (1, 2, 3)], id="five files"),
    ],
)
def test_rotation_deletes_the_oldest(max_files: int, left: list[str], tmp_path: Path) -> None:
    for number in range(4):
        old_file(tmp_path, f"0.log.20240101-00000{number}")
    log = LogFile(str(tmp_path / "0.log"), 1, max_files, Losses())
    log.write(entry("a"))
    wait_for_compressor(log)
    log.close()
    found = [path.name.removeprefix("0.log.") for path in tmp_path.glob("0.log.2024*")]
    assert sorted(found) == left
    assert len(list(tmp_path.iterdir())) == max_files


def test_rotation_deletes_the_oldest_also_while_others_are_compressed(tmp_path: Path) -> None:
    for number in range(8):
        old_file(tmp_path, f"0.log.20240101-00000{number}")
    log = LogFile(str(tmp_path / "0.log"), 1, 5, Losses())
    log.compressor_pid = os.getpid()  # one that takes its time
    log.write(entry("a"))
    log.close()
    found = [path.name.removeprefix("0.log.") for path in tmp_path.glob("0.log.2024*")]
    assert sorted(found) == [f"20240101-00000{number}" for number in (5, 6, 7)]
    assert len(list(tmp_path.iterdir())) == 5


def test_rotated_files_keep_their_order_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(str(tmp_path / "0.log"), 1, 5, Losses())
    for second, today in enumerate([7200.0, 3600.0, 0.0]):
        monkeypatch.setattr(time, "monotonic", lambda second=second: 10.0 + 2 * second)
        monkeypatch.setattr(time, "time", lambda today=today: today)
        log.write(entry(str(second)))
        wait_for_compressor(log)
    log.close()
    raw = [(path.suffix, path.read_bytes()) for path in sorted(tmp_path.glob("0.log.*"))]
    texts = [gzip.decompress(data) if suffix == ".gz" else data for suffix, data in raw]
    assert texts == [entry(str(number)) for number in range(3)]


def test_rotation_happens_once_a_second_at_most(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "0.log"), 1, 5, Losses())
    for number in range(50):
        log.write(entry(str(number)))
    wait_for_compressor(log)
    log.close()
    assert names(tmp_path) == ["0.log", "0.log.<stamp>"]
    texts = [path.read_bytes() for path in sorted(tmp_path.iterdir(), reverse=True)]
    assert b"".join(texts) == b"".join(entry(str(number)) for number in range(50))


def test_a_negative_size_disables_rotation(tmp_path: Path) -> None:  # L-264
    log = LogFile(str(tmp_path / "0.log"), -1, 5, Losses())
    log.write(entry("a"))
    log.write(entry("b"))
    log.close()
    assert names(tmp_path) == ["0.log"]


def test_a_log_that_somebody_removed_is_begun_anew_by_rotation(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    log = LogFile(str(path), 200, 5, Losses())
    log.write(entry("a"))
    path.unlink()
    log.write(entry("b" * 200))
    log.write(entry("c"))
    log.close()
    assert path.read_bytes() == entry("c")


async def test_a_flood_is_logged_whole(harness: Harness) -> None:
    lines = 200_000
    program = f"""
import os
for start in range(0, {lines}, 1000):
    text = "".join(f"line {{number}}\\n" for number in range(start, start + 1000))
    data = text.encode()
    while data:
        data = data[os.write(1, data):]
"""
    spec = await harness.start((*PYTHON, program))
    await harness.exit_of(spec)
    assert log_of(spec) == "".join(f"line {number}\n" for number in range(lines))


async def test_both_streams_are_logged_under_their_names(harness: Harness) -> None:
    spec = await harness.start(("sh", "-c", "echo out; echo err >&2"))
    await harness.exit_of(spec)
    entries = sorted(line.split(" ", 1)[1] for line in lines_of(spec.log_path))
    assert entries == ["stderr F err", "stdout F out"]


def lines_of(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


async def test_a_log_that_cannot_be_written_does_not_stop_the_container(harness: Harness) -> None:
    spec = await harness.start(
        ("sh", "-c", "yes | head -c 1000000; read line"), stdin=True, log_path="/dev/full"
    )
    event = await harness.event(LogLostEvent, spec)
    assert event.message == "cannot write the log /dev/full: No space left on device"
    harness.runtime.stop(spec.container_id, 20)
    assert (await harness.exit_of(spec)).exit_code == 143
    assert [type(event) for event in harness.events].count(LogLostEvent) == 1


async def test_lost_output_is_counted(harness: Harness) -> None:
    spec = await harness.start(("sh", "-c", "yes | head -c 1000000"), log_path="/dev/full")
    assert (await harness.exit_of(spec)).lost_log_bytes == 1_000_000
