"""A node in virtual time: the production worker over scripted processes, probes and files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from minikubelet.events import EventRecorder
from minikubelet.journal import Journal
from minikubelet.manifest.pod import Container, Pod, ProbeKind
from minikubelet.node.pod_worker import PodWorker
from minikubelet.node.services import NodeServices
from minikubelet.node.supervise import supervise
from minikubelet.pod.node_info import NodeInfo
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.printer import pod_columns
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.volumes import VolumeError
from minikubelet.simulate.files import simulated_launch
from tests.fakes.clock import FakeClock
from tests.fakes.runtime import App, FakeRuntime

Health = Callable[[ProbeKind, float], bool]
"""Whether a probe at so many seconds after the container's start succeeds."""


@dataclass
class FakeFiles:
    """Launches without a disk. Errors are raised once each, in order."""

    launch_errors: dict[str, list[Exception]] = field(default_factory=dict)
    volume_errors: list[VolumeError] = field(default_factory=list)
    eviction: str | None = None
    dropped: list[int] = field(default_factory=list)
    tear_down_errors: list[Exception] = field(default_factory=list)
    torn_down: bool = False
    logged: int = 0
    updated: int = 0

    async def prepare_volumes(self, pod: Pod) -> None:
        if self.volume_errors:
            raise self.volume_errors.pop(0)

    async def update_volumes(self, pod: Pod) -> None:
        if self.volume_errors:
            raise self.volume_errors.pop(0)
        self.updated += 1

    async def build_launch(
        self, pod: Pod, container: Container, container_id: str, restart_count: int
    ) -> Launch:
        errors = self.launch_errors.get(container.name, [])
        if errors:
            raise errors.pop(0)
        launch = simulated_launch(pod, container, container_id, restart_count, {})
        limit = 500 if "cpu" in container.resources.limits else None
        return replace(launch, spec=replace(launch.spec, cpu_limit_millis=limit))

    async def next_restart_count(self, pod: Pod, container: str) -> int:
        return self.logged

    async def exceeded_empty_dir(self, pod: Pod) -> str | None:
        return self.eviction

    async def drop_instance(
        self, pod: Pod, container: str, container_id: str, restart_count: int
    ) -> None:
        self.dropped.append(restart_count)

    async def tear_down(self, pod: Pod) -> None:
        if self.tear_down_errors:
            raise self.tear_down_errors.pop(0)
        self.torn_down = True


@dataclass
class ScriptedProber:
    clock: FakeClock
    started_at: Callable[[str], float]
    health: Mapping[str, Health]

    async def probe(self, target: ProbeTarget) -> ProbeResult:
        age = self.clock.monotonic() - self.started_at(target.container_id)
        healthy = self.health[target.container.name](target.probe.kind, age)
        return ProbeResult(Outcome.SUCCESS if healthy else Outcome.FAILURE, "sick")


@dataclass
class Scene:
    """One pod on one node; `statuses` are all that were published."""

    clock: FakeClock
    runtime: FakeRuntime
    files: FakeFiles
    worker: PodWorker
    journal: Journal
    events: EventRecorder
    statuses: list[PodStatus]
    ended: bool = False
    """Whether the worker's supervisor has returned."""

    @property
    def status(self) -> PodStatus:
        return self.statuses[-1]

    def columns(self) -> list[str]:
        """What STATUS of `kubectl get pods` showed, one after the other."""
        shown: list[str] = []
        for status in self.statuses:
            column = pod_columns(self.worker.pod, status, self.clock.now()).status
            if not shown or shown[-1] != column:
                shown.append(column)
        return shown

    def told(self, word: str = "") -> list[tuple[float, str]]:
        return [(at, what) for at, what in self.runtime.told if word in what]

    def event_texts(self) -> list[str]:
        return [f"{e.reason}: {e.message} x{e.count}" for e in self.events.events()]


@asynccontextmanager
async def a_scene(
    pod: Pod,
    *,
    apps: Mapping[str, Sequence[App]] | None = None,
    hooks: Mapping[tuple[str, ...], tuple[float, int]] | None = None,
    health: Mapping[str, Health] | None = None,
    files: FakeFiles | None = None,
    listener_errors: Sequence[Exception] = (),
    start_bugs: Sequence[Exception] = (),
) -> AsyncIterator[Scene]:
    """Run the pod's worker beside the test; at the end it is cancelled wherever it is. Who listens
    to its status fails with `listener_errors` first."""
    clock = FakeClock()
    runtime = FakeRuntime(clock, apps or {}, hooks or {})
    runtime.start_bugs += start_bugs
    files = files or FakeFiles()
    journal = Journal(clock)
    events = EventRecorder()
    journal.subscribe(events.on_record)
    statuses: list[PodStatus] = []
    ids = iter(range(1, 10_000))

    def started_at(container_id: str) -> float:
        run = worker.state.run_of(container_id)
        return run.started_monotonic or 0.0 if run else 0.0

    services = NodeServices(
        clock=clock,
        journal=journal,
        runtime=runtime,
        files=files,
        prober=ScriptedProber(clock, started_at, health or {}),
        node=NodeInfo("node"),
        rng=random.Random(1),
        new_container_id=lambda: f"process://{next(ids):064x}",
        port_holders=lambda ports: {},
    )

    errors = list(listener_errors)

    def on_status(pod: Pod, status: PodStatus) -> None:
        if errors:
            raise errors.pop(0)
        statuses.append(status)

    worker = PodWorker(pod, services, on_status)
    runtime.listener = worker.handle
    scene = Scene(clock, runtime, files, worker, journal, events, statuses)

    async def supervised() -> None:
        await supervise("pod", worker.run, worker.after_crash)
        scene.ended = True

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervised())
        await clock.settle()
        try:
            yield scene
        finally:
            task.cancel()
