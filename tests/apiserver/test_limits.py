"""Clients that send nothing, too slowly, or too much; and many that only wait."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from minikubelet.apiserver.limits import Limits, open_file_bound
from minikubelet.apiserver.services import Route
from tests.apiserver.serving import Served, client, serving
from tests.fakes.clock import FakeClock

WATCHES = 500
PATIENCE = 10.0


async def _echo(request: web.Request) -> web.StreamResponse:
    return web.Response(body=await request.read())


async def _wait(request: web.Request) -> web.StreamResponse:
    """A watch on which nothing happens."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"begun\n")
    await asyncio.Event().wait()
    return response


ROUTES = (Route("POST", "/echo", _echo), Route("GET", "/wait", _wait))
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


async def _connect(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.port)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    except ConnectionResetError:
        return True


async def _until_open(served: Served, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while served.guard.connections != count:  # noqa: ASYNC110 a fact that nobody announces
            await asyncio.sleep(0)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD[:-2]])
async def test_a_head_that_does_not_come(sent: bytes) -> None:
    clock = FakeClock()
    async with serving(ROUTES, clock=clock, limits=Limits(head_seconds=10)) as served:
        reader, writer = await _connect(served)
        writer.write(sent)
        await _until_open(served, 1)
        await clock.advance(9.9)
        assert served.guard.connections == 1
        await clock.advance(0.2)
        assert await _is_closed(reader)
        writer.close()
        await _until_open(served, 0)


async def test_a_body_that_does_not_come() -> None:
    clock = FakeClock()
    begun = asyncio.Event()

    async def read(request: web.Request) -> web.StreamResponse:
        begun.set()
        return await _echo(request)

    route = Route("POST", "/echo", read)
    async with serving([route], clock=clock, limits=Limits(body_seconds=30)) as served:
        reader, writer = await _connect(served)
        writer.write(HEAD + b"abc")
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await clock.advance(29.9)
        assert served.guard.connections == 1
        await clock.advance(0.2)
        assert await _is_closed(reader)
        writer.close()


async def test_what_has_arrived_is_left_alone() -> None:
    clock = FakeClock()
    async with serving(ROUTES, clock=clock) as served:
        reader, writer = await _connect(served)
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"begun\n")
        await clock.advance(3600)
        assert served.guard.connections == 1
        writer.close()
        await _until_open(served, 0)
        reader, writer = await _connect(served)
        writer.write(HEAD + b"abcd")
        assert (await reader.readuntil(b"abcd")).startswith(b"HTTP/1.1 200")
        await clock.advance(3600)
        assert served.guard.connections == 1
        writer.close()


async def test_the_kernel_asks_whether_a_silent_client_is_still_there() -> None:
    async def options(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        sock = request.transport.get_extra_info("socket")
        asked = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        return web.json_response({"asked": asked, "idle": idle})

    async with serving((Route("GET", "/options", options),)) as served:
        reader, writer = await _connect(served)
        writer.write(b"GET /options HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"asked": 1, "idle": 30}


async def test_too_many_connections_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ROUTES, limits=Limits(connections=2)) as served:
        kept = [await _connect(served) for _ in range(2)]
        await _until_open(served, 2)
        for _ in range(2):
            reader, writer = await _connect(served)
            assert await _is_closed(reader)
            writer.close()
        assert caplog.text.count("too many connections") == 1
        kept[0][1].close()
        await _until_open(served, 1)
        async with client(served) as session, session.post("/echo", data=b"hi") as response:
            assert await response.read() == b"hi"
        kept[1][1].close()


async def test_a_body_that_is_too_large() -> None:
    async with (
        serving(ROUTES, limits=Limits(body_bytes=1000)) as served,
        client(served) as session,
        session.post("/echo", data=b"x" * 1001) as response,
    ):
        assert response.status == 413


def test_open_files_bound_the_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        assert open_file_bound(Limits(connections=5000)) == 768
        assert open_file_bound(Limits(connections=500)) == 500
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_CLIENT = """
import socket, ssl, sys
port, count, ca, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl.create_default_context(cafile=ca)
request = f"GET /wait HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n"
request += f"Authorization: Bearer {token}\\r\\n\\r\\n"
open_ones = []
for _ in range(count):
    tcp = socket.create_connection(("127.0.0.1", port))
    tls = context.wrap_socket(tcp, server_hostname="127.0.0.1")
    tls.sendall(request.encode())
    data = b""
    while not data.endswith(b"begun\\n\\r\\n"):
        data += tls.recv(4096)
    open_ones.append(tls)
print("all", flush=True)
sys.stdin.read()
"""


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
async def test_five_hundred_idle_watches(tmp_path: Path) -> None:
    """Over TLS, as kubectl comes: in memory they are cheap, and the server stays quick."""
    async with serving(ROUTES, pki_dir=tmp_path / "pki") as served:
        assert served.pki is not None
        async with client(served) as session, session.post("/echo", data=b"1") as response:
            assert response.status == 200
        before = _resident_bytes()
        async with _watches(served):
            assert served.guard.connections >= WATCHES
            grown = (_resident_bytes() - before) / WATCHES
            assert grown < 100_000, f"{grown:.0f} bytes for each"
            async with client(served) as session, session.post("/echo", data=b"2") as response:
                assert await response.read() == b"2"
        await _until_open(served, 0)


@asynccontextmanager
async def _watches(served: Served) -> AsyncIterator[None]:
    """Held open by a process of their own, so that only the server's memory is measured."""
    assert served.pki is not None
    words = [str(served.port), str(WATCHES), str(served.pki.ca_path), served.pki.token]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CLIENT,
        *words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"all\n"
        yield
    finally:
        await process.communicate(b"")
