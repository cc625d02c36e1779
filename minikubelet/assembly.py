"""Build the parts of a node and join them.

Role: the one place that knows which implementation stands behind each Protocol, and that takes real
time, real randomness and the real network.
"""

from __future__ import annotations

import os
import platform
import random
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from minikubelet.clock import SystemClock
from minikubelet.journal import Journal, Record
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.meta import ConfigMap, Secret
from minikubelet.node.agent import NodeAgent, StatusListener
from minikubelet.node.desired import DesiredPod
from minikubelet.node.pod_files import LocalPodFiles
from minikubelet.node.services import NodeServices
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.probes.prober import HandlerProber
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.listening import port_holders
from minikubelet.runtime.processes import ContainerEvent, ProcessRuntime
from minikubelet.value_class import dataclass

if TYPE_CHECKING:  # `run` has no use for these before its first container
    from minikubelet.events import EventDraft
    from minikubelet.node.daemon_node import DaemonNode
    from minikubelet.node.node_object import NodeIdentity
    from minikubelet.store.store import ObjectStore

_KEPT_VARIABLES = ("PATH", "HOME", "USER", "LANG", "TMPDIR")
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names (L-34)."""
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class GivenObjects:
    """The ConfigMaps and Secrets that came with the manifests."""

    config_maps: Mapping[tuple[str, str], ConfigMap]
    secrets: Mapping[tuple[str, str], Secret]

    @classmethod
    def of(cls, config_maps: Sequence[ConfigMap], secrets: Sequence[Secret]) -> GivenObjects:
        return cls(
            {(o.metadata.namespace, o.metadata.name): o for o in config_maps},
            {(o.metadata.namespace, o.metadata.name): o for o in secrets},
        )

    def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return self.config_maps.get((namespace, name))

    def secret(self, namespace: str, name: str) -> Secret | None:
        return self.secrets.get((namespace, name))


@dataclass(slots=True)
class ReplaceableObjects:
    """What was given, until a store has it."""

    current: ObjectLookup

    def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return self.current.config_map(namespace, name)

    def secret(self, namespace: str, name: str) -> Secret | None:
        return self.current.secret(namespace, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What the configuration says of a daemon's node."""

    name: str = ""
    """Empty: the host's."""
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_ip: str = "127.0.0.1"
    max_pods: int = 110
    inherit_environment: bool = False
    manifests: Path | None = None
    """A directory of static manifests, or a single one."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node in the foreground: open the runtime, run pods, close."""

    agent: NodeAgent
    runtime: ProcessRuntime
    journal: Journal
    clock: SystemClock
    objects: ReplaceableObjects
    on_finished: list[Callable[[DesiredPod], None]]
    """Told of each pod of which nothing runs any more."""


def foreground_node(
    layout: Layout,
    *,
    objects: GivenObjects,
    catalog: ImageCatalog,
    pod_ip: str,
    inherit_environment: bool,
    on_status: StatusListener,
    cleanup: Sequence[Path],
) -> Node:
    """A node whose containers end with it; `cleanup` is removed when it is killed."""
    clock = SystemClock()
    journal = Journal(clock)
    agents: list[NodeAgent] = []
    replaceable = ReplaceableObjects(objects)
    listeners: list[Callable[[DesiredPod], None]] = []

    def on_finished(desired: DesiredPod) -> None:
        for listener in listeners:
            listener(desired)

    def on_event(event: ContainerEvent) -> None:
        for agent in agents:
            agent.handle(event)

    runtime = ProcessRuntime(cleanup=cleanup, die_with_owner=True, on_event=on_event)
    node = local_node(pod_ip)
    files = LocalPodFiles(
        layout=layout,
        node=node,
        lookup=replaceable,
        catalog=catalog,
        base_environment=base_environment(os.environ, inherit=inherit_environment),
        die_with_owner=True,
    )
    services = NodeServices(
        clock=clock,
        journal=journal,
        runtime=runtime,
        files=files,
        prober=HandlerProber(clock, runtime),
        node=node,
        rng=random.Random(),
        new_container_id=new_container_id,
        port_holders=port_holders,
    )
    agent = NodeAgent(services, on_status, on_finished=on_finished)
    agents.append(agent)
    return Node(agent, runtime, journal, clock, replaceable, listeners)


def daemon_node(
    options: NodeOptions,
    layout: Layout,
    *,
    store: ObjectStore,
    journal: Journal,
    catalog: ImageCatalog,
    write_event: Callable[[EventDraft], object],
    records_of: Callable[[str], Iterable[Record]] = lambda uid: (),
    clock: SystemClock | None = None,
) -> DaemonNode:
    """A node whose containers outlive it, with the pods of `store` and of the static directory.

    `records_of` are those that the journal of an earlier daemon has of a pod, by its UID.
    """
    from minikubelet.node.daemon_parts import DaemonPlan, build_daemon_node  # as late as its use

    return build_daemon_node(
        DaemonPlan(
            identity=node_identity(options),
            layout=layout,
            clock=clock or SystemClock(),
            store=store,
            journal=journal,
            catalog=catalog,
            manifests=options.manifests,
            write_event=write_event,
            records_of=records_of,
            rng=random.Random(),
            new_uid=lambda: str(uuid.uuid4()),
            new_container_id=new_container_id,
            base_environment=base_environment(os.environ, inherit=options.inherit_environment),
            port_holders=port_holders,
        )
    )


def node_identity(options: NodeOptions) -> NodeIdentity:
    """What a Node object says of this host."""
    from minikubelet import __version__
    from minikubelet.apiserver.discovery import KUBERNETES_VERSION
    from minikubelet.node.node_object import NodeIdentity

    return NodeIdentity(
        name=options.name.lower() or local_node(options.pod_ip).name,
        ip=options.pod_ip,
        labels=options.labels,
        max_pods=options.max_pods,
        kubelet_version=f"v{KUBERNETES_VERSION}-minikubelet.{__version__}",
        runtime_version=f"process://{__version__}",
    )


def local_node(pod_ip: str) -> NodeInfo:
    """This host as a node."""
    name = platform.node().lower() or "localhost"
    return NodeInfo(
        name=name,
        ip=pod_ip,
        labels={"kubernetes.io/hostname": name, "kubernetes.io/os": platform.system().lower()},
        cpu_count=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def base_environment(environ: Mapping[str, str], *, inherit: bool) -> dict[str, str]:
    """What every container gets below its own variables (design 3.5)."""
    kept = dict(environ) if inherit else {k: environ[k] for k in _KEPT_VARIABLES if k in environ}
    kept.setdefault("PATH", _DEFAULT_PATH)
    return kept


def new_identity() -> Identity:
    """What objects get when they are created now."""
    return Identity(
        new_uid=lambda: str(uuid.uuid4()),
        name_suffix=lambda: "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(5)),
        created_at=SystemClock().now(),
    )


def new_container_id() -> str:
    return f"process://{secrets.token_hex(32)}"
