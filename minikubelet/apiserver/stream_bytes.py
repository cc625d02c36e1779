"""Bytes of connections, with flow control: of upgraded requests, of WebSockets, of pods.

Role: `read` and `write` over asyncio's transports and aiohttp's WebSockets.
Invariants: at most `_HIGH` unread bytes, and what a transport buffers, are held; a call that is
cancelled disturbs no other. An upgraded connection goes on telling aiohttp of what becomes of it,
so that its handler is cancelled when the client goes (A-3).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import WSMsgType, web

_HIGH = 256 * 1024
_LOW = 64 * 1024
_READ_BYTES = 64 * 1024
"""At once. asyncio's own 256 KiB, cut to what came, tear the heap of a daemon with hundreds of
connections to pieces that it cannot give back."""


class ByteLink(Protocol):
    """One stream of bytes in each direction; `read` is for one task, and so is `write`."""

    async def read(self) -> bytes:
        """Empty at the end."""
        ...

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Raises ConnectionError when the peer has gone."""
        ...

    async def close(self) -> None: ...


class Connection(asyncio.Protocol):
    """A `ByteLink` over a transport."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._at_end = False
        self.lost = False
        self._paused = False

    async def read(self) -> bytes:
        while not self._unread:
            if self._at_end:
                return b""
            self._readable.clear()
            await self._readable.wait()
        data = self._unread.popleft()
        self._unread_bytes -= len(data)
        if self._paused and self._unread_bytes <= _LOW:
            self._paused = False
            if self._transport is not None and not self.lost:
                self._transport.resume_reading()
        return data

    async def write(self, pieces: Sequence[bytes]) -> None:
        if self.lost or self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection was lost")
        # Not `writelines`, which knows no flow control in some Pythons: CVE-2024-12254.
        self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        await self._writable.wait()
        if self.lost:
            raise ConnectionResetError("the connection was lost")

    def write_eof(self) -> None:
        """Nothing more will be written; reading goes on."""
        if self._transport is not None and not self.lost and self._transport.can_write_eof():
            self._transport.write_eof()

    async def close(self) -> None:
        """Once what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def leave(self) -> None:
        """Close at once; a peer that has not read everything sees a reset. Nothing is read any
        more."""
        # Tracebacks of who was cancelled keep this object until the collector finds them.
        self._unread.clear()
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()

    # --- of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if hasattr(transport, "max_size"):
            transport.max_size = _READ_BYTES

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > _HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._readable.set()

    def eof_received(self) -> bool | None:
        self._at_end = True
        self._readable.set()
        return True  # what is still to be written goes out; `close` ends it

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self._at_end = True
        self._readable.set()
        self._writable.set()


class UpgradedConnection(Connection):
    """What was an HTTP connection, behind its 101 (A-1)."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._http = transport.get_protocol()
        transport.set_protocol(self)

    def eof_received(self) -> bool | None:
        super().eof_received()
        return None  # no client of these protocols closes one half

    def pause_writing(self) -> None:
        super().pause_writing()
        self._http.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._http.connection_lost(exc)


class _Switching(web.StreamResponse):
    """101 and nothing behind it."""

    async def write_eof(self, data: bytes = b"") -> None:
        pass


async def upgrade(
    request: web.Request, headers: Mapping[str, str]
) -> tuple[web.StreamResponse, UpgradedConnection]:
    """Answer 101 and take the connection over; the handler returns the response when it is done
    with it. Raises ConnectionError."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the connection was lost")
    response = _Switching(status=101, headers={"Connection": "Upgrade", **headers})
    response.force_close()
    connection = UpgradedConnection(transport)
    await response.prepare(request)
    return response, connection


class WebSocketBytes:
    """A `ByteLink` in the binary messages of a WebSocket, whose borders mean nothing."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws

    async def read(self) -> bytes:
        while True:
            message = await self._ws.receive()
            if message.type is not WSMsgType.BINARY:
                return b""
            if message.data:
                return bytes(message.data)

    async def write(self, pieces: Sequence[bytes]) -> None:
        await self._ws.send_bytes(b"".join(pieces))

    async def close(self) -> None:
        await self._ws.close(code=1000)
