"""A server with one running Pod, and clients of its streams that hide nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from minikubelet.apiserver.services import Route
from minikubelet.apiserver.stream_runtime import StreamRuntime
from minikubelet.clock import Clock, SystemClock
from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import CORE, TOKEN, Api, a_pod, key_of, serving_api
from tests.apiserver.wire.spdy_peer import Said, SpdyPeer
from tests.fakes.clock import FakeClock

POD = f"{CORE}/pods/web"
PATIENCE_SECONDS = 10.0


def a_running_pod(name: str = "web", ip: str = "127.0.0.1") -> Json:
    metadata = {"namespace": "default", "uid": "a-uid"}
    pod = a_pod(name, metadata=metadata, nodeName="this-node")
    status = {
        "name": "app",
        "image": "busybox:1",
        "containerID": "id-of-app",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
    pod["status"] = {"phase": "Running", "podIP": ip, "containerStatuses": [status]}
    pod["status"]["conditions"] = conditions
    return pod


@asynccontextmanager
async def streaming_api(
    streams: StreamRuntime | None = None,
    *,
    clock: Clock | None = None,
    pki_dir: Path | None = None,
    ip: str = "127.0.0.1",
    extra_routes: tuple[Route, ...] = (),
) -> AsyncIterator[Api]:
    clock = clock or SystemClock()
    async with serving_api(
        clock=clock, pki_dir=pki_dir, streams=streams, extra_routes=extra_routes
    ) as api:
        api.store.create(key_of("pods", "web"), a_running_pod(ip=ip))
        yield api


@asynccontextmanager
async def websocket(
    api: Api, path: str, *protocols: str, **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with api.session.ws_connect(path, protocols=protocols, **options) as ws:
        yield ws


async def messages(ws: aiohttp.ClientWebSocketResponse) -> list[bytes | str]:
    """All that are still to come."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [message.data async for message in ws]


class SpdyClient:
    """An upgraded connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]
    ) -> None:
        self.headers = headers
        self.peer = SpdyPeer()
        self.writer = writer
        self._reader = reader
        self._said: deque[Said] = deque()

    async def open(self, *, fin: bool = False, **headers: str) -> int:
        """Like kubectl, wait for the reply."""
        number, frame = self.peer.open(headers, fin=fin)
        await self.send(frame)
        assert await self.next() == Said("reply", number)
        return number

    async def send(self, frame: bytes) -> None:
        self.writer.write(frame)
        await self.writer.drain()

    async def next(self) -> Said | None:
        """None at the end of the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._said:
                data = await self._reader.read(65536)
                if not data:
                    return None
                self._said.extend(self.peer.receive(data))
        return self._said.popleft()

    async def rest(self) -> list[Said]:
        """Until the server goes away, or the connection is gone; data of one stream in one."""
        said: list[Said] = []
        while (more := await self.next()) is not None:
            if said and more.what == "data" and said[-1][:2] == more[:2]:
                more = more._replace(data=said.pop().data + more.data)
            said.append(more)
            if more.what == "goaway":
                break
        return said


async def spdy_request(
    api: Api, path: str, protocols: Sequence[str]
) -> tuple[str, dict[str, str], asyncio.StreamReader, asyncio.StreamWriter]:
    """Status line and headers (by lower-case name) of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{api.port}",
        f"Authorization: Bearer {TOKEN}",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        *(f"X-Stream-Protocol-Version: {protocol}" for protocol in protocols),
        "Content-Length: 0",
    ]
    writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    return head[0], {name.lower(): value for name, value in pairs}, reader, writer


@asynccontextmanager
async def spdy(api: Api, path: str, *protocols: str) -> AsyncIterator[SpdyClient]:
    status, headers, reader, writer = await spdy_request(
        api, path, protocols or ("v4.channel.k8s.io",)
    )
    try:
        assert status == "HTTP/1.1 101 Switching Protocols", headers
        yield SpdyClient(reader, writer, headers)
    finally:
        writer.transport.abort()


async def flood(send: Callable[[bytes], Awaitable[None]]) -> int:
    """Send until it waits for somebody to read; how many bytes that took."""
    for count in range(1000):
        try:
            async with asyncio.timeout(0.3):
                await send(bytes(65536))
        except TimeoutError:
            return count * 65536
    raise AssertionError("62 MB were taken that nobody read")


async def soon(condition: Callable[[], bool], clock: FakeClock | None = None) -> None:
    """Wait for a fact that sets no event; `clock` moves on meanwhile."""
    async with asyncio.timeout(10):
        while not condition():
            await (clock.advance(1) if clock else asyncio.sleep(0.01))
