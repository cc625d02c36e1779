"""The journal on disk: what is written comes back, whatever happens in between."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from minikubelet.journal import Journal, PhaseChanged, PodAccepted, PodRef, Record
from minikubelet.journal_file import MAX_BYTES, SEGMENT_BYTES, JournalFile
from minikubelet.journal_reading import JournalEntry, JournalMemory, JournalReader
from minikubelet.journal_segments import PACKED, PLAIN, path_of, segments
from tests.cli.records import DB, WEB, a_probe, a_start, an_exit, at
from tests.fakes.clock import FakeClock


@contextmanager
def a_journal(
    directory: Path, *, segment_bytes: int = SEGMENT_BYTES, max_bytes: int = MAX_BYTES
) -> Iterator[JournalFile]:
    journal = JournalFile(
        directory, clock=FakeClock(), segment_bytes=segment_bytes, max_bytes=max_bytes
    )
    journal.open()
    try:
        yield journal
    finally:
        journal.close()


def accepted(number: int, pod: PodRef = WEB) -> PodAccepted:
    return PodAccepted(at=at(number), pod=pod)


def numbers(journal: JournalFile, since: int = 0) -> list[int]:
    return [entry.position for entry in journal.records(since)]


def test_records_come_back_in_order_and_of_one_pod(tmp_path: Path) -> None:
    records: list[Record] = [a_start(1), an_exit(3, seconds=2), accepted(3, DB), a_start(4, 1)]
    with a_journal(tmp_path) as journal:
        for record in records:
            journal.on_record(record)
        whole = [JournalEntry(n, record) for n, record in enumerate(records, 1)]
        assert list(journal.records()) == whole
        assert list(journal.records(since=2)) == whole[2:]
        assert journal.records_of(DB.uid) == (whole[2],)
        assert journal.position == 4


def test_the_journal_in_memory_reads_the_same(tmp_path: Path) -> None:
    memory = JournalMemory()
    records: list[Record] = [
        a_start(1),
        *(a_probe("success", seconds=n) for n in range(5)),
        a_probe("failure", seconds=6),
        accepted(7, DB),
    ]

    def told(reader: JournalReader) -> object:
        return (
            reader.position,
            list(reader.records(2)),
            reader.records_of(WEB.uid),
            reader.find("default", "db"),
            reader.find("default", "nobody"),
        )

    with a_journal(tmp_path) as file:
        for record in records:
            memory.on_record(record)
            file.on_record(record)
        assert told(memory) == told(file)


def test_an_empty_journal_is_read_too(tmp_path: Path) -> None:
    with a_journal(tmp_path / "journal") as journal:
        assert (numbers(journal), journal.position) == ([], 0)
        assert (journal.records_of("1"), journal.find("default", "web")) == ((), None)


def test_it_is_written_before_the_next_subscriber_acts(tmp_path: Path) -> None:
    clock = FakeClock()
    with a_journal(tmp_path) as file:
        journal, seen = Journal(clock), list[int]()
        journal.subscribe(file.on_record)
        journal.subscribe(lambda record: seen.append(len(numbers(file))))
        journal.append(accepted(1))
        journal.append(accepted(2))
        assert seen == [1, 2]


_WRITER = """
import os, sys
from datetime import timedelta
from pathlib import Path
from minikubelet.clock import SystemClock
from minikubelet.journal_file import JournalFile
from tests.test_journal_file import accepted
journal = JournalFile(Path(sys.argv[1]), clock=SystemClock(), segment_bytes=4000,
    max_age=timedelta(days=99_999))
journal.open()
for number in range(1, 100_000):
    journal.on_record(accepted(number))
    os.write(1, b"x")
"""


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        written = len(child.stdout.read(2000))
        child.send_signal(signal.SIGKILL)
        written += len(child.stdout.read())
    with a_journal(tmp_path) as journal:
        found = numbers(journal)
        assert found == list(range(1, len(found) + 1))
        assert len(found) in (written, written + 1)
        journal.on_record(accepted(0))
        assert numbers(journal)[-1] == len(found) + 1


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:  # a crash of the host
    with a_journal(tmp_path) as journal:
        journal.on_record(accepted(1))
        journal.on_record(accepted(2))
    path = path_of(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-20])
    with a_journal(tmp_path) as journal:
        journal.on_record(accepted(3))
        assert [(e.position, e.record) for e in journal.records()] == [
            (1, accepted(1)),
            (2, accepted(3)),
        ]


def test_a_damaged_line_costs_that_line(tmp_path: Path) -> None:
    with a_journal(tmp_path) as journal:
        for n in range(3):
            journal.on_record(accepted(n))
    path = path_of(tmp_path, 1)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * 40 + b"\n" + lines[2] + b'{"n":4,"record":"New"}\n')
    with a_journal(tmp_path) as journal:
        assert numbers(journal) == [1, 3]
        assert journal.skipped == {"line": 1, "New": 1}
        assert journal.position == 4


def test_full_segments_are_packed_and_still_read(tmp_path: Path) -> None:
    with a_journal(tmp_path, segment_bytes=2000) as journal:
        for n in range(200):
            journal.on_record(accepted(n, DB if n == 7 else WEB))
        assert numbers(journal) == list(range(1, 201))
    kinds = [path_of(tmp_path, first, PACKED).exists() for first in segments(tmp_path)]
    assert kinds[:-1] == [True] * (len(kinds) - 1)
    assert path_of(tmp_path, segments(tmp_path)[-1], PLAIN).exists()
    with a_journal(tmp_path) as journal:
        assert journal.position == 200
        assert numbers(journal, since=150) == list(range(151, 201))
        assert [entry.position for entry in journal.records_of(DB.uid)] == [8]
        assert journal.find("default", "db") == DB
        assert len(journal.records_of(WEB.uid)) == 199


def test_one_pod_is_read_from_the_segments_that_tell_of_it(tmp_path: Path) -> None:
    with a_journal(tmp_path, segment_bytes=2000) as journal:
        for n in range(100):
            journal.on_record(accepted(n, DB if n < 3 else WEB))
    for first in segments(tmp_path)[1:-1]:
        path_of(tmp_path, first, PACKED).write_bytes(b"not to be read")
    with a_journal(tmp_path) as journal:
        assert [entry.position for entry in journal.records_of(DB.uid)] == [1, 2, 3]


def test_the_newest_pod_of_a_name_is_found(tmp_path: Path) -> None:
    with a_journal(tmp_path, segment_bytes=500) as journal:
        for n in range(20):
            journal.on_record(accepted(n, PodRef("default", "web", f"uid-{n // 4}")))
        assert journal.find("default", "web") == PodRef("default", "web", "uid-4")
        assert journal.find("default", "other") is None


def test_the_oldest_segments_go_when_it_grows_too_large(tmp_path: Path) -> None:
    with a_journal(tmp_path, max_bytes=20_000) as journal:
        for n in range(5000):
            journal.on_record(accepted(n, PodRef("default", "web", f"{n * 7919 % 100_003:x}")))
        last = journal.position
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    with a_journal(tmp_path, max_bytes=20_000) as journal:
        found = numbers(journal)
    assert 3_000 < size <= 20_000
    assert found == list(range(found[0], last + 1))
    assert found[0] > 1


async def test_the_oldest_segments_go_when_they_are_too_old(tmp_path: Path) -> None:
    clock = FakeClock(at(0))
    journal = JournalFile(tmp_path, clock=clock, max_age=timedelta(hours=10))
    journal.open()
    for _ in range(30):
        journal.on_record(PhaseChanged(at=clock.now(), pod=WEB, old="", new="Pending"))
        await clock.advance(3601)
    journal.close()
    kept = [entry.record.at for entry in JournalFile(tmp_path, clock=clock).records()]
    assert timedelta(hours=9) < clock.now() - kept[0] < timedelta(hours=13)
    assert len(kept) in (10, 11, 12)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As a full disk: a write is cut short, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_records_is_told_once_and_is_over_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with a_journal(tmp_path) as journal:
        journal.on_record(accepted(1))
        with no_file_larger_than(path_of(tmp_path, 1).stat().st_size + 10):
            for n in range(2, 5):
                journal.on_record(accepted(n))
            assert journal.lost == 3
        journal.on_record(accepted(5))
        journal.on_record(accepted(6))
        assert [(e.position, e.record) for e in journal.records()] == [
            (1, accepted(1)),
            (5, accepted(5)),
            (6, accepted(6)),
        ]
        assert journal.skipped == {}
    told = [message.partition(" directory")[0] for message in caplog.messages]
    assert told == ["cannot write the journal", "the journal is written again lost_records=3"]


def test_a_directory_that_is_gone_comes_back(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    with a_journal(directory) as journal:
        directory.rmdir()
        journal.on_record(accepted(1))
        assert journal.lost == 1
        directory.mkdir()
        journal.on_record(accepted(2))
        assert numbers(journal) == [2]


def test_successes_are_thinned_and_counted(tmp_path: Path) -> None:
    with a_journal(tmp_path) as journal:
        for n in range(100):
            journal.on_record(a_probe("success", seconds=n))
        journal.on_record(a_probe("failure", seconds=100))
        assert [(e.position, e.repeats) for e in journal.records()] == [(1, 0), (2, 98), (3, 0)]


def test_text_that_is_not_unicode_costs_no_record(tmp_path: Path) -> None:
    with a_journal(tmp_path) as journal:
        journal.on_record(a_probe("failure", output="half \udc80 ünd"))
        (entry,) = journal.records()
        assert entry.record == a_probe("failure", output="half ? ünd")


def test_it_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    before = os.umask(0)
    try:
        with a_journal(directory, segment_bytes=300) as journal:
            for n in range(5):
                journal.on_record(accepted(n))
    finally:
        os.umask(before)
    modes = {oct(path.stat().st_mode & 0o777) for path in (directory, *directory.iterdir())}
    assert modes == {"0o700", "0o600"}
