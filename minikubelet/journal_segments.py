"""The files of the journal on disk: JSON lines, in segments that are packed when they are full.

Role: names, lines, packing, the index of packed segments; which of them go when the journal grows
too large or too old. A segment is `<number of its first record>.jsonl`; packed it is
`….jsonl.gz`, with `….index` beside it: which pods it tells of, and when it ends.
Invariants: a reader finds a segment plain or packed, never neither; a line that cannot be read (the
last one before a crash of the host, say) is passed over; a directory without indexes still works.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from minikubelet.value_class import dataclass

Json = dict[str, Any]

PLAIN, PACKED, INDEX = ".jsonl", ".jsonl.gz", ".index"
_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class PodEntry:
    """One pod in an index."""

    namespace: str
    name: str
    last: int
    """The number of its last record in the segment."""


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    last_at: datetime | None
    """None: nothing in it can be read."""
    pods: dict[str, PodEntry] = field(default_factory=dict)
    """By UID."""


def segments(directory: Path) -> list[int]:
    """The numbers of all segments, oldest first."""
    found = set()
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            stem, dot, rest = entry.name.partition(".")
            if stem.isdecimal() and f"{dot}{rest}" in (PLAIN, PACKED):
                found.add(int(stem))
    return sorted(found)


def path_of(directory: Path, first: int, suffix: str = PLAIN) -> Path:
    return directory / f"{first:016d}{suffix}"


def lines_of(directory: Path, first: int) -> list[bytes]:
    """The whole lines of a segment, without their newline; nothing if it was dropped meanwhile."""
    for suffix in (PLAIN, PACKED, PLAIN, PACKED):  # it may be packed between two tries
        try:
            data = path_of(directory, first, suffix).read_bytes()
        except FileNotFoundError:
            continue
        try:
            return (gzip.decompress(data) if suffix == PACKED else data).split(b"\n")[:-1]
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return []  # the disk has damaged it
    return []


def read_line(line: bytes) -> Json | None:
    """None for one that is damaged."""
    try:
        document = orjson.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) and isinstance(document.get("n"), int) else None


def last_number(directory: Path, first: int) -> int | None:
    """The number of the last readable record of a plain segment."""
    with path_of(directory, first).open("rb") as file:
        position, rest = file.seek(0, os.SEEK_END), b""
        while position > 0:
            start = max(0, position - _BLOCK_BYTES)
            file.seek(start)
            rest = file.read(position - start) + rest
            position = start
            whole = rest[rest.find(b"\n") + 1 :] if start else rest
            for line in reversed(whole.split(b"\n")):
                if (document := read_line(line)) is not None:
                    return int(document["n"])
    return None


def cut_torn_line(fd: int) -> int:
    """Drop what follows the last newline; the answer is the size that is left."""
    size = position = os.fstat(fd).st_size
    while position > 0:
        start = max(0, position - _BLOCK_BYTES)
        newline = os.pread(fd, position - start, start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position < size:
        os.ftruncate(fd, position)
    return position


# --- packing


def index_lines(lines: Iterable[bytes]) -> SegmentIndex:
    last_at: datetime | None = None
    pods: dict[str, PodEntry] = {}
    for line in lines:
        document = read_line(line)
        if document is None:
            continue
        try:
            pod = document["pod"]
            pods[pod["uid"]] = PodEntry(pod["namespace"], pod["name"], document["n"])
            last_at = datetime.fromisoformat(document["at"])
        except (KeyError, TypeError, ValueError):
            continue
    return SegmentIndex(last_at, pods)


def pack(directory: Path, first: int) -> None:
    """Pack a plain segment that is complete. Raises OSError; then it is still there, plain."""
    index = index_lines(lines_of(directory, first))
    document = {
        "lastAt": index.last_at.isoformat() if index.last_at else None,
        "pods": {uid: [e.namespace, e.name, e.last] for uid, e in index.pods.items()},
    }
    _write_whole(path_of(directory, first, INDEX), json.dumps(document).encode())
    plain = path_of(directory, first)
    _write_whole(path_of(directory, first, PACKED), gzip.compress(plain.read_bytes(), 6, mtime=0))
    plain.unlink()


def _write_whole(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    try:
        with open(temporary, "wb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_index(directory: Path, first: int) -> SegmentIndex | None:
    """None for a segment without one: look into it."""
    try:
        document = json.loads(path_of(directory, first, INDEX).read_bytes())
        last_at = document["lastAt"]
        return SegmentIndex(
            datetime.fromisoformat(last_at) if last_at else None,
            {uid: PodEntry(*entry) for uid, entry in document["pods"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


# --- bounds


def drop_surplus(
    directory: Path, active: int, *, max_bytes: int, max_age: timedelta, now: datetime
) -> None:
    """Remove the oldest segments, but never `active`, until what is left is within the bounds."""
    closed = [first for first in segments(directory) if first != active]
    sizes = {first: _size(directory, first) for first in closed}
    total = sum(sizes.values())
    for first in closed:
        index = read_index(directory, first)
        old = index is not None and index.last_at is not None and now - index.last_at > max_age
        if total <= max_bytes and not old:
            return
        for suffix in (PLAIN, PACKED, INDEX):
            path_of(directory, first, suffix).unlink(missing_ok=True)
        total -= sizes[first]


def _size(directory: Path, first: int) -> int:
    size = 0
    for suffix in (PLAIN, PACKED, INDEX):
        with contextlib.suppress(FileNotFoundError):
            size += path_of(directory, first, suffix).stat().st_size
    return size
