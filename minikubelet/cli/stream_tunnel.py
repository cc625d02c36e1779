"""One connection through port-forward: SPDY frames inside a WebSocket (K-88 … K-91).

Role: `Tunnel` is bytes in, events out, for the side that opens the two streams of a connection;
`carry` moves bytes between it and a local connection. Each connection has a WebSocket of its own,
so that one that is not read holds no other up.
Invariants: each direction ends alone; what cannot be read is an error, never a guess.
"""

from __future__ import annotations

import asyncio
import struct

from aiohttp import WSMsgType

from minikubelet.apiserver.wire.spdy_frames import (
    DataFrame,
    FrameReader,
    FrameType,
    SpdyError,
    control_frame,
    data_header,
)
from minikubelet.apiserver.wire.spdy_headers import HeaderCompressor
from minikubelet.cli.client import CommandError
from minikubelet.cli.stream_connection import WebSocket
from minikubelet.value_class import dataclass

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_ERROR, _DATA = 1, 3
_SYN_STREAM = struct.Struct(">IIH")
_PIECE = 32 * 1024


@dataclass(frozen=True, slots=True)
class FromPod:
    data: bytes


@dataclass(frozen=True, slots=True)
class PodEnd:
    """The pod says no more."""


@dataclass(frozen=True, slots=True)
class Broken:
    """There is no connection (any more); the text says why, if the server told."""

    why: str


class Tunnel:
    def __init__(self, port: int) -> None:
        self._frames = FrameReader()
        self._error = b""
        self._ended = False
        headers = HeaderCompressor()

        def syn_stream(stream_id: int, kind: str) -> bytes:
            block = headers.compress({"streamtype": kind, "port": str(port), "requestid": "0"})
            return control_frame(FrameType.SYN_STREAM, _SYN_STREAM.pack(stream_id, 0, 0) + block)

        fin = data_header(_ERROR, 0, fin=True)
        self.opening = syn_stream(_ERROR, "error") + fin + syn_stream(_DATA, "data")

    def data(self, data: bytes) -> bytes:
        return data_header(_DATA, len(data)) + data

    def end(self) -> bytes:
        """We say no more."""
        return data_header(_DATA, 0, fin=True)

    def receive(self, message: bytes) -> list[FromPod | PodEnd | Broken]:
        try:
            frames = list(self._frames.feed(message))
        except SpdyError as err:
            return [Broken(str(err))]
        events: list[FromPod | PodEnd | Broken] = []
        for frame in frames:
            if isinstance(frame, DataFrame):
                events += self._data(frame)
            elif frame.type in (FrameType.RST_STREAM, FrameType.GOAWAY) and not self._ended:
                events.append(Broken(""))
        return events

    def _data(self, frame: DataFrame) -> list[FromPod | PodEnd | Broken]:
        events: list[FromPod | PodEnd | Broken] = []
        if frame.stream_id == _ERROR:
            self._error += frame.data
            if frame.fin and self._error:
                events.append(Broken(self._error.decode(errors="replace")))
        elif frame.stream_id == _DATA:
            if frame.data:
                events.append(FromPod(frame.data))
            if frame.fin:
                self._ended = True
                events.append(PodEnd())
        return events


async def carry(
    ws: WebSocket, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Until both directions have ended. Raises CommandError with what the server says, and
    ConnectionError when the local side has gone."""
    tunnel = Tunnel(port)
    await ws.send_bytes(tunnel.opening)
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        upward = group.create_task(_upward(ws, tunnel, reader), name="upward")
        try:
            await _downward(ws, tunnel, writer)
        except (CommandError, ConnectionError) as err:
            failure = err
            upward.cancel()
    if failure is not None:
        raise failure
    await ws.close()


async def _upward(ws: WebSocket, tunnel: Tunnel, reader: asyncio.StreamReader) -> None:
    try:
        while data := await reader.read(_PIECE):
            await ws.send_bytes(tunnel.data(data))
        await ws.send_bytes(tunnel.end())
    except ConnectionError:
        # Reset by the local side, or the WebSocket is lost: the other direction need not wait.
        await ws.close()


async def _downward(ws: WebSocket, tunnel: Tunnel, writer: asyncio.StreamWriter) -> None:
    """To the end of what the pod says."""
    ended = False
    while not ended:
        message = await ws.receive()
        if message.type is not WSMsgType.BINARY:
            raise ConnectionResetError("the tunnel was closed")
        for event in tunnel.receive(message.data):
            match event:
                case FromPod(data):
                    writer.write(data)
                case Broken(why):
                    raise CommandError(why) if why else ConnectionResetError("reset by the server")
                case PodEnd():
                    ended = True
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
