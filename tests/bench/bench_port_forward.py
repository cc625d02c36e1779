"""Port-forward over SPDY: 100 MB each way, and 100 connections.

The floor is a plain asyncio relay, which knows nothing of frames, in the same process; the pod and
the client have processes of their own. Budget: 100 MB/s, and 2.5 times the relay's time (a ratio of
0.4 of its throughput). For many connections, none is given.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Iterator

from tests.apiserver.streaming import streaming_api
from tests.bench.harness import MILLISECONDS, Row
from tests.bench.port_forward_peers import MANY

ROUNDS = 5
_PEERS = (sys.executable, "-m", "tests.bench.port_forward_peers")


def run() -> Iterator[Row]:
    ours, floor = asyncio.run(_measure())
    for what, name in (("down", "100 MB from a pod"), ("up", "100 MB to a pod")):
        value, relay = ours[what] * MILLISECONDS, floor[what] * MILLISECONDS
        yield Row(name, value, "ms", relay, "asyncio relay", budget=2.5, of_floor=True)
        yield Row(f"{name}, at 100 MB/s", value, "ms", budget=1000)
    value, relay = ours["many"] * MILLISECONDS, floor["many"] * MILLISECONDS
    yield Row(f"{MANY} connections, one answer each", value, "ms", relay, "asyncio relay")


async def _measure() -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of each transfer: ours, and the relay's."""
    pipe = asyncio.subprocess.PIPE
    pod = await asyncio.create_subprocess_exec(*_PEERS, "pod", stdin=pipe, stdout=pipe)
    assert pod.stdout is not None
    pod_port = int(await pod.stdout.readline())

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", pod_port)
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, inner_writer))
            group.create_task(_copy(inner_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, backlog=MANY)
    async with server, streaming_api() as api:
        ports = (pod_port, server.sockets[0].getsockname()[1], api.port)
        client = await asyncio.create_subprocess_exec(
            *_PEERS, "client", *map(str, ports), stdin=pipe, stdout=pipe
        )
        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for what in ("down", "up", "many"):
                for way in ("relay", "spdy"):
                    seconds = await _order(client, f"{way} {what}")
                    taken.setdefault(f"{way} {what}", []).append(seconds)
        for process in (client, pod):
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
    ours, floor = (
        {what: statistics.median(taken[f"{way} {what}"]) for what in ("down", "up", "many")}
        for way in ("spdy", "relay")
    )
    return ours, floor


async def _order(client: asyncio.subprocess.Process, what: str) -> float:
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(f"{what}\n".encode())
    return float(await client.stdout.readline())


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        writer.close()
    except ConnectionError:
        pass
