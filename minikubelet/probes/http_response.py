"""Read an HTTP/1.1 answer in pieces (P-325 … P-328). Pure.

Invariants: never keeps more than a head of `HEAD_LIMIT` and a body of `BODY_LIMIT` bytes, beside
the piece being read.
Upstream: Go's net/http, whose error texts are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from minikubelet.manifest.fieldpath import go_quote

BODY_LIMIT = 10240
HEAD_LIMIT = 10 << 20
CHUNK_LINE_LIMIT = 4096

_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_WITHOUT_BODY = frozenset({204, 304})


class MalformedHeadError(Exception):
    """The head of an answer that cannot be read, or an answer that ends before its head does."""


class BodyError(Exception):
    """A body that cannot be read, or ends too early (P-328)."""


@dataclass(slots=True)
class ResponseParser:
    """Takes an answer in pieces of any size; read the fields once `head_complete` or `finished`.

    Interim answers (1xx) are passed over. What follows the body is ignored.
    """

    status: int = 0
    location: str = ""
    body: bytearray = field(default_factory=bytearray)
    head_complete: bool = False
    finished: bool = False
    truncated: bool = False
    """The body reached BODY_LIMIT and was cut there (P-325)."""
    _buffer: bytearray = field(default_factory=bytearray)
    _head_size: int = 0
    _headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    _in_headers: bool = False
    _chunked: bool = False
    _remaining: int | None = None
    """Body bytes to come, of the chunk if chunked; None: until the peer closes."""
    _between: bytes = b""
    """Chunked: what comes next if not data: `size`, `end` of a chunk, or `trailer`."""

    def feed(self, data: bytes) -> None:
        """Raises MalformedHeadError, BodyError."""
        self._buffer += data
        if not self.head_complete:
            self._read_head()
        if self.head_complete and not self.finished:
            self._read_body()

    def close(self) -> None:
        """The peer sends nothing more. Raises MalformedHeadError, BodyError."""
        if self.finished:
            return
        if self.head_complete:
            if self._chunked or self._remaining is not None:
                raise BodyError("unexpected EOF")
            self.finished = True
            return
        if not self._head_size and not self._buffer:
            raise MalformedHeadError("EOF")
        if not self._in_headers and self._buffer:
            self._read_line(bytes(self._buffer))  # a last line without an end counts as a line
        raise _broken("unexpected EOF")

    # head

    def _read_head(self) -> None:
        start = 0
        buffer = self._buffer
        while not self.head_complete:
            end = buffer.find(b"\n", start)
            if self._head_size + (len(buffer) if end < 0 else end) > HEAD_LIMIT:
                limit = f"{HEAD_LIMIT} bytes; aborted"
                raise MalformedHeadError(f"net/http: server response headers exceeded {limit}")
            if end < 0:
                break
            line = bytes(buffer[start:end])
            start = end + 1
            self._read_line(line.removesuffix(b"\r"))
        self._head_size += start
        del buffer[:start]

    def _read_line(self, line: bytes) -> None:
        if not self._in_headers:
            self._read_status(line)
            self._in_headers = True
        elif not line:
            self._end_head()
        elif line[:1] in b" \t":
            if not self._headers:
                raise _broken(f"malformed MIME header initial line: {_shown(line)}")
            name, value = self._headers[-1]
            self._headers[-1] = (name, value + b" " + line.strip())
        else:
            name, colon, value = line.partition(b":")
            if not colon:
                raise _broken(f"malformed MIME header line: {_shown(line)}")
            self._headers.append((name.lower(), value.strip()))

    def _read_status(self, line: bytes) -> None:
        version, space, rest = line.partition(b" ")
        if not space:
            raise _broken(f"malformed HTTP response {quote_bytes(line)}")
        code = rest.lstrip(b" ").partition(b" ")[0]
        if len(code) != 3 or not code.isdigit():
            raise _broken(f"malformed HTTP status code {quote_bytes(code)}")
        if not _VERSION.fullmatch(version):
            raise _broken(f"malformed HTTP version {quote_bytes(version)}")
        self.status = int(code)

    def _end_head(self) -> None:
        headers, self._headers, self._in_headers = self._headers, [], False
        if 100 <= self.status < 200 and self.status != 101:
            return
        self.head_complete = True
        lengths: list[bytes] = []
        for name, value in headers:
            if name == b"location" and not self.location:
                self.location = value.decode(errors="replace")
            elif name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                if value.lower() != b"chunked":
                    raise _broken(f"unsupported transfer encoding: {quote_bytes(value)}")
                self._chunked = True
        if self.status in _WITHOUT_BODY or self.status < 200:
            self.finished = True
        elif self._chunked:
            self._between = b"size"
        elif lengths:
            self._remaining = _content_length(lengths)

    # body

    def _read_body(self) -> None:
        if self._chunked:
            self._read_chunks()
            return
        self._take_body()
        if self._remaining == 0:
            self.finished = True

    def _take_body(self) -> None:
        """Move body bytes from the buffer to the body; beyond the limit nothing is wanted."""
        buffer = self._buffer
        size = len(buffer) if self._remaining is None else min(self._remaining, len(buffer))
        room = BODY_LIMIT - len(self.body)
        self.body += buffer[: min(size, room)]
        del buffer[:size]
        if self._remaining is not None:
            self._remaining -= size
        if size >= room:
            self.finished = self.truncated = True

    def _read_chunks(self) -> None:
        while not self.finished:
            if not self._between:
                self._take_body()
                if self._remaining:
                    return
                self._between = b"end"
                continue
            end = self._buffer.find(b"\n")
            if (len(self._buffer) if end < 0 else end) > CHUNK_LINE_LIMIT:
                raise BodyError("http: chunk line too long")
            if end < 0:
                return
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._read_chunk_line(line)

    def _read_chunk_line(self, line: bytes) -> None:
        if self._between == b"end":
            if line:
                raise BodyError("malformed chunked encoding")
            self._between = b"size"
        elif self._between == b"trailer":
            self.finished = not line
        else:
            self._remaining = _chunk_size(line)
            self._between = b"" if self._remaining else b"trailer"


def _content_length(values: list[bytes]) -> int:
    if len(set(values)) > 1:
        listed = " ".join(quote_bytes(value) for value in values)
        raise _broken(
            f"http: message cannot contain multiple Content-Length headers; got [{listed}]"
        )
    if not values[0].isdigit() or len(values[0]) > 18:
        raise _broken(f"bad Content-Length {quote_bytes(values[0])}")
    return int(values[0])


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]+", digits):
        raise BodyError("invalid byte in chunk length")
    if len(digits) > 16:
        raise BodyError("http chunk length too large")
    return int(digits, 16)


def quote_bytes(data: bytes) -> str:
    """Go's `%q` of bytes that need not be UTF-8."""
    parts = re.split(r"([\udc80-\udcff])", data.decode("utf-8", "surrogateescape"))
    quoted = (
        f"\\x{ord(part) - 0xDC00:02x}" if index % 2 else go_quote(part)[1:-1]
        for index, part in enumerate(parts)
    )
    return '"' + "".join(quoted) + '"'


def _broken(why: str) -> MalformedHeadError:
    return MalformedHeadError(f"net/http: HTTP/1.x transport connection broken: {why}")


def _shown(line: bytes) -> str:
    return line.decode(errors="replace")
