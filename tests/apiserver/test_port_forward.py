"""Port-forward in its three forms, to real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from minikubelet.apiserver.stream_bytes import Connection
from tests.apiserver.api import Api
from tests.apiserver.pod_servers import (
    a_free_port,
    count,
    echo,
    echo_at_the_end,
    listening,
    never_read,
)
from tests.apiserver.streaming import (
    PATIENCE_SECONDS,
    POD,
    SpdyClient,
    flood,
    messages,
    soon,
    spdy,
    streaming_api,
    websocket,
)
from tests.apiserver.wire.spdy_peer import Said, SpdyPeer
from tests.fakes.clock import FakeClock

FORWARD = f"{POD}/portforward"
SPDY = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{SPDY}"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with streaming_api() as api:
        yield api


@asynccontextmanager
async def tunnel(api: Api) -> AsyncIterator[SpdyClient]:
    """SPDY in WebSocket messages, three for each piece: their borders mean nothing."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    inner_reader, inner_writer = await asyncio.open_connection(sock=theirs)
    async with websocket(api, FORWARD, TUNNEL) as ws, asyncio.TaskGroup() as group:
        assert ws.protocol == TUNNEL

        async def outward() -> None:
            while data := await inner_reader.read(65536):
                third = len(data) // 3 + 1
                for start in range(0, len(data), third):
                    await ws.send_bytes(data[start : start + third])

        async def inward() -> None:
            async for message in ws:
                inner_writer.write(message.data)
            inner_writer.close()

        tasks = [group.create_task(outward()), group.create_task(inward())]
        yield SpdyClient(reader, writer, {})
        for task in tasks:
            task.cancel()
        for end in (writer, inner_writer):
            end.transport.abort()


@asynccontextmanager
async def plain(api: Api) -> AsyncIterator[SpdyClient]:
    async with spdy(api, FORWARD, SPDY) as client:
        assert client.headers["x-stream-protocol-version"] == SPDY
        yield client


both = pytest.mark.parametrize("connect", [plain, tunnel])
_Connect = Callable[[Api], AbstractAsyncContextManager[SpdyClient]]


async def a_pair(client: SpdyClient, port: int, request: int = 0) -> tuple[int, int]:
    """As kubectl does it: the error stream, half-closed, then the data stream (K-88)."""
    remote, number = str(port), str(request)
    error = await client.open(streamtype="error", port=remote, requestid=number)
    await client.send(client.peer.data(error, b"", fin=True))
    return error, await client.open(streamtype="data", port=remote, requestid=number)


@both
async def test_a_connection_with_each_half_closed_in_turn(api: Api, connect: _Connect) -> None:
    # K-89: the client's end reaches the pod, and what the pod answers to it reaches the client.
    async with listening(echo_at_the_end) as port, connect(api) as client:
        error, data = await a_pair(client, port)
        await client.send(client.peer.data(data, b"all ") + client.peer.data(data, b"of it"))
        await client.send(client.peer.data(data, b"", fin=True))
        said = [await client.next() for _ in range(3)]
        assert said == [Said("data", data, b"got all of it"), Said("fin", data), Said("fin", error)]


@both
async def test_many_connections_at_once(api: Api, connect: _Connect) -> None:
    async with listening(echo_at_the_end) as port, connect(api) as client:
        pairs = [await a_pair(client, port, request) for request in range(100)]
        for _, data in pairs:
            await client.send(client.peer.data(data, b"I am %d" % data, fin=True))
        answers: dict[int, bytes] = {}
        ended: set[int] = set()
        while len(ended) < 200:
            said = await client.next()
            assert said is not None
            if said.what == "data":
                answers[said.number] = answers.get(said.number, b"") + said.data
            else:
                ended.add(said.number)
        assert answers == {data: b"got I am %d" % data for _, data in pairs}


@both
async def test_large_transfers_arrive_whole(api: Api, connect: _Connect) -> None:
    blob = bytes(range(256)) * (8 * 1024 * 1024 // 256)
    async with listening(count) as port, connect(api) as client:
        _, data = await a_pair(client, port)
        for start in range(0, len(blob), 1 << 20):
            await client.send(client.peer.data(data, blob[start : start + (1 << 20)]))
        await client.send(client.peer.data(data, b"", fin=True))
        digest = hashlib.sha256(blob).hexdigest()
        assert await client.next() == Said("data", data, f"{len(blob)} {digest}".encode())

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(blob)
        await writer.drain()

    async with listening(send) as port, connect(api) as client:
        _, data = await a_pair(client, port)
        received = []
        while (said := await client.next()) is not None and said.what == "data":
            received.append(said.data)
        assert b"".join(received) == blob


@both
async def test_a_refused_port_is_told(api: Api, connect: _Connect) -> None:  # K-90
    port = a_free_port()
    async with listening(echo) as open_port, connect(api) as client:
        error, data = await a_pair(client, port)
        told = (
            f"error forwarding port {port} to pod web, uid a-uid: "
            f"dial tcp 127.0.0.1:{port}: connect: connection refused"
        )
        said = [await client.next() for _ in range(3)]
        assert said == [
            Said("data", error, told.encode()),
            Said("fin", error),
            Said("fin", data),
        ]
        # The others do not care.
        _, data = await a_pair(client, open_port, 1)
        await client.send(client.peer.data(data, b"hello"))
        assert await client.next() == Said("data", data, b"hello")


@both
async def test_a_connection_that_the_client_gives_up(api: Api, connect: _Connect) -> None:
    gone = asyncio.Event()

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        try:
            assert await reader.read() == b""
        finally:
            gone.set()

    async with listening(until_gone) as port, connect(api) as client:
        error, data = await a_pair(client, port)
        assert await client.next() == Said("data", data, b"hello")
        await client.send(client.peer.reset(data))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await gone.wait()
        assert await client.next() == Said("fin", error)  # which kubectl waits for


@both
async def test_when_the_client_goes_the_pod_is_let_go(api: Api, connect: _Connect) -> None:
    gone = asyncio.Event()

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()
        gone.set()

    async with listening(until_gone) as port:
        async with connect(api) as client:
            _, data = await a_pair(client, port)
            assert await client.next() == Said("data", data, b"hello")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await gone.wait()


@pytest.mark.parametrize(
    "headers",
    [
        {"streamtype": "data", "port": "0", "requestid": "1"},
        {"streamtype": "data", "port": "http", "requestid": "1"},
        {"streamtype": "data", "requestid": "1"},
        {"streamtype": "data", "port": "80"},
        {"streamtype": "stdin", "port": "80", "requestid": "1"},
        {},
    ],
)
async def test_streams_without_good_headers_are_reset(
    api: Api, headers: dict[str, str]
) -> None:  # K-88
    async with plain(api) as client:
        number, frame = client.peer.open(headers)
        await client.send(frame)
        assert await client.next() == Said("reply", number)
        assert await client.next() == Said("reset", number, b"1")


async def test_a_pair_that_stays_half_is_dropped() -> None:  # K-88
    clock = FakeClock()
    async with streaming_api(clock=clock) as api, plain(api) as client:
        error = await client.open(streamtype="error", port="80", requestid="1")
        twice = await client.open(streamtype="error", port="80", requestid="1")
        assert await client.next() == Said("reset", twice, b"1")
        await clock.advance(31)
        said = await client.next()
        while said and said.what == "ping":
            said = await client.next()
        assert said == Said("reset", error, b"5")


@both
async def test_a_pod_that_does_not_read_costs_bounded_memory(api: Api, connect: _Connect) -> None:
    async with listening(never_read) as port, connect(api) as client:
        _, data = await a_pair(client, port)
        await flood(lambda piece: client.send(client.peer.data(data, piece)))


async def test_a_client_that_speaks_no_spdy(api: Api) -> None:
    async with plain(api) as client:
        await client.send(b"\x80\x02rubbish")
        assert await client.next() == Said("goaway", 1)
    async with websocket(api, FORWARD, TUNNEL) as ws:
        await ws.send_str("text")
        (goodbye,) = await messages(ws)
        assert isinstance(goodbye, bytes)
        assert SpdyPeer().receive(goodbye) == [Said("goaway", 0)]


async def test_mangled_sessions_leave_nothing(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    rng = random.Random(1)
    async with listening(echo) as port:
        for _ in range(40):
            peer, raw = SpdyPeer(), bytearray()
            for number in range(3):
                headers = {"port": str(port), "requestid": str(number)}
                raw += peer.open({"streamtype": "error", **headers}, fin=True)[1]
                stream, opening = peer.open({"streamtype": "data", **headers})
                raw += opening + peer.data(stream, bytes(rng.randint(0, 3000)), fin=number == 1)
            for _ in range(rng.randint(1, 5)):
                raw[rng.randrange(len(raw))] = rng.randrange(256)
            async with plain(api) as client:
                await client.send(bytes(raw[: rng.randint(1, len(raw))]))
        await soon(lambda: not api.server.guard.connections)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@both
async def test_a_server_that_stops_says_goodbye(api: Api, connect: _Connect) -> None:
    async with listening(echo) as port, connect(api) as client, asyncio.TaskGroup() as group:
        await a_pair(client, port)
        group.create_task(api.server.stop())
        said = await client.rest()
        assert said[-1] == Said("goaway", 0)


async def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    async with streaming_api(ip="::1") as api, listening(echo, "::1") as port, plain(api) as client:
        _, data = await a_pair(client, port)
        await client.send(client.peer.data(data, b"hello"))
        assert await client.next() == Said("data", data, b"hello")


async def test_a_lost_connection_ends_reading_and_writing() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with listening(hang_up) as port:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        assert await connection.read() == b""
        with pytest.raises(ConnectionError):
            await _write_on(connection)
        await connection.close()


async def _write_on(connection: Connection) -> None:
    for _ in range(100):
        await connection.write((b"x" * 65536,))
        await asyncio.sleep(0.01)
