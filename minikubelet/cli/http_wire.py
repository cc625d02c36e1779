"""HTTP/1.1 over one socket, as far as a client of the API needs it.

Role: write a request, read the answer: with a length, chunked, or until the server closes.
Invariants: one answer is read before the next request is sent. Of the standard library only what is
small: `http.client` brings the whole of `email` along, which would be a third of the time of
`minikubelet get`.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from minikubelet.value_class import dataclass

_MAX_LINE = 65536
_MAX_HEADERS = 200
_CHUNK = 65536
_WITHOUT_BODY = (204, 304)


class WireError(Exception):
    """What came is not an answer in HTTP."""


@dataclass(slots=True)
class Response:
    status: int
    headers: Sequence[tuple[str, str]]
    """Names in lower case."""
    body: Iterator[bytes] = field(repr=False)
    """The parts as they come; raises OSError and WireError."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def read(self) -> bytes:
        return b"".join(self.body)


class Connection:
    def __init__(self, sock: socket.socket, host: str) -> None:
        self.sock = sock
        self._host = host
        self._file = io.BufferedReader(sock.makefile("rb", 0), _CHUNK)

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        """Raises OSError and WireError."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("ascii")
        self.sock.sendall(head + (body or b""))
        return self._response()

    def close(self) -> None:
        self._file.close()
        self.sock.close()

    def _response(self) -> Response:
        status = 100
        while 100 <= status < 200:
            status = self._status()
            headers = self._headers()
        return Response(status, headers, self._body(status, dict(headers)))

    def _status(self) -> int:
        line = self._line()
        version, _, rest = line.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise WireError(f"it does not speak HTTP: {line[:60]!r}")
        return int(rest[:3])

    def _headers(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = []
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or len(headers) >= _MAX_HEADERS:
                raise WireError(f"a header that cannot be read: {line[:60]!r}")
            headers.append((name.strip().lower(), value.strip()))
        return headers

    def _line(self) -> str:
        line = self._file.readline(_MAX_LINE)
        if not line.endswith(b"\n"):
            raise WireError("the server closed the connection" if not line else "a line too long")
        return line.rstrip(b"\r\n").decode("latin-1")

    def _body(self, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
        if status in _WITHOUT_BODY:
            return iter(())
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if (length := headers.get("content-length")) is None:
            return iter(lambda: self._file.read1(_CHUNK), b"")
        if not length.isdecimal():
            raise WireError(f"a length that is no number: {length[:60]!r}")
        return self._sized(int(length))

    def _sized(self, left: int) -> Iterator[bytes]:
        while left:
            data = self._file.read1(min(left, _CHUNK))
            if not data:
                raise WireError("the server closed the connection within an answer")
            left -= len(data)
            yield data

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._line().partition(";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError as err:
                raise WireError(f"a chunk without its size: {line[:60]!r}") from err
            if size == 0:
                self._headers()
                return
            yield from self._sized(size)
            self._line()
