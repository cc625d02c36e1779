"""Bounds on what clients may cost: connections, slow heads, slow bodies, idle connections.

Role: `ConnectionGuard` stands between a listening socket and aiohttp, which itself waits for ever
for the first head of a connection and for a body. Nothing here ends an idle watch (K-53).
Invariants: a client that sends nothing useful is gone after `head_seconds` (first request),
`keepalive_seconds` (later ones) or `body_seconds`; requests that have arrived are left alone, as
long as the host of the client answers.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from minikubelet.clock import Clock, Timer, Wakeup
from minikubelet.log import get_logger
from minikubelet.value_class import dataclass

log = get_logger(__name__)

_TLS_BUFFER_BYTES = 32 * 1024
"""What asyncio reads at once from a TLS connection, and keeps for as long as that lives. Its own
value is 256 KiB, all of it touched: 130 MB for 500 idle watches. A TLS record has 16 KiB."""
_LINE_BYTES = 512 * 1024
"""Of the first line of a request: the address of an exec holds its command, of which an argument
may have 128 KiB, three times that as percent signs."""
_OTHER_FILES = 256
"""Open files that are kept for the rest of the daemon: logs, shims, probes, the database."""

_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds, seconds, times: after a minute without a sign of life the peer is lost."""


@dataclass(frozen=True, slots=True)
class Limits:
    body_bytes: int = 3 * 1024 * 1024
    """As upstream's API server; for aiohttp's `client_max_size`."""
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    keepalive_seconds: float = 90.0
    """Longer than a Go client keeps an idle connection, so that it is the one to close."""
    connections: int = 2000

    def runner_options(self) -> dict[str, Any]:
        """For `web.AppRunner`."""
        return {
            "keepalive_timeout": self.keepalive_seconds,
            "handler_cancellation": True,
            "max_line_size": _LINE_BYTES,
            "max_field_size": 16 * 1024,
            "access_log": None,
            "logger": _http_log(),
        }


def _http_log() -> logging.Logger:
    """aiohttp's own would tell of each malformed request with a traceback. Its sender is told, and
    what goes wrong here is logged before it gets there."""
    quiet = logging.getLogger(f"{__name__}.http")
    quiet.setLevel(logging.CRITICAL)
    return quiet


def open_file_bound(limits: Limits) -> int:
    """How many connections the limit of open files leaves room for, at most those asked for."""
    try:
        import resource  # not everywhere
    except ImportError:
        return limits.connections
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return limits.connections
    return min(limits.connections, max(16, soft - _OTHER_FILES))


class ConnectionGuard:
    """The connections of one server."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._bound = open_file_bound(limits)
        self._open: dict[asyncio.BaseTransport, _Guarded] = {}
        self._removers: set[asyncio.BaseTransport] = set()
        self._remover_left = Wakeup(clock)
        self._full = False

    @property
    def connections(self) -> int:
        return len(self._open)

    async def listen(
        self, server: web.Server, host: str, port: int, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """`server` is the runner's. Raises OSError; port 0 takes a free one."""
        asyncio.sslproto.SSLProtocol.max_size = _TLS_BUFFER_BYTES
        timeout = self._limits.handshake_seconds if context else None
        return await asyncio.get_running_loop().create_server(
            lambda: _Guarded(self, server),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=timeout,
            backlog=512,
        )

    async def watch_request(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """The body of the middleware: the head has arrived; the body has to."""
        transport = request.transport
        if transport is None:
            return await handler(request)
        if guarded := self._open.get(transport):
            guarded.head_arrived()
            if request.method == "DELETE" or request.path.endswith("/eviction"):
                self._removers.add(transport)
        if not request.can_read_body:
            return await handler(request)

        def too_slow() -> None:
            if not request.content.is_eof():
                log.info("closing a connection whose body does not come", path=request.path)
                transport.close()

        timer = self._clock.call_at(self._clock.monotonic() + self._limits.body_seconds, too_slow)
        try:
            return await handler(request)
        finally:
            timer.cancel()

    async def removers_left(self, until: float) -> None:
        """Wait until every client that deleted or evicted something has closed its connection, or
        `until` (monotonic): by then kubectl has looked whether the object is gone."""
        while self._removers and self._clock.monotonic() < until:
            self._remover_left.clear()
            await self._remover_left.wait(until)

    # --- of _Guarded

    def admit(self, transport: asyncio.BaseTransport, guarded: _Guarded) -> Timer | None:
        """A timer for the first head; None when there are too many connections."""
        full = len(self._open) >= self._bound
        if full and not self._full:
            log.warning("too many connections, refusing more", bound=self._bound)
        self._full = full
        if full:
            return None
        self._open[transport] = guarded
        return self._clock.call_at(
            self._clock.monotonic() + self._limits.head_seconds, guarded.head_is_late
        )

    def forget(self, transport: asyncio.BaseTransport | None) -> None:
        if transport is not None:
            self._open.pop(transport, None)
            self._removers.discard(transport)
            self._remover_left.set()


def limits_middleware(guard: ConnectionGuard) -> Any:
    """The outermost one, so that it sees each request."""

    @web.middleware
    async def watch(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        return await guard.watch_request(request, handler)

    return watch


class _Guarded(asyncio.Protocol):
    """One connection: hands everything on to aiohttp's protocol."""

    def __init__(self, guard: ConnectionGuard, server: web.Server) -> None:
        self._guard = guard
        self._server = server
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._head: Timer | None = None

    def head_arrived(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def head_is_late(self) -> None:
        self._head = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._head = self._guard.admit(transport, self)
        if self._head is None:
            transport.abort()
            return
        self._transport = transport
        _notice_lost_peer(transport)
        self._inner = self._server()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        self.head_arrived()
        self._guard.forget(self._transport)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()


def _notice_lost_peer(transport: asyncio.BaseTransport) -> None:
    """A watch or a session may be silent for hours: have the kernel ask whether the peer is still
    there."""
    sock: Any = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
