"""The running part of `port-forward`: listeners, their connections, and a watch over the server.

Invariants: a connection that fails disturbs no other; when the server or the Pod is gone, all ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial

from minikubelet.aiohttp_import import aiohttp
from minikubelet.cli.client import Client, CommandError, ServerError
from minikubelet.cli.forwarded_ports import ForwardedPort
from minikubelet.cli.stream_command import run_until_signal
from minikubelet.cli.stream_connection import PodStreams, WebSocket
from minikubelet.cli.stream_session import PING_SECONDS, SILENT_SECONDS, SessionEnd
from minikubelet.cli.stream_tunnel import PROTOCOL, carry
from minikubelet.clock import SystemClock

_LOST = "lost connection to pod"
_BACKLOG = 128


def forward(
    client: Client, path: str, ports: Sequence[ForwardedPort], addresses: Sequence[str]
) -> int:
    """Until a signal. Raises CommandError."""
    streams = PodStreams(client.cluster, client.timeout)
    forwarding = _Forwarding(streams, f"{path}/portforward")
    end = run_until_signal(forwarding.run(ports, addresses))
    return end if isinstance(end, int) else end.code


class _Forwarding:
    def __init__(self, streams: PodStreams, path: str) -> None:
        self._streams = streams
        self._path = path
        self._ending = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self, ports: Sequence[ForwardedPort], addresses: Sequence[str]) -> SessionEnd:
        """Raises CommandError in the end."""
        async with self._streams.open(self._path, (), PROTOCOL) as ws:
            # This WebSocket forwards nothing: it says when the server goes.
            listeners = bind_ports(ports, addresses)
            async with asyncio.TaskGroup() as group, contextlib.AsyncExitStack() as listening:
                tasks = [
                    group.create_task(self._watch(ws), name="watch"),
                    group.create_task(_ping(ws), name="pings"),
                ]
                for port, sock in listeners:
                    accept = partial(self._accept, group, port)
                    listening.callback((await asyncio.start_server(accept, sock=sock)).close)
                    host = sock.getsockname()[0]
                    shown = f"[{host}]" if ":" in host else host
                    print(f"Forwarding from {shown}:{port.local} -> {port.remote}", flush=True)
                await self._ending.wait()
                for task in (*tasks, *self._connections):
                    task.cancel()
        raise CommandError(_LOST)

    async def _watch(self, ws: WebSocket) -> None:
        try:
            while (await ws.receive(SILENT_SECONDS)).type is aiohttp.WSMsgType.BINARY:
                pass
        except TimeoutError:
            pass
        self._ending.set()

    def _accept(
        self,
        group: asyncio.TaskGroup,
        port: ForwardedPort,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        print(f"Handling connection for {port.local}", flush=True)
        task = group.create_task(self._connection(port, reader, writer), name=f"port {port.local}")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(
        self, port: ForwardedPort, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with self._streams.open(self._path, (), PROTOCOL) as ws:
                await carry(ws, port.remote, reader, writer)
        except ConnectionError:
            writer.transport.abort()
        except CommandError as err:
            about = f"an error occurred forwarding {port.local} -> {port.remote}"
            print(f"error: {about}: {str(err).removeprefix('error: ')}", file=sys.stderr)
            if isinstance(err, ServerError):
                self._ending.set()  # the Pod is gone, or has ended
        finally:
            writer.close()


async def _ping(ws: WebSocket) -> None:
    clock = SystemClock()
    try:
        while True:
            await clock.sleep(PING_SECONDS)
            await ws.ping()
    except ConnectionError:
        pass  # who reads hears of it too


def bind_ports(
    ports: Sequence[ForwardedPort], addresses: Sequence[str]
) -> list[tuple[ForwardedPort, socket.socket]]:
    """Each port on each address, with the number that it really has. What fails is told, and is
    no failure as long as something else works. Raises CommandError."""
    listeners = []
    for port in ports:
        bound, failures = bind_port(port.local, addresses)
        for sock in bound:
            listeners.append((ForwardedPort(sock.getsockname()[1], port.remote), sock))
        # Of localhost one address is enough: not every machine has both.
        if failures and (not bound or list(addresses) != ["localhost"]):
            told = "; ".join(failures)
            print(f"Unable to listen on port {port.local}: {told}", file=sys.stderr)
    if not listeners:
        told = " ".join(f"{{{port.local} {port.remote}}}" for port in ports)
        raise CommandError(f"unable to listen on any of the requested ports: [{told}]")
    return listeners


def bind_port(port: int, addresses: Sequence[str]) -> tuple[list[socket.socket], list[str]]:
    """A port on each address, `localhost` being both of IPv4 and IPv6; and why some failed. With
    port 0 all of them get the number that the first one got."""
    bound: list[socket.socket] = []
    failures: list[str] = []
    hosts = [
        host
        for address in addresses
        for host in (("127.0.0.1", "::1") if address == "localhost" else (address,))
    ]
    for host in dict.fromkeys(hosts):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = None
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port))
            sock.listen(_BACKLOG)
        except OSError as err:
            if sock is not None:
                sock.close()
            failures.append(f"{host}: {_why(err)}")
            continue
        port = sock.getsockname()[1]
        bound.append(sock)
    return bound, failures


def _why(err: OSError) -> str:
    if isinstance(err, socket.gaierror) or not err.errno:
        return "it is no IP address"
    return (
        "address already in use"
        if err.errno == errno.EADDRINUSE
        else os.strerror(err.errno).lower()
    )
