"""exec and attach when the client goes or does not read, and when the server stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from tests.apiserver.api import Api
from tests.apiserver.streaming import (
    POD,
    SpdyClient,
    flood,
    messages,
    soon,
    spdy,
    streaming_api,
    websocket,
)
from tests.fakes.clock import FakeClock
from tests.fakes.streams import FakeStreamRuntime, ScriptedStream

V5 = "v5.channel.k8s.io"
EXEC = f"{POD}/exec?command=cat&stdin=true&stdout=true&stderr=true"
ATTACH = f"{POD}/attach?stdin=true&stdout=true&stderr=true"


@pytest.fixture
def program() -> ScriptedStream:
    return ScriptedStream()


@pytest.fixture
def runtime(program: ScriptedStream) -> FakeStreamRuntime:
    return FakeStreamRuntime(program)


@pytest.fixture
async def api(runtime: FakeStreamRuntime) -> AsyncIterator[Api]:
    async with streaming_api(runtime) as api:
        yield api


@pytest.fixture
async def slow_api(runtime: FakeStreamRuntime) -> AsyncIterator[Api]:
    """Its time stands still."""
    async with streaming_api(runtime, clock=FakeClock()) as api:
        yield api


async def closed(program: ScriptedStream) -> None:
    async with asyncio.timeout(10):
        await program.closed.wait()


async def _close(ws: aiohttp.ClientWebSocketResponse) -> None:
    await ws.close()


async def _vanish(ws: aiohttp.ClientWebSocketResponse) -> None:
    transport = ws._response.connection.transport  # type: ignore[union-attr]
    assert transport is not None
    transport.abort()


@pytest.mark.parametrize("leave", [_close, _vanish])
@pytest.mark.parametrize("path", [EXEC, ATTACH])
async def test_when_the_client_goes_the_session_is_closed(
    api: Api,
    program: ScriptedStream,
    path: str,
    leave: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[None]],
) -> None:  # K-78
    async with websocket(api, path, V5) as ws:
        await ws.send_bytes(b"\x00a")
        await program.wait_for(b"a")
        await leave(ws)
        await closed(program)


async def _say_goodbye(client: SpdyClient) -> None:
    await client.send(client.peer.go_away())


async def _reset_error(client: SpdyClient) -> None:
    await client.send(client.peer.reset(1))


async def _cut(client: SpdyClient) -> None:
    client.writer.transport.abort()


@pytest.mark.parametrize("leave", [_say_goodbye, _reset_error, _cut])
async def test_when_a_spdy_client_goes_the_session_is_closed(
    api: Api, program: ScriptedStream, leave: Callable[[SpdyClient], Awaitable[None]]
) -> None:  # K-78
    async with spdy(api, EXEC) as client:
        for kind in ("error", "stdin", "stdout", "stderr"):
            await client.open(streamtype=kind)
        program.say((1, b"a"))
        assert (await client.next()) is not None
        await leave(client)
        await closed(program)


@pytest.mark.parametrize("transport", ["websocket", "spdy"])
async def test_a_client_that_goes_while_nobody_reads_from_it(
    slow_api: Api, program: ScriptedStream, transport: str
) -> None:
    """What it has sent is not read, so neither is its end."""
    program.reads_input.clear()
    assert isinstance(slow_api.clock, FakeClock)
    if transport == "websocket":
        async with websocket(slow_api, EXEC, V5) as ws:
            await flood(lambda data: ws.send_bytes(b"\x00" + data))
            await _vanish(ws)
            await soon(program.closed.is_set, slow_api.clock)
    else:
        async with spdy(slow_api, EXEC) as client:
            _, stdin, _, _ = [
                await client.open(streamtype=kind)
                for kind in ("error", "stdin", "stdout", "stderr")
            ]
            await flood(lambda data: client.send(client.peer.data(stdin, data)))
            client.writer.transport.abort()
            await soon(program.closed.is_set, slow_api.clock)


async def test_pongs_keep_a_client_patient_that_is_not_read_from(
    slow_api: Api, program: ScriptedStream
) -> None:  # K-71
    program.reads_input.clear()
    assert isinstance(slow_api.clock, FakeClock)
    async with websocket(slow_api, EXEC, V5, autoping=False) as ws:
        await ws.send_bytes(b"\x00a")
        async with asyncio.timeout(10):
            async with asyncio.TaskGroup() as group:
                receiving = group.create_task(ws.receive())
                await soon(receiving.done, slow_api.clock)
        assert receiving.result().type is aiohttp.WSMsgType.PONG
        program.reads_input.set()
        await program.wait_for(b"a")


@pytest.mark.parametrize("transport", ["websocket", "spdy"])
async def test_a_program_waits_for_a_client_that_does_not_read(
    api: Api, runtime: FakeStreamRuntime, transport: str
) -> None:  # K-79
    endless = Endless()
    runtime.stream = endless
    if transport == "websocket":
        async with websocket(api, EXEC, V5, max_msg_size=0) as ws:
            await endless.is_stuck()
            assert endless.pieces < 700
            # Not one byte is lost meanwhile.
            seen = sum([len((await ws.receive()).data) - 1 for _ in range(700)])
            assert seen == 700 * Endless.SIZE
    else:
        async with spdy(api, EXEC) as client:
            for kind in ("error", "stdin", "stdout", "stderr"):
                await client.open(streamtype=kind)
            await endless.is_stuck()
            assert endless.pieces < 700


class Endless(ScriptedStream):
    """A program that prints without end."""

    SIZE = 32768

    def __init__(self) -> None:
        super().__init__()
        self.pieces = 0

    async def read(self) -> tuple[int, bytes] | None:
        self.pieces += 1
        await asyncio.sleep(0)
        return 1, bytes(self.SIZE)

    async def is_stuck(self) -> None:
        before = -1
        while before != self.pieces:
            before = self.pieces
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("path", [EXEC, ATTACH])
async def test_a_server_that_stops_ends_sessions(
    api: Api, program: ScriptedStream, path: str
) -> None:
    async with websocket(api, path, V5) as ws, asyncio.TaskGroup() as group:
        await ws.send_bytes(b"\x00a")
        await program.wait_for(b"a")
        group.create_task(api.server.stop())
        *_, outcome = await messages(ws)
        assert isinstance(outcome, bytes)
        assert json.loads(outcome[1:])["message"].endswith(": the server is stopping")
        assert ws.close_code == 1000
    assert program.closed.is_set()
