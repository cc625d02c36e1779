"""Writes of the object store: status updates, and creations that wait for the disk.

The floors are the encoder alone on the same documents, and a write and fsync of as many bytes on
the same disk. Budget: 100 µs of the event loop per status write, which a Pod costs some times a
second at most; four fsyncs for a durable write, since a thread does it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from minikubelet.clock import SystemClock
from minikubelet.manifest.json_tree import Json
from minikubelet.store.encoding import encode
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row

PODS = 100
ROUNDS = 30
DURABLE = 100


def pod_of_the_api(number: int) -> tuple[Key, Json]:
    """As large as one with a status is: 2.5 KB."""
    name = f"web-{number}"
    containers = [{"name": f"c{i}", "image": "i", "command": ["/bin/x"] * 4} for i in range(3)]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    statuses = [
        {
            "name": container["name"],
            "ready": True,
            "restartCount": 3,
            "containerID": "minikubelet://" + "f" * 64,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "x" * 200}},
        }
        for container in containers
    ]
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": containers, "nodeName": "node", "restartPolicy": "Always"},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": statuses},
    }
    return Key("", "pods", "default", name), document


def run() -> Iterator[Row]:
    pods = [pod_of_the_api(number) for number in range(PODS)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "state.db")
        status, durable, restart = asyncio.run(_measure(path, pods))
        encoding = _seconds_of_encoding(pods)
        synced = _seconds_of_fsync(Path(directory, "floor"), len(encode(pods[0][1])))
    yield Row(
        "one status write, on the event loop",
        status * MICROSECONDS,
        "µs",
        encoding * MICROSECONDS,
        "encoding alone",
        budget=100,
    )
    yield Row(
        "one durable creation, p50",
        durable * MILLISECONDS,
        "ms",
        synced * MILLISECONDS,
        "write, fsync",
        budget=4,
        of_floor=True,
    )
    yield Row("500 durable writes at once", restart[0] * MILLISECONDS, "ms", budget=250)
    yield Row("open 100 Pods, 3,600 changes", restart[1] * MILLISECONDS, "ms", budget=500)


async def _measure(
    path: Path, pods: list[tuple[Key, Json]]
) -> tuple[float, float, tuple[float, float]]:
    store = sqlite_store(path, SystemClock())
    await store.open()
    for key, document in pods:
        store.create(key, document)
    await store.durable(store.resource_version)
    status = await _status_writes(store, pods)
    durable: list[float] = []
    for number in range(DURABLE):
        key, document = pod_of_the_api(1_000 + number)
        began = time.perf_counter()
        await store.durable(store.create(key, document).resource_version)
        durable.append(time.perf_counter() - began)
    began = time.perf_counter()
    for number in range(500):
        store.create(*pod_of_the_api(2_000 + number))
    await store.durable(store.resource_version)
    group = time.perf_counter() - began
    await store.close()
    again = sqlite_store(path, SystemClock())
    began = time.perf_counter()
    await again.open()
    opening = time.perf_counter() - began
    await again.close()
    return status, statistics.median(durable), (group, opening)


async def _status_writes(store: ObjectStore, pods: list[tuple[Key, Json]]) -> float:
    """Seconds per write: the median of rounds over all Pods, with the disk's thread at work."""
    rounds: list[float] = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        for key, document in pods:
            status = {**document["status"], "observedGeneration": number}
            store.replace(key, {**document, "status": status}, lazily=True)
        rounds.append((time.perf_counter() - began) / len(pods))
        await asyncio.sleep(0.01)
    await store.durable(store.resource_version)
    return statistics.median(rounds)


def _seconds_of_encoding(pods: list[tuple[Key, Json]]) -> float:
    rounds: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _, document in pods:
            encode(document)
        rounds.append((time.perf_counter() - began) / len(pods))
    return statistics.median(rounds)


def _seconds_of_fsync(path: Path, size: int) -> float:
    taken: list[float] = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(DURABLE):
            began = time.perf_counter()
            file.write(b"x" * size)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
