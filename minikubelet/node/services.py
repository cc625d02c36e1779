"""What the workers of a node need from the rest of the program, as Protocols; built in
`assembly.py`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.journal import Journal, Record
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Container, Pod
from minikubelet.node.hooks import HookCommands, HookRequest, request_over_network
from minikubelet.node.pod_record import PodRecord
from minikubelet.pod.node_info import NodeInfo
from minikubelet.probes.prober import Prober
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.records import StartRecord
from minikubelet.value_class import dataclass


class ContainerRuntime(HookCommands, Protocol):
    """Containers as processes; implemented by `runtime/processes.py`."""

    async def start(self, spec: LaunchSpec) -> StartRecord:
        """May be repeated when it was cut short: that finishes the start, and makes no second one.
        Raises ContainerStartError."""
        ...

    def stop(self, container_id: str, grace_period_seconds: float) -> None: ...

    def release(self, container_id: str) -> None:
        """Let the events of an adopted container through: who is to hear them is there."""
        ...


class PodKeeper(Protocol):
    """Where workers keep what must outlive the daemon; implemented by `node/pod_keeper.py`.

    Written at one stroke, and there for the next process when the call returns. Both raise OSError.
    """

    def save_pod(self, uid: str, document: Json, source: str) -> None: ...

    def save(self, record: PodRecord) -> None: ...


class KeepsNothing:
    """For pods that end with their daemon."""

    def save_pod(self, uid: str, document: Json, source: str) -> None:
        pass

    def save(self, record: PodRecord) -> None:
        pass


KEEPS_NOTHING = KeepsNothing()


def nothing_told(record: Record) -> bool:
    """There was no earlier daemon."""
    return False


class PodFiles(Protocol):
    """A pod's directories, volumes and launch files, off the event loop; implemented by
    `node/pod_files.py`."""

    async def prepare_volumes(self, pod: Pod) -> None:
        """Raises VolumeError."""
        ...

    async def update_volumes(self, pod: Pod) -> None:
        """Bring what comes from other objects and from the pod itself up to date (L-147). Raises
        VolumeError."""
        ...

    async def build_launch(
        self, pod: Pod, container: Container, container_id: str, restart_count: int
    ) -> Launch:
        """Raises ContainerStartError."""
        ...

    async def next_restart_count(self, pod: Pod, container: str) -> int:
        """What the logs of earlier instances tell when no instance is known any more (L-107)."""
        ...

    async def exceeded_empty_dir(self, pod: Pod) -> str | None:
        """The eviction message when an emptyDir outgrew its sizeLimit (L-142)."""
        ...

    async def drop_instance(
        self, pod: Pod, container: str, container_id: str, restart_count: int
    ) -> None:
        """Remove a dead instance's records and log (L-267)."""
        ...

    async def tear_down(self, pod: Pod) -> None:
        """Remove the volumes (L-152)."""
        ...


class PortHolders(Protocol):
    """Who listens on a port; implemented by `runtime/listening.py`."""

    def __call__(self, ports: Sequence[int]) -> dict[int, str]: ...


@dataclass(frozen=True, slots=True)
class NodeServices:
    clock: Clock
    journal: Journal
    runtime: ContainerRuntime
    files: PodFiles
    prober: Prober
    node: NodeInfo
    rng: random.Random
    new_container_id: Callable[[], str]
    port_holders: PortHolders
    hook_request: HookRequest = request_over_network
    keeper: PodKeeper = KEEPS_NOTHING
    boot_id: str = ""
    """Monotonic times are good for this boot only."""
    told: Callable[[Record], bool] = nothing_told
    """Whether the journal of an earlier daemon has such a record of this fact already."""
