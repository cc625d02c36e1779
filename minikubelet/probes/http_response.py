"""Read an HTTP/1.1 answer in pieces (P-325 … P-328). Pure.

Invariants: never keeps more than a head of `HEAD_LIMIT` and a body of `BODY_LIMIT` bytes, beside
the piece being read.
Upstream: Go's net/http, whose error texts are kept.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from minikubelet.manifest.fieldpath import go_quote

BODY_LIMIT = 10240
HEAD_LIMIT = 10 << 20
CHUNK_LINE_LIMIT = 4096

_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_WITHOUT_BODY = frozenset({101, 204, 304})
_USUAL_HEAD = re.compile(
    rb"HTTP/[0-9]\.[0-9] +([2-9][0-9]{2})(?: [^\n]*)?\r?\n((?:[^\s:][^\n:]*:[^\n]*\n)*)\r?\n"
)
"""A complete head without interim answers and folded lines: nearly all of them, read at once."""
_USED_HEADERS = re.compile(
    rb"^(content-length|transfer-encoding|location):([^\n]*)", re.IGNORECASE | re.MULTILINE
)


class _Expected(Enum):
    """What comes next in a chunked body."""

    SIZE = auto()
    DATA = auto()
    END_OF_CHUNK = auto()
    TRAILER = auto()


class MalformedHeadError(Exception):
    """The head of an answer that cannot be read, or an answer that ends before its head does."""


class BodyError(Exception):
    """A body that cannot be read, or ends too early (P-328)."""


class ResponseParser:
    """Takes an answer in pieces of any size.

    `status` and `location` count once `head_complete` is set, `body` once `finished` is. Interim
    answers (1xx) are passed over. What follows the body is ignored.
    """

    __slots__ = (
        "_buffer",
        "_chunked",
        "_expected",
        "_head_size",
        "_headers",
        "_in_headers",
        "_remaining",
        "body",
        "finished",
        "head_complete",
        "location",
        "status",
        "truncated",
    )

    def __init__(self) -> None:
        self.status = 0
        self.location = ""
        self.body = b""
        self.head_complete = False
        self.finished = False
        self.truncated = False
        """The body reached BODY_LIMIT and was cut there (P-325)."""
        self._buffer = b""
        self._head_size = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_headers = False
        self._chunked = False
        self._remaining: int | None = None
        """Body bytes to come, of the chunk if chunked; None: until the peer closes."""
        self._expected = _Expected.DATA

    def feed(self, data: bytes) -> None:
        """Raises MalformedHeadError, BodyError."""
        self._buffer = self._buffer + data if self._buffer else data
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
            self._read_line(self._buffer)  # a last line without an end counts as a line
        raise _broken("unexpected EOF")

    # head

    def _read_head(self) -> None:
        match = None if self._in_headers else _USUAL_HEAD.match(self._buffer)
        if match is None:
            self._read_lines()
            return
        self.status = int(match[1])
        self._headers = _USED_HEADERS.findall(match[2])
        self._buffer = self._buffer[match.end() :]
        self._end_head()

    def _read_lines(self) -> None:
        """The head line by line, as far as it is here."""
        *lines, rest = self._buffer.split(b"\n")
        for index, line in enumerate(lines):
            self._head_size += len(line) + 1
            self._read_line(line.removesuffix(b"\r"))
            if self.head_complete:
                rest = b"\n".join([*lines[index + 1 :], rest])
                break
        self._buffer = rest
        if not self.head_complete and self._head_size + len(rest) > HEAD_LIMIT:
            limit = f"{HEAD_LIMIT} bytes; aborted"
            raise MalformedHeadError(f"net/http: server response headers exceeded {limit}")

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
            self._headers.append((name, value))

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
        for raw_name, raw_value in headers:
            name, value = raw_name.lower(), raw_value.strip()
            if name == b"content-length":
                lengths.append(value)
            elif name == b"location" and not self.location:
                self.location = value.decode(errors="replace")
            elif name == b"transfer-encoding":
                if value.lower() != b"chunked":
                    raise _broken(f"unsupported transfer encoding: {quote_bytes(value)}")
                self._chunked = True
        if self.status in _WITHOUT_BODY:
            self.finished = True
        elif self._chunked:
            self._expected = _Expected.SIZE
        elif lengths:
            self._remaining = _content_length(lengths)

    # body

    def _read_body(self) -> None:
        if self._chunked:
            self._read_chunks()
            return
        self._take(self._buffer)
        self._buffer = b""
        if self._remaining == 0:
            self.finished = True

    def _take(self, data: bytes) -> int:
        """Add what of `data` belongs to the body, or to the chunk; answers how much that is."""
        if self._remaining is not None:
            data = data[: self._remaining]
            self._remaining -= len(data)
        room = BODY_LIMIT - len(self.body)
        self.body += data[:room]
        if len(data) >= room:
            self.finished = self.truncated = True
        return len(data)

    def _read_chunks(self) -> None:
        buffer, position = self._buffer, 0
        while not self.finished:
            if self._expected is _Expected.DATA:
                position += self._take(buffer[position : position + BODY_LIMIT])
                if self._remaining:
                    if position < len(buffer):
                        continue
                    break
                self._expected = _Expected.END_OF_CHUNK
            end = buffer.find(b"\n", position)
            if (len(buffer) if end < 0 else end) - position > CHUNK_LINE_LIMIT:
                raise BodyError("http: chunk line too long")
            if end < 0:
                break
            self._read_chunk_line(buffer[position:end].removesuffix(b"\r"))
            position = end + 1
        self._buffer = buffer[position:]

    def _read_chunk_line(self, line: bytes) -> None:
        match self._expected:
            case _Expected.END_OF_CHUNK:
                if line:
                    raise BodyError("malformed chunked encoding")
                self._expected = _Expected.SIZE
            case _Expected.TRAILER:
                self.finished = not line
            case _:
                self._remaining = _chunk_size(line)
                self._expected = _Expected.DATA if self._remaining else _Expected.TRAILER


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
