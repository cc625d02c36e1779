"""The gRPC health service of the mock server (grpc.health.v1.Health/Check).

Role: HTTP/2 by h2, and the two small messages by hand. Imported only when a gRPC port is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from minikubelet.mock.connection import Connection
from minikubelet.mock.loop import Loop

_CHECK = "/grpc.health.v1.Health/Check"
_MAX_MESSAGE = 64 * 1024
_NOT_FOUND = (5, "unknown service")
_UNIMPLEMENTED = (12, "unknown method")
_INVALID_ARGUMENT = (3, "not a HealthCheckRequest")

SERVING = 1
NOT_SERVING = 2

Check = Callable[[str], tuple[int, float] | None]
"""Status of a service and the seconds until it is told; None never answers. Raises KeyError for an
unknown service."""


class GRPCHealthReceiver:
    """One HTTP/2 connection. Whatever its peer does, nothing but this connection ends."""

    def __init__(self, loop: Loop, connection: Connection, check: Check) -> None:
        self._loop = loop
        self._connection = connection
        self._check = check
        self._paths: dict[int, str] = {}
        self._messages: dict[int, bytes] = {}
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._flush()

    def receive(self, data: bytes) -> None:
        with self._ending_by_errors():
            self._receive(data)
        self._flush()

    @contextmanager
    def _ending_by_errors(self) -> Iterator[None]:
        """Also for what is sent: it may not fit the state or the window of the peer."""
        try:
            yield
        except (ProtocolError, UnicodeDecodeError):
            self._flush()
            self._connection.close_when_sent()

    def _receive(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                headers = {str(name): str(value) for name, value in event.headers}
                self._paths[event.stream_id] = headers.get(":path", "")
                self._messages[event.stream_id] = b""
            elif isinstance(event, DataReceived):
                self._data(event)
            elif isinstance(event, StreamEnded):
                self._request(event.stream_id)
            elif isinstance(event, StreamReset):
                self._forget(event.stream_id)

    def _data(self, event: DataReceived) -> None:
        stream = event.stream_id
        self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
        if stream in self._messages and len(self._messages[stream]) < _MAX_MESSAGE:
            self._messages[stream] += event.data

    def _request(self, stream: int) -> None:
        if stream not in self._paths:
            return
        if self._paths[stream] != _CHECK:
            self._fail(stream, _UNIMPLEMENTED)
            return
        try:
            answer = self._check(_service(self._messages[stream]))
        except KeyError:
            self._fail(stream, _NOT_FOUND)
            return
        except ValueError:
            self._fail(stream, _INVALID_ARGUMENT)
            return
        if answer is None:
            return
        status, delay = answer
        if delay:
            self._loop.after(delay, lambda: self._answer_late(stream, status))
        else:
            self._answer(stream, status)

    def _answer_late(self, stream: int, status: int) -> None:
        with self._ending_by_errors():
            self._answer(stream, status)
        self._flush()

    def _answer(self, stream: int, status: int) -> None:
        if stream not in self._paths:
            return
        message = bytes((0x08, status))
        self._h2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        self._h2.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message)
        self._h2.send_headers(stream, [("grpc-status", "0")], end_stream=True)
        self._forget(stream)

    def _fail(self, stream: int, status: tuple[int, str]) -> None:
        code, text = status
        self._h2.send_headers(
            stream,
            [
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-status", str(code)),
                ("grpc-message", text),
            ],
            end_stream=True,
        )
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        self._paths.pop(stream, None)
        self._messages.pop(stream, None)

    def _flush(self) -> None:
        self._connection.send(self._h2.data_to_send())


def _service(body: bytes) -> str:
    """The service that a framed HealthCheckRequest names. Raises ValueError for anything else."""
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise ValueError("not one uncompressed message")
    message = body[5:]
    if not message:
        return ""
    length, start, shift = 0, 1, 0
    while True:
        if message[0] != 0x0A or start >= len(message) or shift > 14:
            raise ValueError("not a HealthCheckRequest")
        length |= (message[start] & 0x7F) << shift
        start += 1
        if message[start - 1] < 0x80:
            break
        shift += 7
    if len(message) != start + length:
        raise ValueError("not a HealthCheckRequest")
    return message[start:].decode()
