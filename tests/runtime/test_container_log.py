"""Reading one log file: the line format, and kubectl's options."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.runtime import container_log
from minikubelet.runtime.container_log import (
    LineJoiner,
    LogEntry,
    nanoseconds,
    parse_entry,
    read_log,
)

STAMP = "2026-01-01T12:00:00.123456789Z"
TIME = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def an_entry(text: bytes, stream: str = "stdout", *, partial: bool = False) -> LogEntry:
    return LogEntry(TIME, STAMP, stream, text, partial)


def a_line(text: str, second: int = 0, tag: str = "F", stream: str = "stdout") -> bytes:
    return f"2026-01-01T12:00:{second:02d}.5Z {stream} {tag} {text}\n".encode()


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        pytest.param(b"stdout F hello", an_entry(b"hello"), id="a full line"),
        pytest.param(
            b"stderr P hel", an_entry(b"hel", "stderr", partial=True), id="a part of a line"
        ),
        pytest.param(b"stdout F ", an_entry(b""), id="an empty line"),
        pytest.param(b"stdout F  a  b ", an_entry(b" a  b "), id="blanks belong to the text"),
        pytest.param(b"stdout F a\r", an_entry(b"a\r"), id="so does a carriage return"),
        pytest.param(b"stdout F \xff\x00", an_entry(b"\xff\x00"), id="any byte may occur"),
        pytest.param(b"stdout P:x:y a", an_entry(b"a", partial=True), id="more tags after a colon"),
        pytest.param(b"stdout F", None, id="no blank after the tag"),
        pytest.param(b"stdin F a", None, id="no such stream"),
        pytest.param(b"", None, id="a time and nothing else"),
    ],
)
def test_one_line(line: bytes, entry: LogEntry | None) -> None:  # L-261
    assert parse_entry(STAMP.encode() + b" " + line) == entry


@pytest.mark.parametrize(
    "stamp",
    ["", "yesterday", "2026-13-01T12:00:00Z", "2026-01-01T12:00:00", "2026-01-01 12:00:00Z"],
)
def test_a_line_without_a_time_is_skipped(stamp: str) -> None:  # L-262
    assert parse_entry(f"{stamp} stdout F text".encode()) is None


@pytest.mark.parametrize(
    ("stamp", "printed"),
    [
        (STAMP, STAMP),
        ("2026-01-01T12:00:00.5Z", "2026-01-01T12:00:00.500000000Z"),
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000000000Z"),
        ("2026-01-01T12:00:00.25+02:00", "2026-01-01T12:00:00.250000000+02:00"),
        ("2026-01-01T12:00:00-07:00", "2026-01-01T12:00:00.000000000-07:00"),
    ],
)
def test_times_are_printed_with_nine_digits(stamp: str, printed: str) -> None:  # L-262
    assert nanoseconds(stamp) == printed


def test_parts_are_joined_for_each_stream() -> None:  # L-262
    joiner = LineJoiner()
    parts = [
        an_entry(b"out ", partial=True),
        an_entry(b"err ", "stderr", partial=True),
        an_entry(b"one", "stderr"),
        an_entry(b"two"),
        an_entry(b"rest", partial=True),
    ]
    assert [joiner.add(part) for part in parts] == [
        None,
        None,
        an_entry(b"err one", "stderr"),
        an_entry(b"out two"),
        None,
    ]
    assert joiner.flush() == (an_entry(b"rest", partial=True),)
    assert joiner.flush() == ()


def test_a_line_without_end_is_handed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_log, "MAX_LINE_BYTES", 5)
    joiner = LineJoiner()
    parts = [an_entry(b"abc", partial=True)] * 3 + [an_entry(b"!")]
    assert [joiner.add(part) for part in parts] == [
        None,
        an_entry(b"abcabc", partial=True),
        None,
        an_entry(b"abc!"),
    ]


LINES = (
    a_line("one", 1)
    + a_line("tw", 2, "P")
    + a_line("o", 3)
    + b"not a log line\n"
    + a_line("three", 4, stream="stderr")
    + a_line("fo", 5, "P")
)


@pytest.mark.parametrize(
    ("options", "output"),
    [
        pytest.param({}, b"one\ntwo\nthree\nfo", id="all; a line without end has no newline"),
        pytest.param({"tail": 0}, b"", id="tail of nothing"),
        pytest.param({"tail": 1}, b"fo", id="the line without end counts"),
        pytest.param({"tail": 2}, b"three\nfo", id="tail of two"),
        pytest.param({"tail": 3}, b"two\nthree\nfo", id="tail counts joined lines"),
        pytest.param({"tail": 99}, b"one\ntwo\nthree\nfo", id="more than there is"),
        pytest.param(
            {"since": datetime(2026, 1, 1, 12, 0, 4, 500000, tzinfo=UTC)},
            b"three\nfo",
            id="since a time, inclusive",
        ),
        pytest.param({"limit_bytes": 6}, b"one\ntw", id="cut within a line"),
        pytest.param({"limit_bytes": 0}, b"", id="no bytes"),
        pytest.param({"tail": 2, "limit_bytes": 4}, b"thre", id="the tail, cut"),
        pytest.param(
            {"tail": 3, "timestamps": True},
            b"2026-01-01T12:00:02.500000000Z two\n"
            b"2026-01-01T12:00:04.500000000Z three\n"
            b"2026-01-01T12:00:05.500000000Z fo",
            id="one time per line, the first part's",
        ),
    ],
)
def test_options_of_kubectl_logs(  # L-262
    tmp_path: Path, options: dict[str, Any], output: bytes
) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(LINES)
    assert b"".join(read_log(path, **options)) == output


def test_an_entry_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(a_line("one") + a_line("two")[:-3])
    assert b"".join(read_log(path)) == b"one\n"
    assert b"".join(read_log(path, tail=1)) == b"one\n"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_log(tmp_path / "0.log"))


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 4096])
@given(lines=st.lists(st.text("ab \xe9", max_size=40), max_size=20), tail=st.integers(0, 25))
def test_a_tail_is_the_end_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, block_bytes: int, lines: list[str], tail: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "0.log"
    path.write_bytes(b"".join(a_line(line) for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container_log, "BLOCK_BYTES", block_bytes)
        output = list(read_log(path, tail=tail))
    assert output == [f"{line}\n".encode() for line in lines][max(0, len(lines) - tail) :]
