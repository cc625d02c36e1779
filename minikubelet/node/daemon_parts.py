"""Build the node of a daemon from what `assembly.py` chose.

Role: which part hears of what: the agent is told by sources and runtime, and tells writers, mirrors
and housekeeping.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from minikubelet.clock import Clock
from minikubelet.events import EventDraft
from minikubelet.journal import Journal, Record
from minikubelet.manifest.pod import Pod
from minikubelet.node.admission import Rejection, check_admission
from minikubelet.node.agent import NodeAgent
from minikubelet.node.daemon_node import DaemonNode, NodeParts
from minikubelet.node.desired import PodSourceName
from minikubelet.node.host_facts import HostFacts, read_host_facts
from minikubelet.node.housekeeping import Housekeeping
from minikubelet.node.lost_objects import restore_lost_pods
from minikubelet.node.mirror_pods import MirrorPods
from minikubelet.node.node_object import NodeIdentity, well_known_labels
from minikubelet.node.node_publisher import NodePublisher
from minikubelet.node.object_lookup import ObjectWatch, StoredObjects
from minikubelet.node.pod_files import LocalPodFiles
from minikubelet.node.pod_keeper import DiskKeeper
from minikubelet.node.service_env import StoredServices
from minikubelet.node.services import NodeServices, PortHolders
from minikubelet.node.sources.api import ApiSource
from minikubelet.node.sources.file_changes import file_changes
from minikubelet.node.sources.files import FileSource
from minikubelet.node.status_writer import StatusWriter
from minikubelet.node.told import ToldBefore
from minikubelet.pod.node_info import NodeInfo
from minikubelet.probes.prober import HandlerProber
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ContainerEvent, ProcessRuntime
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonPlan:
    """What the parts are made of. `records_of`: what the journal has of a pod, by its UID."""

    identity: NodeIdentity
    layout: Layout
    clock: Clock
    store: ObjectStore
    journal: Journal
    catalog: ImageCatalog
    manifests: Path | None
    write_event: Callable[[EventDraft], object]
    records_of: Callable[[str], Iterable[Record]]
    rng: random.Random
    new_uid: Callable[[], str]
    new_container_id: Callable[[], str]
    base_environment: Mapping[str, str]
    port_holders: PortHolders


def build_daemon_node(plan: DaemonPlan) -> DaemonNode:
    agents: list[NodeAgent] = []

    def on_event(event: ContainerEvent) -> None:
        for agent in agents:
            agent.handle(event)

    host = read_host_facts(plan.layout.state_dir)
    told = ToldBefore(plan.records_of)
    runtime = ProcessRuntime(die_with_owner=False, on_event=on_event)
    services = _services(plan, host, runtime, told)
    publisher = NodePublisher(
        plan.store,
        plan.identity,
        host,
        clock=plan.clock,
        state_dir=plan.layout.state_dir,
        new_uid=plan.new_uid,
        write_event=plan.write_event,
    )
    parts = join_parts(plan, services, runtime, publisher, told)
    agents.append(parts.agent)
    return DaemonNode(parts)


def _services(
    plan: DaemonPlan, host: HostFacts, runtime: ProcessRuntime, told: ToldBefore
) -> NodeServices:
    node = NodeInfo(
        name=plan.identity.name,
        ip=plan.identity.ip,
        labels=well_known_labels(plan.identity, host),
        cpu_count=host.cpu_count,
        memory_bytes=host.memory_bytes,
        ephemeral_storage_bytes=host.storage_bytes,
    )
    return NodeServices(
        clock=plan.clock,
        journal=plan.journal,
        runtime=runtime,
        files=LocalPodFiles(
            layout=plan.layout,
            node=node,
            lookup=StoredObjects(plan.store),
            catalog=plan.catalog,
            base_environment=plan.base_environment,
            die_with_owner=False,
            services=StoredServices(plan.store),
        ),
        prober=HandlerProber(plan.clock, runtime),
        node=node,
        rng=plan.rng,
        new_container_id=plan.new_container_id,
        port_holders=plan.port_holders,
        keeper=DiskKeeper(plan.layout),
        boot_id=host.boot_id,
        told=told,
    )


def join_parts(
    plan: DaemonPlan,
    services: NodeServices,
    runtime: ProcessRuntime,
    publisher: NodePublisher,
    told: ToldBefore,
) -> NodeParts:
    """The agent is made first, so it is told whom to tell when those are there."""

    def admit(pod: Pod, active: Sequence[Pod], static: bool) -> Rejection | None:
        return check_admission(pod, active, publisher.facts(), static=static)

    writer = StatusWriter(plan.store, lambda uid, status: mirrors.on_status(uid, status))
    static = (PodSourceName.FILE,) if plan.manifests is not None else ()
    agent = NodeAgent(
        services,
        writer.on_status,
        sources=(PodSourceName.API, *static),
        admit=admit,
        on_finished=lambda desired: api_source.on_finished(desired),
        on_removed=lambda desired: housekeeping.on_removed(desired),
        on_pass=lambda: mirrors.wake(),
    )
    api_source = ApiSource(
        plan.store,
        agent,
        writer,
        clock=plan.clock,
        node=publisher.facts,
        write_event=plan.write_event,
    )
    mirrors = MirrorPods(
        plan.store,
        writer,
        clock=plan.clock,
        node_name=plan.identity.name,
        new_uid=plan.new_uid,
        pods=lambda: agent.pods,
        ready=lambda: agent.ready,
    )
    housekeeping = Housekeeping(agent, plan.layout, runtime, plan.clock, forget=told.forget)
    return NodeParts(
        name=plan.identity.name,
        layout=plan.layout,
        clock=plan.clock,
        journal=plan.journal,
        runtime=runtime,
        agent=agent,
        api_source=api_source,
        file_source=_file_source(plan, agent),
        mirrors=mirrors,
        objects=ObjectWatch(plan.store, agent, plan.clock),
        publisher=publisher,
        housekeeping=housekeeping,
        write_event=plan.write_event,
        restore_lost=lambda pods: restore_lost_pods(plan.store, pods),
    )


def _file_source(plan: DaemonPlan, agent: NodeAgent) -> FileSource | None:
    if plan.manifests is None:
        return None
    return FileSource(
        plan.manifests,
        plan.identity.name,
        clock=plan.clock,
        publish=agent.desired,
        write_event=plan.write_event,
        changes=file_changes,
    )
