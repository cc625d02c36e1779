"""A SPDY/3.1 connection as Kubernetes uses it (K-72, K-80 … K-86).

Role: bytes in, events out; what is to be sent is collected and taken by the caller. Pure. This is
the side that accepts streams.
Invariants: every stream that was opened is answered or refused at once; data for streams that are
not open is dropped; there is no window flow control, since neither side of Kubernetes knows it
(K-84). After a SpdyError only what is to be sent (a GOAWAY) is left.
Upstream: moby/spdystream.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum

from minikubelet.apiserver.wire.spdy_frames import (
    FIN,
    MAX_DATA_BYTES,
    ControlFrame,
    DataFrame,
    FrameReader,
    FrameType,
    SpdyError,
    control_frame,
    data_header,
)
from minikubelet.apiserver.wire.spdy_headers import (
    HeaderCompressor,
    HeaderDecompressor,
    HeaderError,
)
from minikubelet.value_class import dataclass

MAX_STREAMS = 4096
"""Open at a time; more are refused."""

_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")
_ID = 0x7FFFFFFF
_SYN_STREAM_HEAD = 10
_OK, _PROTOCOL_ERROR = 0, 1


class ResetStatus(IntEnum):
    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    CANCEL = 5
    INTERNAL_ERROR = 6


@dataclass(frozen=True, slots=True)
class StreamOpened:
    stream_id: int
    headers: Mapping[str, str]
    fin: bool = False


@dataclass(frozen=True, slots=True)
class StreamData:
    """`fin`: the peer says no more on this stream."""

    stream_id: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class StreamReset:
    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The peer opens no more streams, and is about to close."""


SpdyEvent = StreamOpened | StreamData | StreamReset | GoingAway


@dataclass(slots=True)
class _Stream:
    """`open`: to us; each side closes its own half."""

    peer_open: bool
    open: bool = True


class SpdyConnection:
    def __init__(self) -> None:
        self._frames = FrameReader()
        self._deflate = HeaderCompressor()
        self._inflate = HeaderDecompressor()
        self._streams: dict[int, _Stream] = {}
        self._last_id = 0
        self._last_ping = 0
        self._output: list[bytes] = []
        self.output_bytes = 0
        """How much `take_output` would give."""

    def receive(self, data: bytes) -> list[SpdyEvent]:
        """Raises SpdyError; the events before the damage are lost, as is the connection."""
        events: list[SpdyEvent] = []
        try:
            for frame in self._frames.feed(data):
                if isinstance(frame, DataFrame):
                    events.extend(self._data(frame))
                else:
                    events.extend(self._control(frame))
        except SpdyError:
            self.go_away(_PROTOCOL_ERROR)
            raise
        return events

    def take_output(self) -> list[bytes]:
        """What is to be sent, in order; the caller keeps it."""
        output, self._output, self.output_bytes = self._output, [], 0
        return output

    def is_open(self, stream_id: int) -> bool:
        """Whether data can be sent on it."""
        stream = self._streams.get(stream_id)
        return stream is not None and stream.open

    def send_data(self, stream_id: int, data: bytes, *, fin: bool = False) -> None:
        """Nothing is sent on a stream that is not open."""
        if not self.is_open(stream_id):
            return
        for start in range(0, len(data), MAX_DATA_BYTES):
            piece = data[start : start + MAX_DATA_BYTES]
            last = fin and start + MAX_DATA_BYTES >= len(data)
            self._send(data_header(stream_id, len(piece), fin=last), piece)
        if fin and not data:
            self._send(data_header(stream_id, 0, fin=True))
        if fin:
            self._streams[stream_id].open = False
            self._forget_closed(stream_id)

    def reset(self, stream_id: int, status: ResetStatus) -> None:
        self._streams.pop(stream_id, None)
        self._send(control_frame(FrameType.RST_STREAM, _TWO_WORDS.pack(stream_id, status)))

    def go_away(self, status: int = _OK) -> None:
        body = _TWO_WORDS.pack(self._last_id, status)
        self._send(control_frame(FrameType.GOAWAY, body))

    def ping(self) -> None:
        """Ask for a sign of life; even numbers are ours."""
        self._last_ping = (self._last_ping + 2) & 0xFFFFFFFE
        self._send(control_frame(FrameType.PING, _WORD.pack(self._last_ping)))

    # --- frames of the peer

    def _data(self, frame: DataFrame) -> Iterator[SpdyEvent]:
        stream = self._streams.get(frame.stream_id)
        if stream is None or not stream.peer_open:
            return  # late data after a reset is normal (K-83)
        if frame.fin:
            stream.peer_open = False
            self._forget_closed(frame.stream_id)
        if frame.data or frame.fin:
            yield StreamData(frame.stream_id, frame.data, frame.fin)

    def _control(self, frame: ControlFrame) -> Iterator[SpdyEvent]:
        body = frame.body
        match frame.type:
            case FrameType.SYN_STREAM:
                yield from self._syn_stream(frame)
            case FrameType.RST_STREAM:
                stream_id, status = _unpack(_TWO_WORDS, body)
                if self._streams.pop(stream_id & _ID, None):
                    yield StreamReset(stream_id & _ID, status)
            case FrameType.PING:
                (number,) = _unpack(_WORD, body)
                if number % 2:
                    self._send(control_frame(FrameType.PING, body[: _WORD.size]))
            case FrameType.GOAWAY:
                yield GoingAway()
            case FrameType.SYN_REPLY | FrameType.HEADERS:
                self._headers(body[_WORD.size :])  # the compression state must see every block
            case _:
                pass  # SETTINGS, WINDOW_UPDATE, and whatever else there is

    def _syn_stream(self, frame: ControlFrame) -> Iterator[SpdyEvent]:
        if len(frame.body) < _SYN_STREAM_HEAD:
            raise SpdyError("a SYN_STREAM frame is cut short")
        headers = self._headers(frame.body[_SYN_STREAM_HEAD:])
        stream_id = _unpack(_WORD, frame.body)[0] & _ID
        if stream_id % 2 == 0 or stream_id <= self._last_id:
            was_open = stream_id in self._streams
            self.reset(stream_id, ResetStatus.PROTOCOL_ERROR)
            if was_open:
                yield StreamReset(stream_id, ResetStatus.PROTOCOL_ERROR)
            return
        self._last_id = stream_id
        if len(self._streams) >= MAX_STREAMS:
            self.reset(stream_id, ResetStatus.REFUSED_STREAM)
            return
        fin = bool(frame.flags & FIN)
        self._streams[stream_id] = _Stream(peer_open=not fin)
        reply = _WORD.pack(stream_id) + self._deflate.compress({})
        self._send(control_frame(FrameType.SYN_REPLY, reply))
        yield StreamOpened(stream_id, headers, fin)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            return self._inflate.decompress(block)
        except HeaderError as err:
            raise SpdyError(str(err)) from err

    def _forget_closed(self, stream_id: int) -> None:
        stream = self._streams[stream_id]
        if not stream.open and not stream.peer_open:
            del self._streams[stream_id]

    def _send(self, *pieces: bytes) -> None:
        self._output += pieces
        self.output_bytes += sum(map(len, pieces))


def _unpack(form: struct.Struct, body: bytes) -> tuple[int, ...]:
    if len(body) < form.size:
        raise SpdyError("a control frame is cut short")
    return form.unpack_from(body)
