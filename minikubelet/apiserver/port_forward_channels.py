"""Port-forward in the channels of a WebSocket: the way of the Python clients.

Role: one connection per port of the request, made at once; port i has channel 2i for data and 2i+1
for errors.
Invariants: the first message on each channel is the port; a client that lets one port's data pile
up holds up the others (K-84); nothing is raised but CancelledError.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from aiohttp import WSMsgType, web

from minikubelet.apiserver.port_forward_connections import connect, refusal
from minikubelet.apiserver.stream_bytes import Connection
from minikubelet.apiserver.wire.channels import Channel, ChannelProtocol
from minikubelet.clock import Clock
from minikubelet.log import get_logger

log = get_logger(__name__)

_GOING_AWAY = 1001
_BEAT_SECONDS = 2.0


async def forward_over_channels(
    ws: web.WebSocketResponse,
    protocol: ChannelProtocol,
    host: str,
    ports: Sequence[int],
    pod: str,
    clock: Clock,
    stopping: asyncio.Event,
) -> None:
    """Until the client goes, all ports have ended, or the server stops."""
    try:
        session = _Session(ws, protocol, host, ports, pod, clock)
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(session.serve_ports(), name="ports"),
                group.create_task(session.receive(), name="receive"),
                group.create_task(stopping.wait(), name="stop"),
            )
            beat = group.create_task(session.beat(), name="beat")
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in (*tasks, beat):
                task.cancel()
        await ws.close(code=_GOING_AWAY if stopping.is_set() else 1000)
    except ConnectionError:
        pass
    except Exception:
        log.exception("port-forward failed", pod=pod)


class _Session:
    def __init__(
        self,
        ws: web.WebSocketResponse,
        protocol: ChannelProtocol,
        host: str,
        ports: Sequence[int],
        pod: str,
        clock: Clock,
    ) -> None:
        self._ws = ws
        self._protocol = protocol
        self._host = host
        self._ports = ports
        self._pod = pod
        self._clock = clock
        loop = asyncio.get_running_loop()
        self._connections: list[asyncio.Future[Connection | None]] = [
            loop.create_future() for _ in ports
        ]
        """None where there is none."""
        self._sending = asyncio.Lock()
        self._feeding = False

    async def serve_ports(self) -> None:
        """Until each has ended."""
        for index, port in enumerate(self._ports):
            for channel in (2 * index, 2 * index + 1):
                await self._try_to_send(channel, port.to_bytes(2, "little"))
        async with asyncio.TaskGroup() as group:
            for index, port in enumerate(self._ports):
                group.create_task(self._serve(index, port), name=f"port {port}")

    async def receive(self) -> None:
        """Until the client goes."""
        while True:
            message = await self._ws.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return
            try:
                decoded = self._protocol.decode(message.data)
            except ValueError as err:
                log.info("a client sends what its protocol does not have", why=str(err))
                return
            if decoded is not None:
                self._feeding = True
                await self._take(*decoded)
                self._feeding = False

    async def beat(self) -> None:
        try:
            while True:
                await self._clock.sleep(_BEAT_SECONDS)
                if self._feeding:
                    await self._ws.pong()
        except ConnectionError:
            pass

    async def _serve(self, index: int, port: int) -> None:
        made = self._connections[index]
        try:
            connection = await connect(self._host, port, self._clock)
        except OSError as err:
            made.set_result(None)
            told = refusal(self._host, port, self._pod, err)
            await self._try_to_send(2 * index + 1, told.encode())
            return
        made.set_result(connection)
        try:
            while data := await connection.read():
                await self._send(2 * index, data)
        except ConnectionError:
            pass
        finally:
            connection.leave()

    async def _take(self, channel: int, data: bytes) -> None:
        closing = channel == Channel.CLOSE and self._protocol.half_close
        if closing:
            channel, data = (data or b"\xff")[0], b""
        index, is_error = divmod(channel, 2)
        if is_error or index >= len(self._ports):
            return
        connection = await self._connections[index]
        if connection is None:
            return
        try:
            if closing:
                connection.write_eof()
            elif data:
                await connection.write((data,))
        except ConnectionError:
            pass  # the pod has closed

    async def _try_to_send(self, channel: int, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await self._send(channel, data)

    async def _send(self, channel: int, data: bytes) -> None:
        message = self._protocol.encode(channel, data)
        async with self._sending:
            if isinstance(message, str):
                await self._ws.send_str(message)
            else:
                await self._ws.send_bytes(message)
