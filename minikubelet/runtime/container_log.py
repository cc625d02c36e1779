"""Read container logs: CRI lines to entries, and one log file with kubectl's options.

Role: `parse_entry` and `LineJoiner` are pure and know the format (L-261, L-262); `read_log` serves
`--tail`, `--since`, `--limit-bytes` and `--timestamps` from one file. Following a growing log is
`log_cursor.py` and `log_follower.py`. The writer is the shim.
Invariants: a line that is not in the format is skipped, never an error; memory is bounded.
Upstream: pkg/kubelet/kuberuntime/logs and cri-client. Differs: the parts of a long line are joined
per stream, and `tail` counts whole lines, where upstream counts the parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from minikubelet.value_class import dataclass

MAX_LINE_BYTES = 1024 * 1024
"""A joined line that grows beyond this is handed on in partial entries of about this size."""
BLOCK_BYTES = 64 * 1024

_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([^ ]*) (.*)",
    re.DOTALL,
)


_FULL_LINE = re.compile(
    rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) F ([^\n]*)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line that a container wrote."""

    time: datetime
    timestamp: str
    """`time` as it was written: RFC 3339, with up to nine digits of the second."""
    stream: str
    """stdout or stderr."""
    text: bytes
    partial: bool = False
    """No newline follows: the output ended here, or the rest of a very long line comes next."""


def parse_entry(line: bytes) -> LogEntry | None:
    """One line of a log file, without its newline; None if it is not in CRI format."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    stamp, stream, tag, text = match.groups()
    timestamp = stamp.decode("ascii")
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    # Tags after a colon are for future versions of the format.
    return LogEntry(time, timestamp, stream.decode("ascii"), text, tag.partition(b":")[0] == b"P")


def merge_lines(lines: bytes) -> LogEntry | None:
    """Several lines of a log file, without the last newline, as one entry; None unless each of
    them is a full line in CRI format. Ten times as fast as one entry for each."""
    first = parse_entry(lines.partition(b"\n")[0])
    texts = _FULL_LINE.findall(lines)
    if first is None or len(texts) != lines.count(b"\n") + 1:
        return None
    return replace(first, text=b"\n".join(texts))


@dataclass(slots=True)
class _Unfinished:
    first: LogEntry
    text: bytearray


@dataclass(slots=True)
class LineJoiner:
    """Joins the partial entries of each stream to whole lines, which keep the first part's time."""

    _unfinished: dict[str, _Unfinished] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self._unfinished

    def add(self, entry: LogEntry) -> LogEntry | None:
        """The line that `entry` completes, or None while more of it has to come."""
        line = self._unfinished.get(entry.stream)
        if line is None:
            if not entry.partial:
                return entry
            self._unfinished[entry.stream] = _Unfinished(entry, bytearray(entry.text))
            return None
        line.text += entry.text
        if entry.partial and len(line.text) < MAX_LINE_BYTES:
            return None
        del self._unfinished[entry.stream]
        return replace(line.first, text=bytes(line.text), partial=entry.partial)

    def flush(self) -> tuple[LogEntry, ...]:
        """What is left when the log ends: lines without a newline."""
        rest = tuple(
            replace(line.first, text=bytes(line.text)) for line in self._unfinished.values()
        )
        self._unfinished.clear()
        return rest


def read_log(
    path: Path,
    *,
    tail: int | None = None,
    since: datetime | None = None,
    limit_bytes: int | None = None,
    timestamps: bool = False,
) -> Iterator[bytes]:
    """The output of one log file as `kubectl logs` prints it, in pieces of about a line.

    `tail` counts lines from the end and costs what it reads, not what the file holds; a line that
    another stream interrupts at that point begins with its later part. `since` is aware. Raises
    OSError if the file cannot be read.
    """
    left = limit_bytes
    for entry in _entries(path, tail):
        if since is not None and entry.time < since:
            continue
        piece = printed_line(entry, timestamps)
        if left is not None:
            piece = piece[:left]
            left -= len(piece)
        if piece:
            yield piece
        if left == 0:
            return


def nanoseconds(timestamp: str) -> str:
    """An RFC 3339 time with nine digits of the second, as `--timestamps` prints it (L-262)."""
    seconds, digits, zone = timestamp[:19], timestamp[19:], ""
    for mark in "Z+-":
        head, found, tail = digits.partition(mark)
        if found:
            digits, zone = head, found + tail
            break
    return f"{seconds}.{digits.removeprefix('.')[:9]:0<9}{zone}"


def printed_line(entry: LogEntry, timestamps: bool) -> bytes:
    """An entry as `kubectl logs` shows it (L-262)."""
    end = b"" if entry.partial else b"\n"
    if timestamps:
        return b"%s %s%s" % (nanoseconds(entry.timestamp).encode("ascii"), entry.text, end)
    return entry.text + end


def _entries(path: Path, tail: int | None) -> Iterator[LogEntry]:
    with path.open("rb") as file:
        if tail is not None:
            file.seek(tail_offset(file, tail))
        joiner = LineJoiner()
        for line in file:
            if not line.endswith(b"\n"):
                break  # still being written
            entry = parse_entry(line[:-1])
            joined = joiner.add(entry) if entry else None
            if joined:
                yield joined
        yield from joiner.flush()


def tail_offset(file: BinaryIO, tail: int) -> int:
    """Where the last `tail` lines begin."""
    lines = 0
    for offset, raw in _lines_backwards(file):
        entry = parse_entry(raw)
        if entry is None:
            continue
        # Going backwards, an entry that is not partial is the end of one more line; and so is the
        # very last one, whatever it is.
        if lines == 0 or not entry.partial:
            lines += 1
        if lines > tail:
            return offset + len(raw) + 1
    return 0


def _lines_backwards(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(offset, line without newline) from the last complete line to the first."""
    position = file.seek(0, 2)
    rest = b""
    seen_newline = False
    while position > 0:
        start = max(0, position - BLOCK_BYTES)
        file.seek(start)
        data = file.read(position - start) + rest
        position = start
        if not seen_newline:
            data = data[: data.rfind(b"\n") + 1]
            seen_newline = bool(data)
        body_at = data.find(b"\n") + 1 if start > 0 else 0
        rest, body = data[:body_at], data[body_at:]
        end = start + len(data)
        for line in reversed(body.split(b"\n")[:-1]):
            end -= len(line) + 1
            yield end, line
