"""The API over HTTP: a list of 100 Pods as kubectl asks for it, and watches of 100 clients.

Server and clients share one process; the clients read raw sockets. Beside a list stands `/healthz`
over the same connection, beside a change to all watchers the same bytes sent by a bare server.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

from minikubelet.clock import SystemClock
from minikubelet.manifest.json_tree import Json
from minikubelet.store.objects import Key
from tests.apiserver.api import TABLE, TOKEN, Api, serving_api
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row, percentile
from tests.cli.api_objects import rich_pod

_PODS = 100
_REQUESTS = 200
_LIST_BUDGET = 5.0
"""Milliseconds."""
_WATCHERS = 100
_CHANGES = 100
_MANY_CHANGES = 5_000
_PATH = "/api/v1/namespaces/default/pods"


def run() -> Iterator[Row]:
    listed, floor = asyncio.run(_lists())
    for percent, budget in ((50, None), (95, _LIST_BUDGET)):
        yield Row(
            f"list of {_PODS} Pods as a Table, p{percent}",
            percentile(listed, percent) * MILLISECONDS,
            "ms",
            percentile(floor, percent) * MILLISECONDS,
            "/healthz",
            budget=budget,
        )
    bare = asyncio.run(_bare_fan_out())
    for form, accept in (("plain", "application/json"), ("Tables", TABLE)):
        taken = asyncio.run(_fan_out(accept))
        yield Row(
            f"a change to one of {_WATCHERS} watches over HTTP, {form}",
            taken / (_WATCHERS * _CHANGES) * MICROSECONDS,
            "µs",
            bare / (_WATCHERS * _CHANGES) * MICROSECONDS,
            "bare sockets",
        )
    seconds, lost = asyncio.run(_many())
    yield Row(f"{_MANY_CHANGES:,} changes over an HTTP watch", seconds, "s")
    yield Row("changes of these that were lost", lost, "", budget=0)


async def _lists() -> tuple[list[float], list[float]]:
    async with _api() as api:
        for number in range(_PODS):
            api.store.create(*_pod(f"web-{number}"))
        reader, writer = await _connected(api.port)
        lists, floors = [], []
        for _ in range(_REQUESTS):
            began = time.perf_counter()
            body = await _get(reader, writer, f"{_PATH}?limit=500", TABLE)
            lists.append(time.perf_counter() - began)
            assert body.count(b'"cells"') == _PODS
            began = time.perf_counter()
            await _get(reader, writer, "/healthz", "*/*")
            floors.append(time.perf_counter() - began)
        writer.close()
    return lists, floors


async def _fan_out(accept: str) -> float:
    async with _api() as api, asyncio.TaskGroup() as group, AsyncExitStack() as streams:
        key, pod = _pod("web")
        api.store.create(key, pod)
        query = f"{_PATH}?watch=true&resourceVersion={api.store.resource_version}"
        readers = [
            await streams.enter_async_context(_stream(api.port, query, accept))
            for _ in range(_WATCHERS)
        ]
        tasks = [group.create_task(_lines(reader, _CHANGES)) for reader in readers]
        began = time.perf_counter()
        for number in range(_CHANGES):
            pod["metadata"]["labels"] = {"number": str(number)}
            api.store.replace(key, pod)
            await asyncio.sleep(0)
        await asyncio.wait(tasks)
        return time.perf_counter() - began


async def _bare_fan_out() -> float:
    """The bytes of a change to as many connections, for as many changes."""
    line = json.dumps({"type": "MODIFIED", "object": _pod("web")[1]}).encode() + b"\n"
    writers: list[asyncio.StreamWriter] = []
    connected = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if len(writers) == _WATCHERS:
            connected.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_WATCHERS)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_lines(reader, _CHANGES)) for reader, _ in clients]
        await connected.wait()
        began = time.perf_counter()
        for _ in range(_CHANGES):
            for writer in writers:
                writer.write(line)
            await asyncio.sleep(0)
        await asyncio.wait(tasks)
        taken = time.perf_counter() - began
    for writer in (*writers, *(writer for _, writer in clients)):
        writer.close()
    server.close()
    return taken


async def _many() -> tuple[float, int]:
    """Seconds, and how many changes did not come."""
    async with _api() as api:
        key, pod = _pod("web")
        api.store.create(key, pod)
        query = f"{_PATH}?watch=true&resourceVersion={api.store.resource_version}"
        async with _stream(api.port, query, "application/json") as reader:
            began = time.perf_counter()
            for number in range(_MANY_CHANGES):
                pod["metadata"]["labels"] = {"number": str(number)}
                api.store.replace(key, pod)
                if number % 100 == 0:
                    await asyncio.sleep(0)
            seen: set[int] = set()
            async with asyncio.timeout(60):
                while _MANY_CHANGES - 1 not in seen:
                    line = await reader.readline()
                    if line.startswith(b"{"):
                        labels = json.loads(line)["object"]["metadata"]["labels"]
                        seen.add(int(labels["number"]))
            return time.perf_counter() - began, _MANY_CHANGES - len(seen)


async def _lines(reader: asyncio.StreamReader, count: int) -> None:
    """Wait for so many lines of JSON; the sizes of chunks are in between."""
    while count:
        count -= (await reader.readline()).startswith(b"{")


@asynccontextmanager
async def _api() -> AsyncIterator[Api]:
    async with serving_api(clock=SystemClock()) as api:
        yield api


def _pod(name: str) -> tuple[Key, Json]:
    pod = rich_pod()
    pod["metadata"] |= {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    return Key("", "pods", "default", name), pod


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, limit=2**24)


@asynccontextmanager
async def _stream(port: int, path: str, accept: str) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await _connected(port)
    _ask(writer, path, accept)
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader
    finally:
        writer.close()


async def _get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, accept: str
) -> bytes:
    _ask(writer, path, accept)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


def _ask(writer: asyncio.StreamWriter, path: str, accept: str) -> None:
    port = writer.get_extra_info("peername")[1]
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\n"
    writer.write(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
