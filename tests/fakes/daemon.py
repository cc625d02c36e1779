"""A daemon's node in virtual time: the production agent, sources and writers over scripted
processes and a store in memory. Users are played by the methods of `FakeDaemon`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from minikubelet.events import EventDraft, events_of
from minikubelet.journal import Journal, Record
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.manifest.static_pods import as_static_pod, seen_at
from minikubelet.node.daemon_node import NodeParts
from minikubelet.node.daemon_parts import DaemonPlan, join_parts
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.host_facts import HostFacts
from minikubelet.node.node_object import NodeIdentity
from minikubelet.node.node_publisher import NodePublisher
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.services import NodeServices, PortHolders
from minikubelet.node.told import ToldBefore
from minikubelet.pod.node_info import NodeInfo
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeFiles, ScriptedProber
from tests.fakes.runtime import App, FakeRuntime

NODE = "node"
_NOWHERE = Layout(Path("/none"), Path("/none"), Path("/none"))
HOST = HostFacts(
    hostname="host",
    operating_system="linux",
    architecture="amd64",
    kernel_version="6.1",
    os_image="Debian",
    machine_id="m",
    system_uuid="s",
    boot_id="boot-1",
    cpu_count=4,
    memory_bytes=8 * 1024**3,
    storage_bytes=100 * 1024**3,
)


def a_document(name: str = "web", container: str = "app", **spec: Any) -> Json:
    """A Pod as the API server creates it."""
    written = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "containers": [{"name": container, "image": "busybox", "command": ["run"]}],
            **spec,
        },
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }
    return apply_pod_defaults(written)


def a_static_pod(name: str = "web", container: str = "app", **spec: Any) -> DesiredPod:
    document = a_document(name, container, **spec)
    del document["metadata"]["uid"], document["metadata"]["creationTimestamp"]
    static = as_static_pod(document, NODE, f"/manifests/{name}.yaml")
    static = seen_at(static, FakeClock().now())
    return DesiredPod(decode_pod(static), static, PodSourceName.FILE)


@dataclass
class FakeDaemon:
    clock: FakeClock
    store: ObjectStore
    runtime: FakeRuntime
    parts: NodeParts
    drafts: list[EventDraft] = field(default_factory=list)
    """All Events, those of the journal's records too."""

    def key(self, name: str) -> Key:
        return Key("", "pods", "default", name)

    def pod(self, name: str = "web") -> Json:
        stored = self.store.get(self.key(name))
        assert stored is not None, f"there is no pod {name}"
        return stored.document

    def has(self, name: str) -> bool:
        return self.store.get(self.key(name)) is not None

    def phase(self, name: str = "web") -> str:
        return str(self.pod(name)["status"].get("phase"))

    def condition(self, type_: str, name: str = "web") -> Json:
        conditions = self.pod(name)["status"].get("conditions") or []
        return next((c for c in conditions if c["type"] == type_), {})

    async def create(self, document: Json) -> None:
        self.store.create(self.key(document["metadata"]["name"]), document)
        await self.clock.settle()

    async def change(self, change: Callable[[Json], object], name: str = "web") -> None:
        """Edit the object, as a client does."""
        document = copy_json(self.pod(name))
        change(document)
        self.store.replace(self.key(name), document)
        await self.clock.settle()

    async def delete(self, name: str = "web", grace: int = 30) -> None:
        """Graceful deletion, as the API server marks it (K-43)."""

        def mark(document: Json) -> None:
            document["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z"
            document["metadata"]["deletionGracePeriodSeconds"] = grace

        await self.change(mark, name)

    async def remove(self, name: str = "web") -> None:
        """Force deletion."""
        self.store.remove(self.key(name))
        await self.clock.settle()

    async def change_node(self, change: Callable[[Json], object]) -> None:
        key = Key("", "nodes", "", NODE)
        stored = self.store.get(key)
        assert stored is not None
        document = copy_json(stored.document)
        change(document)
        self.store.replace(key, document)
        await self.clock.settle()

    async def set_static(self, *pods: DesiredPod) -> None:
        self.parts.agent.desired(PodSourceName.FILE, pods)
        await self.clock.settle()

    def told(self, word: str = "") -> list[str]:
        return [what for _, what in self.runtime.told if word in what]

    def events(self, name: str) -> list[str]:
        return [f"{d.type} {d.reason}: {d.message}" for d in self.drafts if d.pod.name == name]


@asynccontextmanager
async def a_daemon(
    *,
    apps: Mapping[str, Sequence[App]] | None = None,
    static: bool = False,
    namespaces: Sequence[str] = ("default",),
    restored: Sequence[RestoredPod] = (),
    documents: Sequence[Json] = (),
    max_pods: int = 110,
    running: bool = True,
    port_holders: PortHolders = lambda ports: {},
    layout: Layout = _NOWHERE,
) -> AsyncIterator[FakeDaemon]:
    """Run it beside the test; with `static` it waits for `set_static`. `documents` are pods that
    are in the store when it starts. With `running` false the test starts its parts."""
    clock = FakeClock()
    store = memory_store()
    for name in namespaces:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        store.create(Key("", "namespaces", "", name), namespace)
    for document in documents:
        store.create(Key("", "pods", "default", document["metadata"]["name"]), document)
    runtime = FakeRuntime(clock, apps or {}, {})
    drafts: list[EventDraft] = []
    numbers = iter(range(1, 10_000))
    identity = NodeIdentity(NODE, max_pods=max_pods, kubelet_version="v1.33.0")
    plan = DaemonPlan(
        identity=identity,
        layout=layout,
        clock=clock,
        store=store,
        journal=Journal(clock),
        catalog=ImageCatalog((), ()),
        manifests=None,
        write_event=drafts.append,
        records_of=lambda uid: (),
        rng=random.Random(1),
        new_uid=lambda: f"new-{next(numbers)}",
        new_container_id=lambda: f"process://{next(numbers):064x}",
        base_environment={},
        port_holders=port_holders,
    )
    parts = _parts(plan, runtime, static=static)

    def on_record(record: Record) -> None:
        drafts.extend(events_of(record))

    plan.journal.subscribe(on_record)
    runtime.listener = parts.agent.handle
    parts.publisher.start()
    work: list[Coroutine[Any, Any, None]] = [
        parts.agent.run(restored),
        parts.api_source.run(),
        parts.mirrors.run(),
        parts.objects.run(),
    ]
    async with asyncio.TaskGroup() as group:
        tasks = []
        for coroutine in work:
            if running:
                tasks.append(group.create_task(coroutine))
            else:
                coroutine.close()
        await clock.settle()
        try:
            yield FakeDaemon(clock, store, runtime, parts, drafts)
        finally:
            for task in tasks:
                task.cancel()


def _parts(plan: DaemonPlan, runtime: FakeRuntime, *, static: bool) -> NodeParts:
    services = NodeServices(
        clock=plan.clock,
        journal=plan.journal,
        runtime=runtime,
        files=FakeFiles(),
        prober=ScriptedProber(cast(FakeClock, plan.clock), lambda container_id: 0.0, {}),
        node=NodeInfo(NODE),
        rng=plan.rng,
        new_container_id=plan.new_container_id,
        port_holders=plan.port_holders,
        boot_id=HOST.boot_id,
    )
    publisher = NodePublisher(
        plan.store,
        plan.identity,
        HOST,
        clock=plan.clock,
        state_dir=Path("/"),
        new_uid=plan.new_uid,
        write_event=plan.write_event,
    )
    told = ToldBefore(lambda uid: ())
    with_files = replace(plan, manifests=Path("/manifests") if static else None)
    return join_parts(with_files, services, cast(ProcessRuntime, runtime), publisher, told)
