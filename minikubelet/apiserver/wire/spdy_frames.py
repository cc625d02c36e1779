"""Frames of SPDY/3.1 (K-80 … K-85).

Role: bytes ⇄ frames, in both roles: nothing here knows who is the client. Pure.
Invariants: DATA is passed on in the pieces in which it arrives, so a frame may be as long as it
likes; any other frame is held until it is whole, and one longer than `MAX_CONTROL_BYTES` is an
error. Behind an error nothing more is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

from minikubelet.value_class import dataclass

MAX_CONTROL_BYTES = 64 * 1024
MAX_DATA_BYTES = 32 * 1024
"""What we put into one DATA frame (K-85)."""

FIN = 0x01
_VERSION = 3
_HEADER = struct.Struct(">II")
_CONTROL = 0x80000000
_LENGTH = 0x00FFFFFF


class FrameType(IntEnum):
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class SpdyError(ValueError):
    """The peer does not speak SPDY; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class DataFrame:
    """A piece of DATA; `fin` comes with the last piece of a frame that has it."""

    stream_id: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class ControlFrame:
    type: int
    flags: int
    body: bytes


class FrameReader:
    """`feed(bytes)` gives the frames that have become readable."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._stream_id = 0
        self._fin = False
        self._data_left = 0
        """Of the DATA frame that is being read."""
        self._broken = False

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[DataFrame | ControlFrame]:
        """To be read to its end. Raises SpdyError."""
        if self._broken:
            raise SpdyError("the connection is broken")
        if self._data_left and not self._held and len(data) <= self._data_left:
            yield self._piece(data)  # the usual case of large transfers: no copy
            return
        self._held += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> DataFrame | ControlFrame | None:
        held = self._held
        if self._data_left:
            return self._piece(self._take(self._data_left)) if held else None
        if len(held) < _HEADER.size:
            return None
        first, second = _HEADER.unpack_from(held)
        flags, length = second >> 24, second & _LENGTH
        if not first & _CONTROL:
            del held[: _HEADER.size]
            self._stream_id, self._fin, self._data_left = first, bool(flags & FIN), length
            if length == 0:
                return DataFrame(first, b"", self._fin)
            return self._next()
        version, kind = (first & ~_CONTROL) >> 16, first & 0xFFFF
        if version != _VERSION:
            raise self._error(f"version {version} of SPDY is not spoken here")
        if length > MAX_CONTROL_BYTES:
            raise self._error(f"a control frame of {length} bytes is too long")
        if len(held) < _HEADER.size + length:
            return None
        del held[: _HEADER.size]
        return ControlFrame(kind, flags, self._take(length))

    def _piece(self, data: bytes) -> DataFrame:
        self._data_left -= len(data)
        return DataFrame(self._stream_id, data, self._fin and not self._data_left)

    def _take(self, most: int) -> bytes:
        taken = bytes(memoryview(self._held)[:most])
        del self._held[:most]
        return taken

    def _error(self, text: str) -> SpdyError:
        self._broken = True
        self._held.clear()
        return SpdyError(text)


def data_header(stream_id: int, length: int, *, fin: bool = False) -> bytes:
    return _HEADER.pack(stream_id, (FIN << 24 if fin else 0) | length)


def control_frame(kind: FrameType, body: bytes, flags: int = 0) -> bytes:
    head = _HEADER.pack(_CONTROL | _VERSION << 16 | kind, flags << 24 | len(body))
    return head + body
