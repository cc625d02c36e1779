"""Port-forward in the channels of a WebSocket, the way of the Python clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.apiserver.api import Api
from tests.apiserver.pod_servers import a_free_port, echo, echo_at_the_end, listening
from tests.apiserver.streaming import PATIENCE_SECONDS, POD, messages, streaming_api, websocket

FORWARD = f"{POD}/portforward"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with streaming_api() as api:
        yield api


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io", ""])
async def test_ports_in_channels(api: Api, protocol: str) -> None:
    refused = a_free_port()
    async with listening(echo) as port:
        path = f"{FORWARD}?ports={port}&ports={refused}&name=web&_preload_content=false"
        async with websocket(api, path, *filter(None, [protocol])) as ws:
            first = [await ws.receive_bytes() for _ in range(4)]
            assert first == [
                bytes((channel,)) + number.to_bytes(2, "little")
                for channel, number in enumerate((port, port, refused, refused))
            ]
            told = await ws.receive_bytes()
            assert told[:1] == b"\x03"
            assert told.endswith(b"connect: connection refused")
            for message in (b"\x02to nobody", b"\x01to no one", b"\x09to none", b"", b"\x00hello"):
                await ws.send_bytes(message)
            assert await ws.receive_bytes() == b"\x00hello"


async def test_when_all_ports_have_ended_so_does_the_websocket(api: Api) -> None:
    async with (
        listening(echo_at_the_end) as port,
        websocket(api, f"{FORWARD}?ports={port},{port}", "v5.channel.k8s.io") as ws,
    ):
        for message in (b"\x00one", b"\x02two", b"\xff\x00", b"\xff\x02", b"\xff"):
            await ws.send_bytes(message)
        assert set((await messages(ws))[4:]) == {b"\x00got one", b"\x02got two"}
        assert ws.close_code == 1000


async def test_a_websocket_client_that_goes_and_a_server_that_stops(api: Api) -> None:
    gone = asyncio.Event()

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with listening(until_gone) as port:
        async with websocket(api, f"{FORWARD}?ports={port}", "v4.channel.k8s.io") as ws:
            await ws.receive_bytes()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await gone.wait()
        async with (
            websocket(api, f"{FORWARD}?ports={port}", "v4.channel.k8s.io") as ws,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(api.server.stop())
            await messages(ws)
            assert ws.close_code == 1001


async def test_a_websocket_without_ports_is_refused(api: Api) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
        await api.session.ws_connect(FORWARD, protocols=["v4.channel.k8s.io"])
