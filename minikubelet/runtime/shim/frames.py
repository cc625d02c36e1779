"""Frames of one exec or attach session, after its first two lines.

Role: a session is a connection of its own to the shim's socket, so that flow control and the end of
the client are the socket's. The daemon's first line is a `stream` message (`protocol.py`), the
shim's answer `stream_started` {} or `stream_failed` {message}; then both sides send frames: a byte
for the channel, four for the length, the payload.
From the daemon: STDIN, RESIZE (`SIZE`), CLOSE_STDIN (empty). From the shim: STDOUT, STDERR, and
RESULT once, last: JSON with `exit_code` (null: none is known) and `message`. Unknown channels are
ignored.
"""

from __future__ import annotations

import struct
from enum import IntEnum

HEADER = struct.Struct("!BI")
SIZE = struct.Struct("!HH")
"""Columns and rows of a terminal."""
MAX_SIDE = 0xFFFF
MAX_PAYLOAD = 32 * 1024
"""What a frame carries at most; kubectl's own messages are not larger (K-71)."""


class StreamChannel(IntEnum):
    STDIN = 0
    STDOUT = 1
    STDERR = 2
    RESULT = 3
    RESIZE = 4
    CLOSE_STDIN = 5


def encode_frame(channel: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(channel, len(payload)) + payload


class FrameDecoder:
    """Bytes as they arrive → frames, one at a time. A frame that is too long raises ValueError: the
    peer is not one of us."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def next(self) -> tuple[int, bytes] | None:
        """Channel and payload; None when no frame is complete."""
        if len(self._data) < HEADER.size:
            return None
        channel, length = HEADER.unpack_from(self._data)
        if length > MAX_PAYLOAD:
            raise ValueError(f"a frame of {length} bytes")
        end = HEADER.size + length
        if len(self._data) < end:
            return None
        payload = bytes(self._data[HEADER.size : end])
        del self._data[:end]
        return channel, payload
