"""A WebSocket to a Pod's exec, attach or portforward.

Role: the handshake with the credentials of the kubeconfig; a refusal ends as the error that the
server words. The only module of the command line that knows aiohttp.
Invariants: leaving the block drops the connection at once, whatever is still on its way: who wants
an orderly end reads to it before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace

from yarl import URL

from minikubelet.aiohttp_import import aiohttp
from minikubelet.cli.client import (
    CommandError,
    encode_query,
    server_error,
    tls_context,
    unreachable,
)
from minikubelet.cli.kubeconfig_file import Cluster
from minikubelet.clock import SystemClock
from minikubelet.value_class import dataclass

WebSocket = aiohttp.ClientWebSocketResponse
_MAX_MESSAGE = 8 * 1024 * 1024
_SWITCHING_PROTOCOLS = 101
_LOOP_TURNS = 3
"""Until the transport that was aborted has closed its socket."""
_MAX_REFUSAL = 1024 * 1024
_CLOSE_SECONDS = 1.0


class PodStreams:
    """WebSockets to one server."""

    def __init__(self, cluster: Cluster, timeout: float) -> None:
        """`timeout`: how long a handshake may take."""
        self._cluster = cluster
        self._timeout = timeout
        self._is_secure = cluster.server.startswith("https:")
        self._tls = tls_context(cluster) if self._is_secure else True

    @asynccontextmanager
    async def open(
        self, path: str, query: Sequence[tuple[str, str]], protocol: str
    ) -> AsyncIterator[WebSocket]:
        """Raises CommandError."""
        cluster, answer = self._cluster, _Answer()
        async with (
            _dropping(answer),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=self._timeout, sock_read=self._timeout
                ),
                trace_configs=[_keeping(answer)],
                trust_env=False,
            ) as session,
        ):
            url = cluster.server.rstrip("/") + path + (f"?{encode_query(query)}" if query else "")
            try:
                ws = await session.ws_connect(
                    URL(url, encoded=True),
                    protocols=(protocol,),
                    headers=self._headers(),
                    max_msg_size=_MAX_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                )
            except aiohttp.WSServerHandshakeError as err:
                if err.status >= 400 and answer.refusal is not None:
                    raise server_error(err.status, answer.refusal, cluster) from err
                raise CommandError(f"{cluster.server} does not stream: {err.message}") from err
            except (aiohttp.ClientError, OSError) as err:
                raise unreachable(_cause(err), cluster, self._timeout) from err
            if ws.protocol != protocol:
                raise CommandError(f"{cluster.server} does not speak {protocol}")
            yield ws

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": "minikubelet"}
        if self._cluster.token and self._is_secure:
            headers["Authorization"] = f"Bearer {self._cluster.token}"
        return headers


@dataclass(slots=True)
class _Answer:
    """Of the handshake."""

    refusal: bytes | None = None
    connection: aiohttp.connector.Connection | None = None
    transport: asyncio.Transport | None = None


def _keeping(answer: _Answer) -> aiohttp.TraceConfig:
    """The exception of a failed handshake knows the status only, not what the server says; and a
    WebSocket cannot be left without a farewell."""

    async def keep(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        response = params.response
        if (connection := response.connection) is not None:
            answer.connection, answer.transport = connection, connection.transport
        if response.status != _SWITCHING_PROTOCOLS:
            answer.refusal = await response.content.read(_MAX_REFUSAL)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(keep)
    return trace


@asynccontextmanager
async def _dropping(answer: _Answer) -> AsyncIterator[None]:
    """In the end the connection is gone, not only about to go: a peer that does not answer would
    keep TLS waiting."""
    try:
        yield
    finally:
        if answer.connection is not None:
            answer.connection.close()
        if answer.transport is not None:
            answer.transport.abort()
        for _ in range(_LOOP_TURNS):
            await SystemClock().sleep(0)


def _cause(err: Exception) -> Exception:
    """What the system said, which aiohttp wraps."""
    for name in ("certificate_error", "os_error"):
        if isinstance(cause := getattr(err, name, None), Exception):
            return cause
    return err
