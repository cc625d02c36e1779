"""HTTP/1.1 for the mock server: enough for probes, curl and browsers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from urllib.parse import parse_qs, urlsplit

from minikubelet.mock.connection import Connection
from minikubelet.mock.loop import Loop
from minikubelet.value_class import dataclass

_MAX_HEAD = 64 * 1024
_LENGTH_DIGITS = 19
_PHRASES = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    412: "Precondition Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    peer: tuple[str, int]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def query(self, name: str, default: str = "") -> str:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True).get(name, [default])[0]


@dataclass(frozen=True)
class Response:
    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds until it is sent."""

    def encode(self, *, head_only: bool, close: bool) -> bytes:
        body = self.body.encode()
        lines = [
            f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Status')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if close:
            lines.append("Connection: close")
        head = "\r\n".join((*lines, "", "")).encode("latin-1", "replace")
        return head if head_only else head + body


Handler = Callable[[Request], Response | None]
"""Answers a request; None never answers it."""


class HTTPReceiver:
    """The requests of one connection, answered in their order."""

    def __init__(self, loop: Loop, connection: Connection, handler: Handler) -> None:
        self._loop = loop
        self._connection = connection
        self._handler = handler
        self._buffer = b""
        self._skip = 0
        """Bytes of a request's body that are still to come: no mock reads bodies."""
        self._answering = False

    def receive(self, data: bytes) -> None:
        skipped = data[: self._skip]
        self._skip -= len(skipped)
        self._buffer += data[len(skipped) :]
        self._next()

    def _next(self) -> None:
        while not self._answering and not self._skip:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                if len(head) > _MAX_HEAD:
                    self._refuse(431)
                return
            self._buffer = rest
            self._request(head)

    def _request(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = headers.get("content-length", "0")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not _is_length(length):
            self._refuse(400)
            return
        method, target, version = words
        if not _is_target(target):
            self._refuse(400)
            return
        body = self._buffer[: int(length)]
        self._buffer = self._buffer[len(body) :]
        self._skip = int(length) - len(body)
        close = version == "HTTP/1.0" or headers.get("connection", "").lower() == "close"
        self._answering = True
        response = self._handler(Request(method, target, self._connection.peer))
        if response is None:
            return
        data = response.encode(head_only=method == "HEAD", close=close)
        if response.delay:
            self._loop.after(response.delay, lambda: self._answer(data, close))
        else:
            self._answer(data, close)

    def _answer(self, data: bytes, close: bool) -> None:
        self._answering = False
        self._connection.send(data)
        if close:
            self._connection.close_when_sent()
        else:
            self._next()

    def _refuse(self, status: int) -> None:
        self._answering = True
        self._connection.send(Response(status).encode(head_only=False, close=True))
        self._connection.close_when_sent()


def _is_length(text: str) -> bool:
    return text.isdecimal() and len(text) < _LENGTH_DIGITS


def _is_target(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:  # half an IPv6 address
        return False
    return True
