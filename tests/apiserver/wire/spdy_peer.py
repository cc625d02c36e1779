"""The client's side of SPDY: what kubectl would send, and what it would understand."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from minikubelet.apiserver.wire.spdy_frames import (
    FIN,
    ControlFrame,
    DataFrame,
    FrameReader,
    FrameType,
    control_frame,
    data_header,
)
from minikubelet.apiserver.wire.spdy_headers import HeaderCompressor, HeaderDecompressor


class Said(NamedTuple):
    """One frame of the server: `reply`, `data`, `fin` (DATA with FIN and nothing in it), `reset`,
    `ping` or `goaway`."""

    what: str
    number: int
    data: bytes = b""


class SpdyPeer:
    def __init__(self) -> None:
        self._frames = FrameReader()
        self._deflate = HeaderCompressor()
        self._inflate = HeaderDecompressor()
        self._next_id = 1

    def open(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        fin: bool = False,
        stream_id: int = 0,
        **more: str,
    ) -> tuple[int, bytes]:
        """The stream's number and what to send."""
        headers = {**(headers or {}), **more}
        number = stream_id or self._next_id
        self._next_id = max(self._next_id, number + 2)
        body = struct.pack(">IIBB", number, 0, 0, 0) + self._deflate.compress(headers)
        return number, control_frame(FrameType.SYN_STREAM, body, FIN if fin else 0)

    def data(self, stream_id: int, data: bytes, *, fin: bool = False) -> bytes:
        return data_header(stream_id, len(data), fin=fin) + data

    def reset(self, stream_id: int, status: int = 5) -> bytes:
        return control_frame(FrameType.RST_STREAM, struct.pack(">II", stream_id, status))

    def ping(self, number: int) -> bytes:
        return control_frame(FrameType.PING, struct.pack(">I", number))

    def go_away(self) -> bytes:
        return control_frame(FrameType.GOAWAY, struct.pack(">II", 0, 0))

    def receive(self, data: bytes) -> list[Said]:
        return [said for frame in self._frames.feed(data) for said in self._understand(frame)]

    def _understand(self, frame: DataFrame | ControlFrame) -> list[Said]:
        if isinstance(frame, DataFrame):
            said = [Said("data", frame.stream_id, frame.data)] if frame.data else []
            return [*said, Said("fin", frame.stream_id)] if frame.fin else said
        number, status = struct.unpack(">II", (frame.body + bytes(4))[:8])
        match frame.type:
            case FrameType.SYN_REPLY:
                assert self._inflate.decompress(frame.body[4:]) == {}
                return [Said("reply", number)]
            case FrameType.RST_STREAM:
                return [Said("reset", number, str(status).encode())]
            case FrameType.PING:
                return [Said("ping", number)]
            case FrameType.GOAWAY:
                return [Said("goaway", status)]
        raise AssertionError(f"the server sent {frame}")
