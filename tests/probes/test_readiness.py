"""Waiting for sockets and deadlines on the side of the event loop."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator

import pytest

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Container, HTTPGetAction
from minikubelet.probes.http import probe_http
from minikubelet.probes.readiness import Readiness, readiness
from minikubelet.probes.result import Outcome, ProbeResult
from tests.probes.servers import a_server, answering


@pytest.fixture(params=["epoll", "selector"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without epoll; the test's own event loop has its selector already."""
    if request.param == "selector":
        monkeypatch.delattr(select, "epoll")
    way: str = request.param
    return way


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


async def test_calls_back_while_there_is_something_to_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    read = bytearray()
    done = asyncio.Event()

    def on_readable() -> None:
        read.extend(ours.recv(1))
        if len(read) == 3:
            done.set()

    readiness().watch(ours.fileno(), on_readable, writing=False)
    theirs.send(b"abc")
    async with asyncio.timeout(10):
        await done.wait()
    readiness().forget(ours.fileno())
    assert read == b"abc"


async def test_waits_for_what_it_was_told_last(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    calls = []
    done = asyncio.Event()

    def on_writable() -> None:
        calls.append("write")
        readiness().forget(ours.fileno())
        done.set()

    readiness().watch(ours.fileno(), lambda: calls.append("read"), writing=False)
    readiness().watch(ours.fileno(), on_writable, writing=True)
    async with asyncio.timeout(10):
        await done.wait()
    assert calls == ["write"]


async def test_forgets(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    calls: list[str] = []
    ready = readiness()
    ready.watch(ours.fileno(), lambda: calls.append("read"), writing=False)
    ready.expire_at(ours.fileno(), now(), lambda: calls.append("expired"))
    ready.forget(ours.fileno())
    ready.forget(ours.fileno())
    theirs.send(b"x")
    await expiry(ready, 0.01)
    assert calls == []


async def test_expires_in_order_and_once() -> None:
    calls: list[str] = []
    ready, begin = readiness(), now()
    ready.expire_at(1001, begin + 0.03, lambda: calls.append("third"))
    ready.expire_at(1002, begin + 0.01, lambda: calls.append("first"))
    ready.expire_at(1003, begin + 0.02, lambda: calls.append("second"))
    ready.expire_at(1004, begin + 0.02, lambda: calls.append("replaced"))
    ready.expire_at(1004, begin + 60, lambda: calls.append("too late"))
    await expiry(ready, 0.05)
    assert calls == ["first", "second", "third"]
    calls.clear()
    ready.expire_at(1005, now() - 1, lambda: calls.append("late"))
    ready.expire_at(1006, now() - 2, lambda: calls.append("later"))
    await expiry(ready, 0.01)
    ready.forget(1004)
    assert calls == ["later", "late"], "all that is overdue at once, in its order"


async def test_one_per_event_loop() -> None:
    assert readiness() is readiness()


async def test_probes_work_on_it() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with a_server(answering(data)) as server:
        action, container = HTTPGetAction(server.port), Container(name="app")
        result = await probe_http(action, container, "127.0.0.1", 10, SystemClock())
    assert result == ProbeResult(Outcome.SUCCESS, "ok")


def now() -> float:
    return asyncio.get_running_loop().time()


async def expiry(ready: Readiness, seconds: float) -> None:
    """Wait until a deadline that is set now has been met."""
    done = asyncio.Event()
    ready.expire_at(2000, now() + seconds, done.set)
    async with asyncio.timeout(10):
        await done.wait()
