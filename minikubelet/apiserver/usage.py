"""How much cpu and memory pods and the node use now.

Role: take samples of the process trees of the running containers when somebody asks, and turn two
of them into a rate. Nobody asks, nothing is done.
Invariants: samples are taken in a thread, one at a time, at most one per MIN_SECONDS; a rate is
over a known window: since the last sample, since the start of a young container, or over
FRESH_SECONDS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from datetime import datetime

from minikubelet.apiserver.pod_instances import container_statuses
from minikubelet.clock import Clock
from minikubelet.manifest.json_tree import object_in
from minikubelet.manifest.static_pods import running_uid
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.records import StartRecord, read_start_record
from minikubelet.runtime.usage import (
    HostUsage,
    TreeUsage,
    all_processes,
    host_usage,
    tree_usages,
)
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass

MIN_SECONDS = 1.0
STALE_SECONDS = 60.0
"""A rate since longer ago tells little about now."""
FRESH_SECONDS = 0.5

_NODE = ""
"""The name of the host among the containers' ids."""


@dataclass(frozen=True, slots=True)
class Measured:
    at: datetime
    window_seconds: float
    cores: float
    """Mean over the window."""
    cpu_seconds: float
    """All of it, since the start."""
    memory_bytes: int
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    at: datetime
    node: Measured
    available_bytes: int
    """Memory of the node."""
    containers: Mapping[str, Measured]
    """By container id; running ones only."""


@dataclass(slots=True)
class UsageReader:
    store: ObjectStore
    layout: Layout | None
    clock: Clock
    _records: Mapping[str, StartRecord] = field(default_factory=dict)
    _bases: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By container id: when (monotonic), and its cpu seconds then."""
    _last: tuple[float, Snapshot] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> Snapshot:
        async with self._lock:
            now = self.clock.monotonic()
            if self._last is not None and now - self._last[0] < MIN_SECONDS:
                known = self._last[1].containers
                if all(cid in known for cid in self._running()):
                    return self._last[1]
            stale = self._last is None or now - self._last[0] > STALE_SECONDS
            snapshot = await self._sample()
            if stale:
                await self.clock.sleep(FRESH_SECONDS)
                snapshot = await self._sample()
            self._last = (self.clock.monotonic(), snapshot)
            return snapshot

    async def _sample(self) -> Snapshot:
        wanted, known = self._running(), self._records
        self._records, trees, host = await asyncio.to_thread(_look, wanted, known, self.layout)
        at, monotonic = self.clock.now(), self.clock.monotonic()
        containers = {
            cid: self._measured(cid, usage.cpu_seconds, usage.rss_bytes, at, monotonic, usage)
            for cid, usage in trees.items()
        }
        used = host.memory_bytes - host.available_bytes
        node = self._measured(_NODE, host.cpu_seconds, used, at, monotonic)
        self._bases = {
            _NODE: (monotonic, host.cpu_seconds),
            **{cid: (monotonic, usage.cpu_seconds) for cid, usage in trees.items()},
        }
        return Snapshot(at, node, host.available_bytes, containers)

    def _measured(
        self,
        cid: str,
        cpu_seconds: float,
        memory_bytes: int,
        at: datetime,
        monotonic: float,
        tree: TreeUsage | None = None,
    ) -> Measured:
        record = self._records.get(cid)
        start = (record.started_monotonic if record else 0.0, 0.0)
        since, before = self._bases.get(cid, start)
        window = max(monotonic - since, 0.001)
        # Processes that nobody waits for take their time with them: never below zero.
        cores = max(0.0, cpu_seconds - before) / window
        processes = tree.processes if tree else 0
        return Measured(at, window, cores, cpu_seconds, memory_bytes, processes)

    def _running(self) -> dict[str, tuple[str, str]]:
        """Container id → (uid, container name)."""
        running = {}
        for stored in self.store.list(("", "pods")):
            uid = running_uid(stored.document)
            for status in container_statuses(stored.document):
                if "running" in (object_in(status, "state") or {}):
                    running[str(status.get("containerID", ""))] = (uid, str(status.get("name")))
        running.pop(_NODE, None)
        return running


def _look(
    wanted: Mapping[str, tuple[str, str]],
    known: Mapping[str, StartRecord],
    layout: Layout | None,
) -> tuple[dict[str, StartRecord], dict[str, TreeUsage], HostUsage]:
    """In a thread. The first of its answers is `known` for the next time."""
    records = {}
    for cid, (uid, container) in wanted.items():
        record = known.get(cid)
        if record is None and layout is not None:
            with suppress(ValueError):  # a status that somebody else has written
                record = read_start_record(layout.instance_dir(uid, container, cid))
        if record is not None:
            records[cid] = record
    trees = tree_usages(records, all_processes()) if records else {}
    return records, trees, host_usage()
