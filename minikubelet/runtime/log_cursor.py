"""Follow the log of one container: through rotation and restarts, each line exactly once.

Role: `read()` hands out what was written since the last call. It never waits; the caller knows
when to look again. Files of instance n: the current `n.log`, rotated `n.log.<time>` and, later,
`n.log.<time>.gz` (L-263); the log ends when a file of a later instance exists.
Invariants: nothing is lost and nothing repeated, whatever is renamed or compressed between two
calls; only a file that was deleted unread is lost, and then `lost` says so. Memory is bounded.
"""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import BinaryIO

from minikubelet.runtime.container_log import (
    BLOCK_BYTES,
    MAX_LINE_BYTES,
    LineJoiner,
    LogEntry,
    merge_lines,
    parse_entry,
)
from minikubelet.value_class import dataclass

Batch = Sequence[LogEntry]

_ATTEMPTS = 10
"""To open a file that is renamed or compressed just then."""
_DONE_STAMPS = 100
"""How many files that were read are remembered beyond those that are there."""
_NAME = re.compile(r"(\d+)\.log(?:\.(\d{8}-\d{6})(\.gz)?)?")


@dataclass(slots=True)
class _Listing:
    """The files of a log directory at one moment."""

    current: set[int] = field(default_factory=set)
    """Instances with an `<n>.log`."""
    rotated: dict[int, dict[str, str]] = field(default_factory=dict)
    """By instance: time stamp → file name; the uncompressed one while both are there."""

    def instances(self) -> list[int]:
        return sorted(self.current | self.rotated.keys())


def _list(directory: Path) -> _Listing:
    listing = _Listing()
    try:
        names = sorted(os.listdir(directory), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return listing
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        instance, stamp = int(match[1]), match[2]
        if stamp is None:
            listing.current.add(instance)
        else:
            listing.rotated.setdefault(instance, {})[stamp] = name
    return listing


@dataclass(slots=True)
class _Open:
    """The file being read. `stamp` is set when it was rotated already when it was opened."""

    fd: int
    read: Callable[[int], bytes]
    close: Callable[[], None]
    stamp: str = ""
    successor: str = ""
    """The stamp of the file that comes after it, once that is rotated too: found in time, nothing
    between the two can be lost."""
    offset: int = 0


class LogCursor:
    """How far one container's log directory has been read. Not thread-safe."""

    def __init__(self, directory: Path, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called when log files may have been deleted before they were read."""
        self._directory = directory
        self._lost = lost
        self._instance: int | None = None
        self._file: _Open | None = None
        self._done: dict[str, None] = {}
        """Stamps of this instance's rotated files that have been read, in the order of reading."""
        self._single = False
        self._merge = False
        self.ended = False
        """The one instance that `start_at` named has ended, and all of it was handed out."""
        self._joiner = LineJoiner()
        self._carry = b""

    def start_at(
        self, instance: int, offset_in: Callable[[BinaryIO], int], *, merge: bool = False
    ) -> None:
        """To be called before the first `read`: hand out this instance alone, and of it what its
        current file holds from `offset_in(file)` on and what comes later; not what was rotated
        away before (L-264). `merge`: where possible, an entry holds many lines, with the newlines
        between them, which costs a fraction; its time is that of the first."""
        self._instance, self._single, self._merge = instance, True, merge
        for _ in range(_ATTEMPTS):
            before = _list(self._directory).rotated.get(instance, {}).keys()
            opened = self._open(f"{instance}.log", "")
            after = _list(self._directory).rotated.get(instance, {}).keys()
            if before == after and (opened is not None or not after):
                break
            if opened is not None:
                opened.close()
                opened = None
        self._done = dict.fromkeys(sorted(after))
        if opened is not None:
            with open(opened.fd, "rb", closefd=False) as file:
                opened.offset = offset_in(file)
            os.lseek(opened.fd, opened.offset, os.SEEK_SET)
            self._file = opened

    def read(self, *, final: bool = False) -> Iterator[Batch]:
        """What was written up to now, in batches. `final`: no writer is left, so lines without
        a newline are handed out too."""
        while not self.ended:
            listing = _list(self._directory)
            newer = self._newer_instance(listing)
            if self._file is None and not self._open_next(listing, newer is not None or final):
                if newer is None:
                    break
                yield from self._end_instance(newer)
                continue
            # Looked at before reading: once a file is not the current one, it does not grow.
            is_current = self._is_current()
            if not is_current:
                self._look_ahead(listing)
            yield from self._read_to_end()
            if not is_current:
                if self._leave_rotated(newer is not None or final):
                    # The rest of a line that began there is not the one that comes next.
                    yield from self._flush()
                    self._lost()
                if self._file is not None:
                    break  # renamed, and the new one is not there yet
            elif newer is not None:
                self._close_file()
                yield from self._end_instance(newer)
            else:
                break
        if final:
            yield from self._flush()

    def end(self, instance: int) -> Iterator[Batch]:
        """`read()` when `instance` has ended: its lines without a newline are handed out too."""
        yield from self.read()
        if self._instance == instance:
            yield from self._flush()

    def close(self) -> None:
        self._close_file()

    # --- which file

    def _newer_instance(self, listing: _Listing) -> int | None:
        known = -1 if self._instance is None else self._instance
        return next((n for n in listing.instances() if n > known), None)

    def _end_instance(self, newer: int) -> Iterator[Batch]:
        yield from self._flush()
        if self._single:
            self.ended = True
            return
        self._instance = newer
        self._done.clear()

    def _flush(self) -> Iterator[Batch]:
        self._carry = b""
        rest = self._joiner.flush()
        if rest:
            yield rest

    def _open_next(self, listing: _Listing, ended: bool) -> bool:
        """Open the oldest file of this instance that is not done; False if there is none."""
        if self._instance is None:
            return False
        for _ in range(_ATTEMPTS):
            if not ended and self._instance not in listing.current:
                return False
            rotated = listing.rotated.get(self._instance, {})
            stamp = min(rotated.keys() - self._done.keys(), default="")
            if not stamp and self._instance not in listing.current:
                return False
            opened = self._open(rotated[stamp] if stamp else f"{self._instance}.log", stamp)
            after = _list(self._directory)
            unread = after.rotated.get(self._instance, {}).keys() - self._done.keys()
            if opened is not None and (stamp or not unread):
                self._file = opened
                return True
            # Renamed or compressed between looking and opening: look again.
            if opened is not None:
                opened.close()
            listing = after
        return False

    def _open(self, name: str, stamp: str) -> _Open | None:
        path = os.path.join(self._directory, name)
        try:
            if name.endswith(".gz"):
                packed = gzip.GzipFile(path)
                return _Open(-1, packed.read1, packed.close, stamp)
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        return _Open(fd, lambda size: os.read(fd, size), lambda: os.close(fd), stamp)

    def _is_current(self) -> bool:
        """Whether the open file is still the one that the container writes to."""
        assert self._file is not None
        if self._file.stamp:
            return False
        try:
            found = os.stat(os.path.join(self._directory, f"{self._instance}.log"))
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self._file.fd))

    def _look_ahead(self, listing: _Listing) -> None:
        assert self._file is not None
        assert self._instance is not None
        rotated = listing.rotated.get(self._instance, {})
        stamp = self._file.stamp or self._stamp_of(self._file, listing)
        if stamp in rotated:
            self._file.successor = min((other for other in rotated if other > stamp), default="")

    def _leave_rotated(self, ended: bool) -> bool:
        """Done with a rotated file; unless its name is in doubt, because a rotation can be undone
        until the new current file is there. Whether it was deleted by now: so may others have been
        that came after it, since the oldest go first; unless the next one was seen and is there."""
        assert self._file is not None
        assert self._instance is not None
        listing = _list(self._directory)
        if not ended and self._instance not in listing.current:
            return False
        stamp = self._file.stamp or self._stamp_of(self._file, listing)
        if stamp not in listing.rotated.get(self._instance, {}):
            # A listing may miss a file that is compressed just then.
            listing = _list(self._directory)
            stamp = stamp or self._stamp_of(self._file, listing)
        there = listing.rotated.get(self._instance, {})
        if stamp:
            self._note_done(stamp, len(there))
        is_next_there = self._file.successor in there
        self._carry = b""
        self._close_file()
        return stamp not in there and not is_next_there and self._instance in listing.current

    def _note_done(self, stamp: str, files: int) -> None:
        self._done[stamp] = None
        surplus = len(self._done) - 2 * files - _DONE_STAMPS
        for old in list(self._done)[: max(0, surplus)]:
            del self._done[old]

    def _stamp_of(self, file: _Open, listing: _Listing) -> str:
        """The time in the name that the file now has; empty if it was deleted meanwhile."""
        assert self._instance is not None
        rotated = listing.rotated.get(self._instance, {})
        ours = os.fstat(file.fd)
        for stamp in sorted(rotated.keys() - self._done.keys()):
            path = os.path.join(self._directory, rotated[stamp])
            try:
                if path.endswith(".gz"):
                    if _unpacked_size(path) == ours.st_size % 2**32:
                        return stamp
                elif os.path.samestat(os.stat(path), ours):
                    return stamp
            except FileNotFoundError:
                continue
        return ""

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # --- what is in it

    def _read_to_end(self) -> Iterator[Batch]:
        """Up to the end at the time of the call, so that a fast writer cannot hold us here."""
        file = self._file
        assert file is not None
        size = os.fstat(file.fd).st_size if file.fd >= 0 else None
        if size is not None and size < file.offset:
            os.lseek(file.fd, 0, os.SEEK_SET)  # somebody emptied it in place
            file.offset = 0
            self._carry = b""
        while size is None or file.offset < size:
            try:
                data = file.read(BLOCK_BYTES)
            except (EOFError, zlib.error, OSError):
                break  # a damaged archive: what could be read has been
            if not data:
                break
            file.offset += len(data)
            batch = self._parse(data)
            if batch:
                yield batch

    def _parse(self, data: bytes) -> list[LogEntry]:
        whole, _, carry = (self._carry + data).rpartition(b"\n")
        self._carry = carry[: 2 * MAX_LINE_BYTES]
        if self._merge and self._joiner.is_empty and (merged := merge_lines(whole)):
            return [merged]
        lines = whole.split(b"\n")
        batch = []
        for line in lines:
            entry = parse_entry(line)
            joined = self._joiner.add(entry) if entry else None
            if joined:
                batch.append(joined)
        return batch


def _unpacked_size(path: str) -> int:
    """Modulo 2**32, from the last four bytes of a gzip file."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        (size,) = struct.unpack("<I", file.read(4))
    return int(size)
