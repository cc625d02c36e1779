"""The journal on disk: what happened to every pod, also to those that are gone.

Role: the first subscriber of the journal. Each record becomes one line in one `os.write`, so that
it is in the page cache, safe from the death of this process, before anybody acts on it; nothing is
fsynced but whole segments when they are packed. Read back by `why`, by the writer of Events after a
restart, and by the API.
Invariants: `on_record` never waits and never fails: a full disk costs records, is told once, and is
over when there is room. Bounded in size and age: the oldest segments go. Records are numbered in
the order in which they were written; numbers of lost records are missing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from minikubelet.clock import Clock
from minikubelet.journal import PodRef, Record
from minikubelet.journal_json import record_from_json, record_to_json
from minikubelet.journal_reading import RECORDS_OF_ONE_POD, JournalEntry
from minikubelet.journal_segments import (
    PLAIN,
    SegmentIndex,
    cut_torn_line,
    drop_surplus,
    index_lines,
    last_number,
    lines_of,
    pack,
    path_of,
    read_index,
    read_line,
    segments,
)
from minikubelet.journal_thinning import Kept, Thinning
from minikubelet.log import get_logger

log = get_logger(__name__)

MAX_BYTES = 64 * 1024 * 1024
MAX_AGE = timedelta(days=30)
SEGMENT_BYTES = 2 * 1024 * 1024


def _encoded(document: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, which only a program's own text can hold
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return f"{text}\n".encode("utf-8", "replace")


class JournalFile:
    """Owns its directory. `open()` comes first; `close()` waits until full segments are packed."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        max_bytes: int = MAX_BYTES,
        max_age: timedelta = MAX_AGE,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.skipped: Counter[str] = Counter()
        """What could not be read: types and members of other versions, damaged lines."""
        self._directory = directory
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._segment_bytes = max(1, min(segment_bytes, max_bytes // 8))
        self._thinning = Thinning()
        self._position = 0
        self._fd: int | None = None
        self._active = 0
        self._size = 0
        self._began: datetime = clock.now()
        self._lost = 0
        self._packer: ThreadPoolExecutor | None = None
        self._indexes: dict[int, SegmentIndex] = {}

    @property
    def position(self) -> int:
        return self._position

    @property
    def lost(self) -> int:
        """Records that could not be written since the last one that could."""
        return self._lost

    def open(self) -> None:
        """Go on behind the last record. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = segments(self._directory)
        self._position = self._last_position(known)
        if known and path_of(self._directory, known[-1]).exists():
            self._open_segment(known[-1])
        if len(known) > 1:
            self._tidy_later()

    def close(self) -> None:
        for kept in self._thinning.flush():
            self._write(kept)
        if self._packer is not None:
            self._packer.shutdown(wait=True)
            self._packer = None
        self._close_segment()

    # --- writing

    def on_record(self, record: Record) -> None:
        """A subscriber of the journal."""
        for kept in self._thinning.admit(record):
            self._write(kept)

    def _write(self, kept: Kept) -> None:
        self._position += 1
        document: dict[str, object] = {"n": self._position}
        if kept.repeats:
            document["repeats"] = kept.repeats
        document.update(record_to_json(kept.record))
        try:
            self._append(_encoded(document))
        except OSError as error:
            if not self._lost:
                log.error("cannot write the journal", directory=self._directory, error=error)
            self._lost += 1
            return
        if self._lost:
            log.info("the journal is written again", lost_records=self._lost)
            self._lost = 0

    def _append(self, line: bytes) -> None:
        full = self._is_full()
        if full:
            self._close_segment()
        if self._fd is None:
            self._open_segment(self._position)
        if full:
            self._tidy_later()
        assert self._fd is not None, "it was opened"
        written = 0
        try:
            while written < len(line):  # the next write says why one was cut short
                written += os.write(self._fd, line[written:])
        except OSError:
            if written:
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(line)

    def _is_full(self) -> bool:
        if self._fd is None or self._size == 0:
            return False
        # Also a quiet journal gets a new segment now and then, since only whole ones can go.
        old = self._clock.now() - self._began > self._max_age / 10
        return self._size >= self._segment_bytes or old

    def _close_segment(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._active = None, 0

    def _open_segment(self, first: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(path_of(self._directory, first), flags, 0o600)
        self._size = cut_torn_line(fd)
        self._fd, self._active, self._began = fd, first, self._clock.now()

    def _last_position(self, known: list[int]) -> int:
        for first in reversed(known):
            if not path_of(self._directory, first, PLAIN).exists():
                index = read_index(self._directory, first) or self._scan(first)
                return max([first, *(entry.last for entry in index.pods.values())])
            last = last_number(self._directory, first)
            if last is not None:
                return last
        return known[0] - 1 if known else 0

    # --- packing and bounds, in a thread of their own

    def _tidy_later(self) -> None:
        if self._packer is None:
            self._packer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._packer.submit(self._tidy, self._clock.now())

    def _tidy(self, now: datetime) -> None:
        try:
            for first in segments(self._directory)[:-1]:
                if path_of(self._directory, first).exists():
                    pack(self._directory, first)
            drop_surplus(
                self._directory,
                segments(self._directory)[-1],
                max_bytes=self._max_bytes - self._segment_bytes,
                max_age=self._max_age,
                now=now,
            )
        except OSError as error:
            log.warning("cannot pack the journal", directory=self._directory, error=error)
        except Exception:
            log.exception("packing the journal failed", directory=self._directory)

    # --- reading

    def records(self, since: int = 0) -> Iterator[JournalEntry]:
        known = segments(self._directory)
        for index, first in enumerate(known, 1):
            if index < len(known) and known[index] <= since + 1:
                continue  # it ends before the next one begins
            for entry in self._entries(first):
                if entry.position > since:
                    yield entry

    def records_of(self, pod_uid: str, limit: int = RECORDS_OF_ONE_POD) -> tuple[JournalEntry, ...]:
        """The newest of one pod, in order."""
        found: list[JournalEntry] = []
        for first in reversed(self._segments()):
            index = self._index(first)
            if index is not None and pod_uid not in index.pods:
                continue
            found[:0] = self._entries(first, pod_uid)
            if len(found) >= limit:
                break
        return tuple(found[-limit:])

    def find(self, namespace: str, name: str) -> PodRef | None:
        for first in reversed(self._segments()):
            index = self._index(first) or self._scan(first)
            uids = [
                (entry.last, uid)
                for uid, entry in index.pods.items()
                if (entry.namespace, entry.name) == (namespace, name)
            ]
            if uids:
                return PodRef(namespace, name, max(uids)[1])
        return None

    def _entries(self, first: int, pod_uid: str = "") -> Iterator[JournalEntry]:
        wanted = json.dumps(pod_uid, ensure_ascii=False).encode() if pod_uid else b""
        for line in lines_of(self._directory, first):
            if wanted not in line:
                continue  # most lines need not be decoded
            document = read_line(line)
            if document is None:
                self.skipped["line"] += 1
                continue
            position, repeats = document.pop("n"), document.pop("repeats", 0)
            record = record_from_json(document, self.skipped)
            if record is not None and pod_uid in ("", record.pod.uid):
                yield JournalEntry(position, record, repeats)

    def _segments(self) -> list[int]:
        """Those that there are; the indexes of others are forgotten."""
        known = segments(self._directory)
        for first in set(self._indexes).difference(known):
            self._indexes.pop(first, None)
        return known

    def _index(self, first: int) -> SegmentIndex | None:
        """None for segments without one, as the one that is being written."""
        if first not in self._indexes:
            index = read_index(self._directory, first)
            if index is None or first == self._active:
                return None
            self._indexes[first] = index
        return self._indexes[first]

    def _scan(self, first: int) -> SegmentIndex:
        return index_lines(lines_of(self._directory, first))
