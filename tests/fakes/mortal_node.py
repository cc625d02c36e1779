"""A daemon that can be killed at any step, in virtual time.

What it writes (records, journal, statuses) and what runs (scripted processes) stays; the worker is
made anew from that, as a new daemon would. The killed worker goes on as a ghost whose deeds have no
effect, until it is cancelled.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from minikubelet.journal import Journal, Record
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Container, Pod
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.pod_worker import PodWorker, StopRequest
from minikubelet.node.record_json import decode, encode
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.services import NodeServices
from minikubelet.node.told import ToldBefore
from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.pod.node_info import NodeInfo
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.container_link import NOT_RUNNING
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.processes import Adopted, ContainerEvent, ContainerExitedEvent
from minikubelet.runtime.records import ExitRecord, StartRecord
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeFiles, Health, ScriptedProber
from tests.fakes.runtime import App, FakeRuntime


class World:
    """What outlives every daemon."""

    def __init__(
        self,
        apps: Mapping[str, Sequence[App]],
        hooks: Mapping[tuple[str, ...], tuple[float, int]],
    ) -> None:
        self.clock = FakeClock()
        self.runtime = FakeRuntime(self.clock, apps, hooks)
        self.runtime.listener = self._hear
        self.hooks = hooks
        self.disk: str | None = None
        self.journal: list[Record] = []
        self.statuses: list[PodStatus] = []
        self.names: dict[str, str] = {}
        self.restart_counts: dict[str, int] = {}
        self.starts: dict[str, StartRecord] = {}
        self.exits: dict[str, ExitRecord] = {}
        self.commands: dict[tuple[str, str], float] = {}
        """When commands with a key began."""
        self.stop_requests: Counter[str] = Counter()
        self.disk_is_full = False
        self.boot_id = "boot-1"
        self.lost: set[str] = set()
        """Containers that ended with the host, unseen."""
        self.listener: Callable[[ContainerEvent], None] = lambda event: None
        self._ids = iter(range(1, 100_000))

    def new_id(self) -> str:
        return f"process://{next(self._ids):064x}"

    def boot(self) -> None:
        """The host starts anew: nothing runs, and no shim can say how anything ended."""
        self.boot_id += "+"
        self.lost |= self.starts.keys() - self.exits.keys()
        for container_id in self.lost:
            self.runtime.stop(container_id, 0)

    def _lives(self, container_id: str) -> bool:
        known = container_id in self.starts and container_id not in self.exits
        return known and container_id not in self.lost

    def _hear(self, event: ContainerEvent) -> None:
        if event.container_id in self.lost:
            return
        if isinstance(event, ContainerExitedEvent):
            self.exits[event.container_id] = event.record
        self.listener(event)

    def running(self) -> list[str]:
        """The names of the containers that run."""
        return sorted(self.names[i] for i in self.starts if self._lives(i))

    def restored(self, document: Json | None = None) -> RestoredPod | None:
        if self.disk is None:
            return None
        record = decode(PodRecord, json.loads(self.disk))
        instances = {
            run.container_id: Adopted(
                self.starts.get(run.container_id),
                self.exits.get(run.container_id),
                alive=self._lives(run.container_id),
            )
            for run in record.runs
        }
        same_boot = record.boot_id == self.boot_id
        return RestoredPod(record.uid, document, "api", record, instances, same_boot=same_boot)

    def records(self, kind: type[Record]) -> list[Any]:
        return [record for record in self.journal if isinstance(record, kind)]


@dataclass
class Daemon:
    """One generation: its deeds count as long as it lives. After `lifetime` deeds it is dead."""

    world: World
    lifetime: int | None = None
    deeds: list[str] = field(default_factory=list)
    alive: bool = True

    def does(self, what: str) -> bool:
        """Whether a deed takes effect."""
        if self.alive and self.lifetime is not None and len(self.deeds) >= self.lifetime:
            self.die()
        if self.alive:
            self.deeds.append(what)
        return self.alive

    def die(self) -> None:
        self.alive = False
        self.world.listener = lambda event: None

    # --- PodKeeper

    def save_pod(self, uid: str, document: Json, source: str) -> None:
        self.does("keep pod")

    def save(self, record: PodRecord) -> None:
        if self.world.disk_is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.does("keep"):
            self.world.disk = json.dumps(encode(record))

    # --- ContainerRuntime

    async def start(self, spec: LaunchSpec) -> StartRecord:
        if not self.does("ask for a start"):
            await asyncio.Event().wait()
        world = self.world
        assert spec.container_name not in world.running(), "a second copy"
        world.names[spec.container_id] = spec.container_name
        record = await world.runtime.start(spec)
        world.starts[spec.container_id] = record
        world.restart_counts[spec.container_id] = spec.restart_count
        if not self.does("learn of a start"):
            await asyncio.Event().wait()
        return record

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        if self.does("stop"):
            self.world.stop_requests[container_id] += 1
            self.world.runtime.stop(container_id, grace_period_seconds)

    def release(self, container_id: str) -> None:
        pass

    def cancel_exec(self, container_id: str, key: str) -> None:
        self.does("cancel a hook")

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
        key: str = "",
    ) -> ExecResult:
        instance = self.world.runtime.instance(container_id)
        if instance is None:
            raise ExecError(NOT_RUNNING)
        seconds, code = self.world.hooks[tuple(argv)]
        if self.does("run a hook"):
            self.world.commands.setdefault((container_id, key), self.world.clock.monotonic())
        else:
            await asyncio.Event().wait()
        began = self.world.commands[container_id, key]
        if not await instance.outlives(began + seconds - self.world.clock.monotonic()):
            raise ExecError(NOT_RUNNING)
        return ExecResult(code, b"", b"", False, 0.0, seconds)

    def tell(self, record: Record) -> None:
        if self.does(f"tell {type(record).__name__}"):
            self.world.journal.append(record)

    def show(self, pod: Pod, status: PodStatus) -> None:
        if self.does("show"):
            self.world.statuses.append(status)


@dataclass
class MortalFiles(FakeFiles):
    world: World = field(default_factory=lambda: World({}, {}))

    async def build_launch(
        self, pod: Pod, container: Container, container_id: str, restart_count: int
    ) -> Launch:
        await asyncio.sleep(0)  # a thread of its own
        return await super().build_launch(pod, container, container_id, restart_count)

    async def next_restart_count(self, pod: Pod, container: str) -> int:
        counts = [
            count
            for container_id, count in self.world.restart_counts.items()
            if self.world.names[container_id] == container
        ]
        return max(counts, default=-1) + 1


@asynccontextmanager
async def a_life(
    world: World,
    pod: Pod,
    *,
    lifetime: int | None = None,
    health: Mapping[str, Health] | None = None,
    stop: StopRequest | None = None,
    document: Json | None = None,
    in_order: bool = False,
) -> AsyncIterator[tuple[Daemon, PodWorker]]:
    """One daemon with one pod, until it is killed at the end at the latest; `in_order`: it is asked
    to end instead. `stop` is asked for as soon as it runs, as the API would say it again."""
    daemon = Daemon(world, lifetime)
    journal = Journal(world.clock)
    journal.subscribe(daemon.tell)

    def started_at(container_id: str) -> float:
        return world.starts[container_id].started_monotonic

    services = NodeServices(
        clock=world.clock,
        journal=journal,
        runtime=daemon,
        files=MortalFiles(world=world),
        prober=ScriptedProber(world.clock, started_at, health or {}),
        node=NodeInfo("node"),
        rng=random.Random(1),
        new_container_id=world.new_id,
        port_holders=lambda ports: {},
        keeper=daemon,
        boot_id=world.boot_id,
        told=ToldBefore(lambda uid: list(world.journal)),
    )
    worker = PodWorker(
        pod, services, daemon.show, document=document, restored=world.restored(document)
    )
    world.listener = worker.handle
    if stop is not None:
        worker.request_stop(stop)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        await world.clock.settle()
        try:
            yield daemon, worker
        finally:
            if not in_order:
                daemon.die()
            task.cancel()
    daemon.die()
