"""The unary health check of gRPC as one conversation over HTTP/2 (P-350 … P-358).

Role: frames and messages, without sockets and texts of probes.
Upstream: grpc.health.v1 and grpc-go, whose status messages are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from http import HTTPStatus
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.go_numbers import parse_int64, why_no_int64
from minikubelet.probes.trace import EXCERPT_BYTES, CallSent, FirstBytes, HTTP2Ready, Trace
from minikubelet.value_class import dataclass

PATH = "/grpc.health.v1.Health/Check"
MESSAGE_LIMIT = 10240


class Code(IntEnum):
    """Status codes, spelled as grpc-go prints them."""

    OK = 0
    Canceled = 1
    Unknown = 2
    InvalidArgument = 3
    DeadlineExceeded = 4
    NotFound = 5
    AlreadyExists = 6
    PermissionDenied = 7
    ResourceExhausted = 8
    FailedPrecondition = 9
    Aborted = 10
    OutOfRange = 11
    Unimplemented = 12
    Internal = 13
    Unavailable = 14
    DataLoss = 15
    Unauthenticated = 16


class ServingStatus(IntEnum):
    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


_CODE_OF_HTTP_STATUS = {
    400: Code.Internal,
    401: Code.Unauthenticated,
    403: Code.PermissionDenied,
    404: Code.Unimplemented,
    429: Code.Unavailable,
    502: Code.Unavailable,
    503: Code.Unavailable,
    504: Code.Unavailable,
}
_CODE_OF_RESET = {
    ErrorCodes.REFUSED_STREAM: Code.Unavailable,
    ErrorCodes.CANCEL: Code.Canceled,
    ErrorCodes.ENHANCE_YOUR_CALM: Code.ResourceExhausted,
    ErrorCodes.INADEQUATE_SECURITY: Code.PermissionDenied,
}


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """How a call ended; `serving` is the answer's status, by name, when `code` is OK."""

    code: int
    message: str = ""
    serving: str = ""

    @property
    def code_name(self) -> str:
        return Code(self.code).name if self.code in set(Code) else f"Code({self.code})"


class NotConnectedError(Exception):
    """The peer accepted the connection but does not speak HTTP/2, or closed before it did."""


class HealthConversation:
    """One Check call on one connection."""

    unread = False

    def __init__(
        self,
        authority: str,
        service: str,
        user_agent: str,
        timeout_seconds: float,
        trace: Trace | None = None,
    ) -> None:
        self.connected = False
        """The peer has sent its settings: what gRPC calls a ready connection."""
        self.answer: HealthAnswer | None = None
        self._headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", PATH),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("user-agent", user_agent),
            ("te", "trailers"),
            ("grpc-timeout", f"{min(max(1, round(timeout_seconds * 1000)), 99_999_999)}m"),
        ]
        self._request = framed(request_message(service))
        self._call = CallSent(authority, service)
        self._trace = trace
        self._answered = False
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._stream = 0
        self._received: dict[str, str] = {}
        self._message = b""

    @property
    def finished(self) -> bool:
        return self.answer is not None

    def begin(self) -> bytes:
        self._h2.initiate_connection()
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, self._headers)
        self._h2.send_data(self._stream, self._request, end_stream=True)
        if self._trace is not None:
            self._trace.note(self._call)
        return self._h2.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """Raises NotConnectedError."""
        if self._trace is not None and not self._answered:
            self._answered = True
            self._trace.note(FirstBytes(data[:EXCERPT_BYTES]))
        if not data:
            self._fail("EOF")
            return b""
        if data.startswith(b"HTTP/") and not self.connected:
            self._fail("the server speaks HTTP/1, not HTTP/2")
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except (ProtocolError, UnicodeDecodeError) as error:
            self._fail(f"http2: {error}")
        return self._h2.data_to_send()

    def lost(self, why: str) -> None:
        """The connection broke. Raises NotConnectedError when it was not ready yet."""
        self._fail(why)

    def _fail(self, why: str) -> None:
        if not self.connected:
            raise NotConnectedError(why)
        if self.answer is None:
            message = f"error reading from server: {why}"
            self.answer = HealthAnswer(Code.Unavailable, message)

    def _take(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged():
                self.connected = True
                if self._trace is not None:
                    self._trace.note(HTTP2Ready())
            case ResponseReceived() | TrailersReceived():
                self._received.update(_text_headers(event.headers or ()))
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, self._stream)
                if len(self._message) <= MESSAGE_LIMIT:
                    self._message += event.data or b""
            case StreamEnded():
                self.answer = answer_of(self._received, self._message)
            case StreamReset():
                self.answer = _answer_of_reset(event.error_code)
            case ConnectionTerminated() if (event.last_stream_id or 0) < self._stream:
                self.answer = HealthAnswer(Code.Unavailable, "the connection is draining")


def request_message(service: str) -> bytes:
    """HealthCheckRequest: field 1 is the service, left out when empty."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, length, bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def answer_of(headers: dict[str, str], data: bytes) -> HealthAnswer:
    """What a complete answer says; `headers` with its trailers merged in."""
    status = headers.get("grpc-status")
    if status is None:
        return _answer_without_status(headers)
    code = parse_int64(status)
    if code is None or not -(1 << 31) <= code < 1 << 31:
        return HealthAnswer(Code.Unknown, f"transport: malformed grpc-status: {_refused(status)}")
    if code != Code.OK:
        return HealthAnswer(code & 0xFFFFFFFF, unquote(headers.get("grpc-message", "")))
    if len(data) < 5:
        text = "cardinality violation: received no response message from non-server-streaming RPC"
        return HealthAnswer(Code.Internal, text)
    if data[0]:
        text = "grpc: compressed flag set with identity or empty encoding"
        return HealthAnswer(Code.Internal, text)
    try:
        return HealthAnswer(Code.OK, serving=serving_status(data[5:]))
    except ValueError as error:
        text = f"grpc: failed to unmarshal the received message: {error}"
        return HealthAnswer(Code.Internal, text)


def _answer_without_status(headers: dict[str, str]) -> HealthAnswer:
    errors = []
    text = headers.get(":status", "0")
    http_status = parse_int64(text)
    if http_status is None:
        return HealthAnswer(Code.Internal, f"transport: malformed http-status: {_refused(text)}")
    if http_status != 200:
        phrase = HTTPStatus(http_status).phrase if http_status in set(HTTPStatus) else ""
        errors.append(f"unexpected HTTP status code received from server: {http_status} ({phrase})")
    content_type = headers.get("content-type", "")
    if not content_type.startswith("application/grpc"):
        errors.append(f"transport: received unexpected content-type {go_quote(content_type)}")
    if errors:
        code = _CODE_OF_HTTP_STATUS.get(http_status, Code.Unknown)
        return HealthAnswer(code, "; ".join(errors))
    return HealthAnswer(Code.Internal, "server closed the stream without sending trailers")


def serving_status(message: bytes) -> str:
    """HealthCheckResponse: the name of field 1; other fields are passed over. Raises ValueError."""
    number, position = 0, 0
    while position < len(message):
        key, position = _read_varint(message, position)
        wire_type = key & 7
        if wire_type == 0:
            value, position = _read_varint(message, position)
            number = value if key >> 3 == 1 else number
        elif wire_type == 2:
            size, position = _read_varint(message, position)
            position += size
        elif wire_type in (1, 5):
            position += 8 if wire_type == 1 else 4
        else:
            raise ValueError("proto: cannot parse invalid wire-format data")
    return ServingStatus(number).name if number in set(ServingStatus) else str(number)


def _refused(number: str) -> str:
    """What Go's ParseInt says of a number that it does not take."""
    return f"strconv.ParseInt: parsing {go_quote(number)}: {why_no_int64(number)}"


def _answer_of_reset(error_code: int | None) -> HealthAnswer:
    code = ErrorCodes(error_code) if error_code in set(ErrorCodes) else ErrorCodes.INTERNAL_ERROR
    text = f"stream terminated by RST_STREAM with error code: {code.name}"
    return HealthAnswer(_CODE_OF_RESET.get(code, Code.Internal), text)


def _text_headers(headers: Iterable[tuple[str | bytes, str | bytes]]) -> dict[str, str]:
    return {
        name if isinstance(name, str) else name.decode(errors="replace"): (
            value if isinstance(value, str) else value.decode(errors="replace")
        )
        for name, value in headers
    }


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise ValueError("proto: cannot parse invalid wire-format data")
