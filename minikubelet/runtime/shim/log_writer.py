"""Output of a container → lines of its log file in CRI format (L-261).

Role: format whole chunks, since every byte that a container prints passes here; one timestamp per
chunk.
Invariants: what comes out ends with a newline; of each stream at most one unfinished line is kept.
"""

from __future__ import annotations

import time

MAX_LINE = 16384
HEAD_BYTES = len("2006-01-02T15:04:05.000000000Z stdout F ")
"""What stands before the content of each entry."""


class LineFormatter:
    """One stream of one container. Times are Unix nanoseconds."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
        self._rest = b""

    def feed(self, data: bytes, now_ns: int) -> bytes:
        """Log entries for what is complete by now."""
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        head = self._head(now_ns)
        out = b""
        if lines:
            if b"\r" in data:
                lines = [line.removesuffix(b"\r") for line in lines]
            if len(data) > MAX_LINE and max(map(len, lines)) > MAX_LINE:
                out = b"".join(_entries(line, head) for line in lines)
            else:
                full = head + b"F "
                out = full + (b"\n" + full).join(lines) + b"\n"
        # One byte more is kept: it may be the "\r" of a line that fits.
        while len(self._rest) > MAX_LINE + 1:
            out += head + b"P " + self._rest[:MAX_LINE] + b"\n"
            self._rest = self._rest[MAX_LINE:]
        return out

    def finish(self, now_ns: int) -> bytes:
        """At the end of the stream: a last line without newline."""
        rest, self._rest = self._rest, b""
        if not rest:
            return b""
        head = self._head(now_ns)
        return b"".join(head + b"P " + piece + b"\n" for piece in _pieces(rest))

    def _head(self, now_ns: int) -> bytes:
        return timestamp(now_ns) + b" " + self._stream + b" "


def _entries(line: bytes, head: bytes) -> bytes:
    *partial, last = _pieces(line)
    return b"".join(head + b"P " + piece + b"\n" for piece in partial) + head + b"F " + last + b"\n"


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + MAX_LINE] for start in range(0, len(line) or 1, MAX_LINE)]


_second = 0
_second_text = ""


def timestamp(now_ns: int) -> bytes:
    """RFC 3339 in UTC with nine digits of a second."""
    global _second, _second_text
    second, nanoseconds = divmod(now_ns, 1_000_000_000)
    if second != _second:
        _second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = second
    return b"%b.%09dZ" % (_second_text.encode(), nanoseconds)
