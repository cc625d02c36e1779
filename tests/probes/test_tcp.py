"""TCP probes against real sockets (P-330 … P-332)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Container, ContainerPort, TCPSocketAction
from minikubelet.probes import exchange
from minikubelet.probes.addresses import Address
from minikubelet.probes.exchange import DialError, converse
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.tcp import probe_tcp
from tests.probes.servers import Peer, a_server, unused_port

CLOCK = SystemClock()
SUCCESS = ProbeResult(Outcome.SUCCESS)


async def probe(port: int | str, host: str = "", timeout: float = 10) -> ProbeResult:
    container = Container(name="app", ports=(ContainerPort(1, name="low"),))
    return await probe_tcp(TCPSocketAction(port, host), container, "127.0.0.1", timeout, CLOCK)


async def test_somebody_listens_and_hears_nothing() -> None:  # P-330
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(peer: Peer) -> None:
        heard.put_nowait(await peer.reader.read())

    async with a_server(listen) as server:
        assert await probe(server.port) == SUCCESS
        async with asyncio.timeout(10):
            assert await heard.get() == b""


async def test_a_peer_that_hangs_up_is_there() -> None:  # P-330
    async def hang_up(peer: Peer) -> None:
        peer.reset()

    async with a_server(hang_up) as server:
        assert await probe(server.port) == SUCCESS


async def test_nobody_listens() -> None:  # P-331
    port = unused_port()
    text = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert await probe(port) == ProbeResult(Outcome.FAILURE, text)


async def test_nobody_answers_in_time() -> None:  # P-331
    with socket.socket() as sock, socket.socket() as first, socket.socket() as second:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        address = sock.getsockname()
        for filler in (first, second):  # the queue is full, and the kernel drops what comes next
            filler.setblocking(False)
            filler.connect_ex(address)
        text = f"dial tcp 127.0.0.1:{address[1]}: i/o timeout"
        assert await probe(address[1], timeout=0.2) == ProbeResult(Outcome.FAILURE, text)


async def test_ipv6() -> None:
    port = unused_port()
    text = f"dial tcp [::1]:{port}: connect: "
    assert (await probe(port, "::1")).output.startswith(text)


async def test_a_name_tries_all_its_addresses() -> None:
    async def wait(peer: Peer) -> None:
        await peer.reader.read()

    async with a_server(wait) as server:
        assert await probe(server.port, "localhost") == SUCCESS


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("a..b", id="no name"),
        pytest.param("fe80::1%²", id="a zone that is nearly a number"),
        pytest.param("fe80::1%99999999999", id="a zone beyond 32 bits"),
        pytest.param("fe80::1%a\0b", id="a zone that no interface can have"),
    ],
)
async def test_a_host_without_address(host: str) -> None:
    result = await probe(80, host)
    assert result.outcome is Outcome.FAILURE
    assert result.output.startswith("dial tcp")


async def test_a_named_port() -> None:  # P-300
    assert (await probe("low")).output == "dial tcp 127.0.0.1:1: connect: connection refused"


async def test_a_port_that_cannot_be_resolved_is_an_error() -> None:  # P-303
    error = 'strconv.Atoi: parsing "web": invalid syntax'
    assert await probe("web") == ProbeResult(Outcome.UNKNOWN, error=error)


class OneWord:
    """Says one word once, and is content with any answer."""

    unread = False

    def __init__(self) -> None:
        self.finished = False

    def begin(self) -> bytes:
        return b"hi"

    def receive(self, data: bytes) -> bytes:
        self.finished = True
        return b""


async def test_the_first_of_several_failures_is_told() -> None:
    ports = unused_port(), unused_port()
    addresses = [Address(socket.AF_INET, ("127.0.0.1", port)) for port in ports]
    with pytest.raises(DialError) as caught:
        await converse(addresses, OneWord(), CLOCK.monotonic() + 10, CLOCK)
    assert str(caught.value) == f"dial tcp 127.0.0.1:{ports[0]}: connect: connection refused"


async def test_a_slow_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MIN_SECONDS_PER_ADDRESS", 0.1)

    async def answer(peer: Peer) -> None:
        await peer.send(b"hello")

    with socket.socket() as sock, socket.socket() as first, socket.socket() as second:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
        async with a_server(answer) as server:
            there = Address(socket.AF_INET, ("127.0.0.1", server.port))
            slow = Address(socket.AF_INET, sock.getsockname())
            conversation = OneWord()
            await converse([slow, there], conversation, CLOCK.monotonic() + 0.4, CLOCK)
    assert conversation.finished


async def test_a_socket_that_met_itself_is_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port of the ephemeral range may be given to the very socket that connects to it."""
    port = unused_port()

    class Selfish(socket.socket):
        def __init__(self, family: int, kind: int) -> None:
            super().__init__(family, kind)
            self.bind(("127.0.0.1", port))

    monkeypatch.setattr(socket, "socket", Selfish)
    text = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert await probe(port) == ProbeResult(Outcome.FAILURE, text)
