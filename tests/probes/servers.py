"""Servers on loopback that behave, well or badly, as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

TLS_FILES = Path(__file__).parent / "tls"

Handler = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _closing: asyncio.Event

    async def request(self) -> bytes:
        """The head of a request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def stall(self) -> None:
        """Do nothing until the test is over."""
        await self._closing.wait()

    def reset(self) -> None:
        """Hang up with a RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Server:
    port: int
    requests: list[bytes] = field(default_factory=list)


@contextlib.asynccontextmanager
async def a_server(
    handler: Handler, *, tls: bool = False, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Server]:
    """Calls `handler` for each connection, and closes the connection when it returns."""
    closing, idle = asyncio.Event(), asyncio.Event()
    idle.set()
    open_peers: set[int] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, closing)
        idle.clear()
        open_peers.add(id(peer))
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(peer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            open_peers.discard(id(peer))
            if not open_peers:
                idle.set()

    context = server_context() if tls else None
    server = await asyncio.start_server(serve, host, port, ssl=context)
    try:
        yield Server(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        closing.set()
        async with asyncio.timeout(10):
            await idle.wait()


def server_context() -> ssl.SSLContext:
    """Self-signed, for a name that nobody asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "cert.pem", TLS_FILES / "key.pem")
    return context


def answering(data: bytes) -> Handler:
    """Reads a request and answers with these bytes."""

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)

    return handle


def unused_port() -> int:
    """A port of loopback on which nobody listens, just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
