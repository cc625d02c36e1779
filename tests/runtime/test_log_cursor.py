"""Following one container's log: nothing lost, nothing twice."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.runtime.log_cursor import LogCursor
from tests.runtime.cri import CRIWriter


@pytest.fixture
def cursor(tmp_path: Path) -> Iterator[LogCursor]:
    cursor = LogCursor(tmp_path)
    yield cursor
    cursor.close()


def texts(cursor: LogCursor, *, final: bool = False) -> list[bytes]:
    return [entry.text for batch in cursor.read(final=final) for entry in batch]


def test_only_what_is_new_is_read(tmp_path: Path, cursor: LogCursor) -> None:
    assert texts(cursor) == []
    writer = CRIWriter(tmp_path)
    assert texts(cursor) == []
    writer.write(b"one\ntwo\n")
    assert texts(cursor) == [b"one", b"two"]
    assert texts(cursor) == []
    writer.write(b"three\n")
    assert texts(cursor) == [b"three"]


def test_an_entry_written_in_two_steps_is_read_once_whole(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    writer.raw(b"2026-01-01T00:00:00Z stdout F be")
    assert texts(cursor) == []
    writer.raw(b"gin\n")
    assert texts(cursor) == [b"begin"]


def test_a_line_that_cannot_be_parsed_is_skipped(tmp_path: Path, cursor: LogCursor) -> None:
    writer = CRIWriter(tmp_path)
    writer.raw(b"what is this\n")
    writer.write(b"text\n")
    assert texts(cursor) == [b"text"]


@pytest.mark.parametrize("rotations", [1, 2, 4])
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_rotations_between_two_looks(  # L-263
    tmp_path: Path, cursor: LogCursor, rotations: int, compress: bool
) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"start\n")
    assert texts(cursor) == [b"start"]
    for i in range(rotations):
        writer.write(b"%d\n" % i)
        writer.rotate(compress=compress)
    writer.write(b"end\n")
    assert texts(cursor) == [*(b"%d" % i for i in range(rotations)), b"end"]


def test_rotated_files_that_were_never_seen_open_are_read_first(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    for text in (b"one\n", b"two\n"):
        writer.write(text)
        writer.rotate(compress=True)
    writer.write(b"three\n")
    assert texts(cursor) == [b"one", b"two", b"three"]


def test_a_file_compressed_while_it_is_read_is_not_read_again(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"one\n")
    assert texts(cursor) == [b"one"]
    writer.rotate()
    writer.compress()
    writer.write(b"two\n")
    assert texts(cursor) == [b"two"]


def test_a_rotation_that_is_undone_changes_nothing(tmp_path: Path, cursor: LogCursor) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"one\n")
    current, rotated = tmp_path / "0.log", tmp_path / "0.log.20260101-000001"
    assert texts(cursor) == [b"one"]
    current.rename(rotated)
    assert texts(cursor) == []
    rotated.rename(current)
    writer.write(b"two\n")
    assert texts(cursor) == [b"two"]


def test_a_line_may_begin_in_one_file_and_end_in_the_next(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    writer.raw(b"2026-01-01T00:00:00Z stdout P be\n")
    assert texts(cursor) == []
    writer.rotate()
    writer.raw(b"2026-01-01T00:00:01Z stdout F gin\n")
    assert texts(cursor) == [b"begin"]


def test_a_restart_goes_on_with_the_next_instance(  # L-260
    tmp_path: Path, cursor: LogCursor
) -> None:
    first = CRIWriter(tmp_path, 0)
    first.write(b"one\nno newline")
    assert texts(cursor) == [b"one"]
    first.close()
    second = CRIWriter(tmp_path, 1)
    second.write(b"two\n")
    assert texts(cursor) == [b"no newline", b"two"]


def test_an_instance_whose_log_was_removed_is_passed_over(  # L-267
    tmp_path: Path,
) -> None:
    told: list[str] = []
    cursor = LogCursor(tmp_path, lambda: told.append("lost"))
    first = CRIWriter(tmp_path, 0)
    first.write(b"one\n")
    assert texts(cursor) == [b"one"]
    first.write(b"two\n")
    first.close()
    (tmp_path / "0.log").unlink()
    third = CRIWriter(tmp_path, 2)
    third.write(b"three\n")
    assert texts(cursor) == [b"two", b"three"]
    assert told == []
    cursor.close()


def test_files_deleted_unread_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    cursor = LogCursor(tmp_path, lambda: told.append("lost"))
    writer = CRIWriter(tmp_path)
    writer.write(b"zero\n")
    assert texts(cursor) == [b"zero"]
    for i in range(4):
        writer.write(b"file %d\n" % i)
        writer.rotate(keep=1)
    writer.write(b"end\n")
    assert texts(cursor) == [b"file 0", b"file 2", b"file 3", b"end"]
    assert told == ["lost"]
    cursor.close()


def test_files_deleted_while_an_older_one_is_read_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    cursor = LogCursor(tmp_path, lambda: told.append("lost"))
    writer = CRIWriter(tmp_path)
    for i in range(3):
        writer.write(b"file %d\n" % i)
        writer.rotate()
    reading = cursor.read()
    assert [entry.text for entry in next(reading)] == [b"file 0"]
    writer.rotate(keep=1)
    writer.write(b"end\n")
    assert [entry.text for batch in reading for entry in batch] == [b"file 2", b"end"]
    assert told == ["lost"]
    cursor.close()


def test_a_file_deleted_while_it_is_read_is_no_loss_when_the_next_one_is_there(
    tmp_path: Path,
) -> None:
    """A reader at the edge of what is kept, in a flood."""
    cursor = LogCursor(tmp_path, lambda: pytest.fail("nothing was lost"))
    writer = CRIWriter(tmp_path)
    for i in range(3):
        writer.write(b"file %d\n" % i)
        writer.rotate()
    reading = cursor.read()
    assert [entry.text for entry in next(reading)] == [b"file 0"]
    writer.rotate(keep=2)
    writer.write(b"end\n")
    assert [entry.text for batch in reading for entry in batch] == [b"file 1", b"file 2", b"end"]
    cursor.close()


def test_a_line_whose_rest_was_deleted_does_not_take_the_next_one(tmp_path: Path) -> None:
    cursor = LogCursor(tmp_path)
    writer = CRIWriter(tmp_path)
    writer.write(b"zero\n")
    assert texts(cursor) == [b"zero"]
    writer.raw(b"2026-01-01T00:00:00Z stdout P be\n")
    writer.rotate(keep=1)
    writer.raw(b"2026-01-01T00:00:00Z stdout F gin\n")
    for _ in range(2):
        writer.rotate(keep=1)
    writer.write(b"end\n")
    writer.rotate(keep=1)
    assert texts(cursor) == [b"be", b"end"]
    cursor.close()


def test_a_follower_of_many_rotations_does_not_grow(tmp_path: Path, cursor: LogCursor) -> None:
    writer = CRIWriter(tmp_path)

    def follow(rotations: int) -> None:
        for i in range(rotations):
            writer.write(b"%d\n" % i)
            assert texts(cursor) == [b"%d" % i]
            writer.rotate(keep=3)

    follow(150)
    tracemalloc.start()
    try:
        follow(350)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 20_000


def test_a_file_emptied_in_place_is_read_from_its_start(tmp_path: Path, cursor: LogCursor) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"a long line\n")
    assert texts(cursor) == [b"a long line"]
    (tmp_path / "0.log").write_bytes(b"")
    writer.write(b"b\n")
    assert texts(cursor) == [b"b"]


def test_the_last_look_hands_out_a_line_without_newline(tmp_path: Path, cursor: LogCursor) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"> ")
    writer.close()
    assert texts(cursor) == []
    assert texts(cursor, final=True) == [b"> "]


def test_the_end_of_an_instance_hands_out_its_line_without_newline(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"> ")
    writer.close()
    assert [entry.text for batch in cursor.end(0) for entry in batch] == [b"> "]
    CRIWriter(tmp_path, 1).write(b"next\n")
    assert texts(cursor) == [b"next"]


def test_the_end_of_an_earlier_instance_leaves_a_line_that_goes_on(
    tmp_path: Path, cursor: LogCursor
) -> None:
    CRIWriter(tmp_path)
    writer = CRIWriter(tmp_path, 1, split_bytes=4)
    writer.raw(b"2026-01-01T00:00:00Z stdout P half\n")
    assert list(cursor.end(0)) == []
    writer.raw(b"2026-01-01T00:00:00Z stdout F  line\n")
    assert texts(cursor) == [b"half line"]


def test_the_last_look_reads_a_file_whose_rotation_was_cut_short(
    tmp_path: Path, cursor: LogCursor
) -> None:
    writer = CRIWriter(tmp_path)
    writer.write(b"one\n")
    writer.close()
    (tmp_path / "0.log").rename(tmp_path / "0.log.20260101-000001")
    assert texts(cursor) == []
    assert texts(cursor, final=True) == [b"one"]


WRITES = st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=60))
STEPS = st.one_of(
    WRITES, st.sampled_from(["newline", "look", "rotate", "rotate+compress", "compress", "restart"])
)


@given(steps=st.lists(STEPS, max_size=40))
def test_all_that_was_written_is_read_once(steps: list[tuple[str, bytes] | str]) -> None:
    written = {"stdout": b"", "stderr": b""}
    read = {"stdout": b"", "stderr": b""}

    def look(*, final: bool = False) -> None:
        for batch in follower.read(final=final):
            for entry in batch:
                read[entry.stream] += entry.text + (b"" if entry.partial else b"\n")

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        follower = LogCursor(directory, lambda: pytest.fail("nothing was deleted"))
        instance = 0
        writer = CRIWriter(directory, instance, split_bytes=16)
        for step in steps:
            match step:
                case (stream, text):
                    writer.write(text, stream)
                    written[stream] += text
                case "newline":
                    writer.write(b"\n")
                    written["stdout"] += b"\n"
                case "look":
                    look()
                case "restart":
                    writer.close()
                    instance += 1
                    writer = CRIWriter(directory, instance, split_bytes=16)
                case "compress":
                    writer.compress()
                case _:
                    writer.rotate(compress=step == "rotate+compress")
        writer.close()
        look(final=True)
        follower.close()
    assert read == written
