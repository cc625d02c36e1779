"""One instance's log in pieces: options, rotation, the end; and who is told of changes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minikubelet.runtime.container_log import MAX_LINE_BYTES
from minikubelet.runtime.inotify import InotifyWatcher
from minikubelet.runtime.log_stream import GAP, PIECE_BYTES, LogChanges, LogOptions, LogStream
from minikubelet.runtime.log_watch import POLL_SECONDS, LogWatcher, PollingWatcher
from tests.runtime.cri import CRIWriter

DEADLINE_SECONDS = 10.0

LOG = b"""\
2026-01-01T00:00:01.5Z stdout F one
2026-01-01T00:00:02Z stderr F zwei \xc3\xa4\xe2\x82\xac
not in the format
2026-01-01T00:00:03.000000003Z stdout P thr
2026-01-01T00:00:03.000000004Z stdout F ee\x00\xff
2026-01-01T00:00:04Z stdout F
2026-01-01T00:00:04Z stdout F\x20
2026-01-01T00:00:05Z stdout P last
2026-01-01T00:00:06Z stdout F torn"""
ALL = b"one\nzwei \xc3\xa4\xe2\x82\xac\nthree\x00\xff\n\nlast"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT_THREE = datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)


def _drain(stream: LogStream, *, final: bool = False) -> bytes:
    pieces = []
    while (piece := stream.read(final=final)) is not None:
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("options", "output"),
    [
        pytest.param(LogOptions(), ALL, id="all of it"),
        pytest.param(LogOptions(tail_lines=0), b"", id="no lines"),
        pytest.param(LogOptions(tail_lines=1), b"last", id="a tail counts a last partial line"),
        pytest.param(LogOptions(tail_lines=3), b"three\x00\xff\n\nlast", id="parts are one line"),
        pytest.param(LogOptions(tail_lines=99), ALL, id="more lines than there are"),
        pytest.param(LogOptions(since=AT_THREE), b"three\x00\xff\n\nlast", id="since"),
        pytest.param(LogOptions(limit_bytes=11), ALL[:11], id="a limit cuts within a character"),
        pytest.param(LogOptions(limit_bytes=len(ALL)), ALL, id="a limit that is just enough"),
        pytest.param(LogOptions(tail_lines=2, limit_bytes=3), b"\nla", id="tail, then limit"),
        pytest.param(
            LogOptions(tail_lines=3, timestamps=True),
            b"2026-01-01T00:00:03.000000003Z three\x00\xff\n"
            b"2026-01-01T00:00:04.000000000Z \n2026-01-01T00:00:05.000000000Z last",
            id="nine digits, once per line",
        ),
        pytest.param(
            LogOptions(timestamps=True, limit_bytes=10), b"2026-01-01", id="a limit counts times"
        ),
    ],
)
def test_options(tmp_path: Path, options: LogOptions, output: bytes) -> None:  # K-64, L-262
    path = tmp_path / "0.log"
    path.write_bytes(LOG)
    stream = LogStream(path, options)
    assert _drain(stream, final=True) == output
    stream.close()


def test_lines_come_once_over_rotations_and_compression(tmp_path: Path) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"a1\n")
    stream = LogStream(tmp_path / "0.log")
    assert _drain(stream) == b"a1\n"
    writer.write(b"a2\n")
    writer.rotate()
    writer.write(b"b1\n")
    writer.rotate(compress=True)
    writer.write(b"c1\n")
    assert _drain(stream) == b"a2\nb1\nc1\n"
    writer.rotate(compress=True)
    assert _drain(stream) == b""
    writer.write(b"d1\nrest")
    writer.close()
    assert _drain(stream) == b"d1\n"
    assert _drain(stream, final=True) == b"rest"
    stream.close()


def test_what_was_rotated_away_before_is_not_read(tmp_path: Path) -> None:  # L-264
    writer = CRIWriter(tmp_path)
    writer.write(b"old\n")
    writer.rotate()
    writer.write(b"x\ny\n")
    stream = LogStream(tmp_path / "0.log", LogOptions(tail_lines=1))
    assert _drain(stream) == b"y\n"
    writer.rotate()
    writer.write(b"z\n")
    assert _drain(stream) == b"z\n"
    stream.close()


@pytest.mark.parametrize(
    ("options", "output"),
    [
        pytest.param(LogOptions(), b"b1\n%s\nc2\nd1\n" % GAP, id="one line tells where"),
        pytest.param(
            LogOptions(timestamps=True),
            b"2026-01-01T00:00:00.000000002Z b1\n2026-01-01T00:00:00.000000004Z %s\n"
            b"2026-01-01T00:00:00.000000004Z c2\n2026-01-01T00:00:00.000000005Z d1\n" % GAP,
            id="with the time of the next line",
        ),
        pytest.param(LogOptions(limit_bytes=17), b"b1\nminikubelet", id="it counts, too"),
    ],
)
def test_a_reader_slower_than_the_log_is_kept_is_told(
    tmp_path: Path, options: LogOptions, output: bytes
) -> None:
    told: list[str] = []
    writer = CRIWriter(tmp_path)
    writer.write(b"a1\n")
    stream = LogStream(tmp_path / "0.log", options, lost=lambda: told.append("lost"))
    _drain(stream)
    for line in (b"b1\n", b"c1\n", b"c2\n"):
        writer.write(line)
        writer.rotate(keep=1)
    writer.write(b"d1\n")
    writer.rotate(keep=1)
    assert _drain(stream) == output
    assert told == ["lost"]
    stream.close()


def test_the_gap_has_a_line_of_its_own(tmp_path: Path) -> None:
    writer = CRIWriter(tmp_path)
    stream = LogStream(tmp_path / "0.log")
    _drain(stream)
    long = b"x" * (MAX_LINE_BYTES + 1)
    writer.raw(b"2026-01-01T00:00:00Z stdout P " + long + b"\n")
    writer.raw(b"2026-01-01T00:00:00Z stdout P " + long + b"\n")
    for line in (b"lost\n", b"kept\n"):
        writer.rotate(keep=1)
        writer.write(line)
    writer.rotate(keep=1)
    writer.rotate(keep=1)
    writer.write(b"end\n")
    assert _drain(stream) == long + long + b"\n" + GAP + b"\nkept\nend\n"
    stream.close()


def test_a_later_instance_ends_the_log(tmp_path: Path) -> None:
    first = CRIWriter(tmp_path, instance=1)
    first.write(b"first\nand no newline")
    stream = LogStream(tmp_path / "1.log")
    assert _drain(stream) == b"first\n"
    assert not stream.complete
    first.close()
    CRIWriter(tmp_path, instance=2).write(b"second\n")
    assert _drain(stream) == b"and no newline"
    assert stream.complete
    assert _drain(stream, final=True) == b""
    stream.close()


def test_a_log_may_begin_later(tmp_path: Path) -> None:
    stream = LogStream(tmp_path / "app" / "0.log")
    assert _drain(stream) == b""
    CRIWriter(tmp_path / "app").write(b"hello\n")
    assert _drain(stream, final=True) == b"hello\n"
    stream.close()


def test_pieces_are_small_and_a_limit_ends_them(tmp_path: Path) -> None:
    line = b"2026-01-01T00:00:01Z stdout F " + b"x" * 999 + b"\n"
    (tmp_path / "0.log").write_bytes(line * 4000)
    stream = LogStream(tmp_path / "0.log", LogOptions(limit_bytes=3_000_001))
    sizes = []
    while (piece := stream.read(final=True)) is not None:
        sizes.append(len(piece))
    assert sum(sizes) == 3_000_001
    assert max(sizes) < 2 * PIECE_BYTES
    assert stream.complete
    stream.close()


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b"", id="all lines are plain"),
        pytest.param(b"junk\n", id="a line in no format"),
        pytest.param(b"2026-01-01T00:00:01Z stdout F:x tagged\n", id="more tags"),
        pytest.param(
            b"2026-01-01T00:00:01Z stdout P a\n2026-01-01T00:00:01Z stderr F other\n"
            b"2026-01-01T00:00:01Z stdout F b\n",
            id="a long line in parts",
        ),
        pytest.param(b"2026-01-01T00:00:01Z stdout F \n", id="an empty line"),
        pytest.param(b"\n", id="nothing at all"),
        pytest.param(b"2026-01-01T00:00:01Z stdout F a\rb\x0b\x85\x00\n", id="odd characters"),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 700, 5000])
def test_merged_lines_are_the_same_lines(tmp_path: Path, odd: bytes, after: int) -> None:
    lines = [b"2026-01-01T00:00:01Z stdout F %d \xc3\xa4\n" % n for n in range(5000)]
    path = tmp_path / "0.log"
    path.write_bytes(b"".join([*lines[:after], odd, *lines[after:]]))
    merged, single = LogStream(path), LogStream(path, LogOptions(since=BEGIN))
    assert _drain(merged, final=True) == _drain(single, final=True)
    merged.close()
    single.close()


def test_a_search_comes_back_often(tmp_path: Path) -> None:
    """So that it ends when the client has gone."""
    line = b"2026-01-01T00:00:01Z stdout F " + b"x" * 999 + b"\n"
    (tmp_path / "0.log").write_bytes(line * 4000)
    stream = LogStream(tmp_path / "0.log", LogOptions(since=AT_THREE))
    assert stream.read(final=True) == b""
    stream.close()
    assert stream.read(final=True) is None


@pytest.mark.parametrize("kind", [InotifyWatcher, lambda: PollingWatcher(0.01)])
def test_changes_are_told_to_who_follows(tmp_path: Path, kind: type[LogWatcher]) -> None:
    changes = LogChanges(kind)
    told = {name: threading.Event() for name in ("a", "b", "late")}
    ends = [changes.subscribe(tmp_path / name, told[name].set) for name in ("a", "b", "late")]
    a = CRIWriter(tmp_path / "a")
    assert told["a"].wait(DEADLINE_SECONDS)
    for text in (b"1\n", b"2\n"):
        told["a"].clear()
        a.write(text)
        assert told["a"].wait(DEADLINE_SECONDS)
    told["late"].clear()
    CRIWriter(tmp_path / "late").write(b"x\n")
    assert told["late"].wait(DEADLINE_SECONDS)
    threads = [t for t in threading.enumerate() if t.name == "log changes"]
    assert len(threads) == 1
    for end in ends:
        end()
        end()
    threads[0].join(DEADLINE_SECONDS)
    assert not threads[0].is_alive()
    told["a"].clear()
    end = changes.subscribe(tmp_path / "a", told["a"].set)
    a.write(b"3\n")
    assert told["a"].wait(DEADLINE_SECONDS)
    end()


def test_a_quiet_directory_costs_no_looks(tmp_path: Path) -> None:
    looks = 0

    def changed() -> None:
        nonlocal looks
        looks += 1
        told.set()

    told = threading.Event()
    writer = CRIWriter(tmp_path / "a")
    CRIWriter(tmp_path / "b")
    changes = LogChanges()
    ends = [changes.subscribe(tmp_path / "b", changed)]
    assert told.wait(DEADLINE_SECONDS)
    first = threading.Event()
    ends.append(changes.subscribe(tmp_path / "a", first.set))
    assert first.wait(DEADLINE_SECONDS)
    for number in range(3):
        again = threading.Event()
        ends.append(changes.subscribe(tmp_path / "a", again.set))
        writer.write(b"%d\n" % number)
        assert again.wait(DEADLINE_SECONDS)
    assert looks == 1
    for end in ends:
        end()


def test_directories_that_cannot_be_watched_are_polled_without_haste(tmp_path: Path) -> None:
    waits: list[float | None] = []
    enough = threading.Event()

    class Blind(PollingWatcher):
        def watch(self, directory: Path) -> bool:
            return False

        def wait(self, seconds: float | None) -> set[Path] | None:
            waits.append(seconds)
            if len(waits) == 3:
                enough.set()
            super().wait(seconds)
            return set()

    told = threading.Event()
    end = LogChanges(Blind).subscribe(tmp_path, told.set)
    assert told.wait(DEADLINE_SECONDS)
    assert enough.wait(DEADLINE_SECONDS)
    end()
    assert set(waits) == {POLL_SECONDS}
