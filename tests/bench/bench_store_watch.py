"""Watches of the object store: fan-out to 100 watchers, and 5,000 changes of which none is lost.

What a watcher does here is what the API server does for a plain JSON watch, without the socket:
take the changes that are there and join their lines. The floor is an asyncio event per change that
wakes as many tasks. Budget: four times that per delivery.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

from minikubelet.store.store import ObjectStore, memory_store
from minikubelet.store.watch import Watch
from tests.bench.bench_store_writes import pod_of_the_api
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row, medians

WATCHERS = 100
CHANGES = 300
MANY_CHANGES = 5_000


def run() -> Iterator[Row]:
    fan_out, floor = medians(
        3, lambda: asyncio.run(_fan_out(WATCHERS)), lambda: asyncio.run(_events())
    )
    deliveries = WATCHERS * CHANGES
    yield Row(
        f"one change to one of {WATCHERS} watchers",
        fan_out / deliveries * MICROSECONDS,
        "µs",
        floor / deliveries * MICROSECONDS,
        "asyncio.Event",
        budget=4,
        of_floor=True,
    )
    quiet = asyncio.run(_beside_others())
    yield Row(
        f"a write that {WATCHERS} watchers do not watch", quiet * MICROSECONDS, "µs", budget=100
    )
    seconds, lost = asyncio.run(_many())
    yield Row(f"{MANY_CHANGES:,} changes over a watch", seconds * MILLISECONDS, "ms", budget=1000)
    yield Row("changes of these that were lost", lost, "", budget=0)


async def _fan_out(watchers: int) -> float:
    store = memory_store()
    key, document = pod_of_the_api(0)
    store.create(key, document)
    async with asyncio.TaskGroup() as group:
        for _ in range(watchers):
            group.create_task(_read(store.watch(("", "pods")), CHANGES))
        await asyncio.sleep(0)
        began = time.perf_counter()
        for number in range(CHANGES):
            store.replace(key, {**document, "number": number})
            await asyncio.sleep(0)
    return time.perf_counter() - began


async def _read(watch: Watch, changes: int) -> list[bytes]:
    """The last lines, as they would be sent."""
    while changes > 0:
        batch = await watch.batch()
        lines = [change.encoded_line for change in batch]
        b"".join(lines)
        changes -= len(lines)
    return lines


async def _events() -> float:
    events = [asyncio.Event() for _ in range(CHANGES)]

    async def wait() -> None:
        for event in events:
            await event.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(WATCHERS):
            group.create_task(wait())
        await asyncio.sleep(0)
        began = time.perf_counter()
        for event in events:
            event.set()
            await asyncio.sleep(0)
    return time.perf_counter() - began


async def _beside_others() -> float:
    """Seconds per write of a storage that nobody watches."""
    store = memory_store()
    key, document = pod_of_the_api(0)
    store.create(key, document)
    async with asyncio.TaskGroup() as group:
        for _ in range(WATCHERS):
            group.create_task(_read(store.watch(("", "events")), 1))
        await asyncio.sleep(0)
        began = time.perf_counter()
        for number in range(1_000):
            store.replace(key, {**document, "number": number})
            await asyncio.sleep(0)
        taken = (time.perf_counter() - began) / 1_000
        store.create(type(key)("", "events", "default", "last"), document)
    return taken


async def _many() -> tuple[float, int]:
    """All changes are made before the watcher reads the first."""
    store = memory_store()
    with store.watch(("", "pods")) as watch:
        began = time.perf_counter()
        _change_many(store)
        seen: list[int] = []
        while len(seen) < MANY_CHANGES:
            for change in await watch.batch():
                seen.append(json.loads(change.encoded_line)["object"]["number"])
        taken = time.perf_counter() - began
    return taken, len(set(range(MANY_CHANGES)) - set(seen))


def _change_many(store: ObjectStore) -> None:
    key, document = pod_of_the_api(0)
    store.create(key, {**document, "number": 0})
    for number in range(1, MANY_CHANGES):
        store.replace(key, {**document, "number": number})
