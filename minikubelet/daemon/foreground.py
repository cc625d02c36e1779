"""The API of a run in the foreground: the Pods that run, in a store in memory.

Role: puts what was given and what has happened into a store, and serves it while the Pods run. What
kubectl changes reaches the agent, as in the daemon.
Invariants: begins after the first start, so that it delays none; ends with the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from minikubelet.apiserver.metric_series import Series
from minikubelet.apiserver.strategies.kinds import strategy_of
from minikubelet.assembly import Node, NodeOptions, new_identity, node_identity
from minikubelet.clock import Clock, Wakeup
from minikubelet.daemon.api import ApiParts, NodeApi
from minikubelet.daemon.options import Listen
from minikubelet.journal_reading import JournalMemory
from minikubelet.manifest.admit import Admitted
from minikubelet.manifest.json_tree import copy_json
from minikubelet.node.agent import StatusListener
from minikubelet.node.event_writer import EventWriter
from minikubelet.node.host_facts import read_host_facts
from minikubelet.node.node_publisher import NodePublisher
from minikubelet.node.object_lookup import ObjectWatch, StoredObjects
from minikubelet.node.sources.api import ApiSource
from minikubelet.node.status_writer import PODS, StatusWriter, pod_key
from minikubelet.pod.encode_status import encode_status
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.layout import Layout
from minikubelet.store.kinds import resource_of
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from minikubelet.value_class import dataclass

FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreground:
    """A run whose API is wanted."""

    node: Node
    layout: Layout
    given: Admitted
    pod_ip: str
    directory: Path
    """For keys and kubeconfig; it is removed with the run."""
    statuses: Mapping[str, PodStatus]
    """The newest of each Pod, by UID."""
    listen_to_statuses: Callable[[StatusListener], None]


Farewell = Callable[[], Awaitable[None]]
"""To be awaited before a run that is over takes its API away."""


async def serve(run: Foreground, ready: Callable[[Path, Farewell], None]) -> None:
    """Until cancelled; `ready` gets the path of the kubeconfig. Raises OSError."""
    node, clock = run.node, run.node.clock
    identity = node_identity(NodeOptions(pod_ip=run.pod_ip))
    new_uid = new_identity().new_uid
    store = memory_store()
    await store.open()
    _fill(store, run, identity.name)
    journal, series = JournalMemory(), Series()
    events = EventWriter(store, clock=clock, node_name=identity.name, new_uid=new_uid)
    writer = StatusWriter(store)
    publisher = NodePublisher(
        store,
        identity,
        await asyncio.to_thread(read_host_facts, run.directory),
        clock=clock,
        state_dir=run.directory,
        new_uid=new_uid,
        write_event=events.write,
    )
    source = ApiSource(
        store,
        node.agent,
        writer,
        clock=clock,
        node=publisher.facts,
        write_event=events.write,
    )
    api = await NodeApi.prepared(
        ApiParts(
            store=store,
            clock=clock,
            node_name=identity.name,
            identity=new_identity,
            layout=run.layout,
            journal=journal,
            series=series,
            streams=node.runtime,
        ),
        pki_dir=run.directory / "pki",
        listen=Listen("127.0.0.1", 0),
    )
    for subscriber in (journal.on_record, series.record, events.on_record):
        for record in node.journal.records():
            subscriber(record)
        node.journal.subscribe(subscriber)
    run.listen_to_statuses(writer.on_status)
    _write_statuses(store, run)
    node.objects.current = StoredObjects(store)
    node.on_finished.append(source.on_finished)
    publisher.start()
    async with asyncio.TaskGroup() as group:
        for part in (events, source, publisher, ObjectWatch(store, node.agent, clock)):
            group.create_task(part.run(), name=type(part).__name__)
        kubeconfig = run.directory / "kubeconfig"
        await api.start(kubeconfig)
        try:
            ready(kubeconfig, lambda: _farewell(store, api, clock))
            await asyncio.Event().wait()
        finally:
            await api.stop()


async def _farewell(store: ObjectStore, api: NodeApi, clock: Clock) -> None:
    """Who deleted the last Pods has seen that they are gone: kubectl waits for that, and would ask
    a server that has left again and again."""
    until = clock.monotonic() + FAREWELL_SECONDS
    changed = Wakeup(clock)
    unsubscribe = store.subscribe(lambda change: changed.set())
    try:
        while _leaving(store) and clock.monotonic() < until:
            changed.clear()
            await changed.wait(until)
    finally:
        unsubscribe()
    await api.server.guard.removers_left(until)


def _leaving(store: ObjectStore) -> bool:
    return any("deletionTimestamp" in pod.document["metadata"] for pod in store.list(PODS))


def _fill(store: ObjectStore, run: Foreground, node_name: str) -> None:
    """Everything that came with the manifests, and the namespaces that it is in."""
    given = run.given
    documents = [*(manifest.document for manifest in given.pods), *given.data_documents]
    for namespace in sorted({document["metadata"]["namespace"] for document in documents}):
        metadata = {"name": namespace, "uid": new_identity().new_uid()}
        store.create(
            Key("", "namespaces", "", namespace),
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": metadata,
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            },
        )
    for manifest in given.pods:
        meta, document = manifest.pod.metadata, manifest.document
        spec = {**document["spec"], "nodeName": node_name}
        store.create(pod_key(meta.namespace, meta.name), {**document, "spec": spec})
    for document in given.data_documents:
        resource = resource_of("v1", document["kind"])
        assert resource is not None
        meta = document["metadata"]
        key = Key(*resource.storage, meta["namespace"], meta["name"])
        store.create(key, strategy_of(resource).complete(copy_json(document)))


def _write_statuses(store: ObjectStore, run: Foreground) -> None:
    for manifest in run.given.pods:
        meta = manifest.pod.metadata
        key = pod_key(meta.namespace, meta.name)
        status, stored = run.statuses.get(meta.uid), store.get(key)
        if status is not None and stored is not None:
            encoded = encode_status(manifest.pod, status)
            store.replace(key, {**stored.document, "status": encoded})
