"""What the workers of a node need from the rest of the program, as Protocols; built in
`assembly.py`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.journal import Journal
from minikubelet.manifest.pod import Container, Pod
from minikubelet.node.hooks import HookRequest, request_over_network
from minikubelet.pod.commands import CommandRunner
from minikubelet.pod.node_info import NodeInfo
from minikubelet.probes.prober import Prober
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.records import StartRecord


class ContainerRuntime(CommandRunner, Protocol):
    """Containers as processes; implemented by `runtime/processes.py`."""

    async def start(self, spec: LaunchSpec) -> StartRecord:
        """Raises ContainerStartError."""
        ...

    def stop(self, container_id: str, grace_period_seconds: float) -> None: ...


class PodFiles(Protocol):
    """A pod's directories, volumes and launch files, off the event loop; implemented by
    `node/pod_files.py`."""

    async def prepare_volumes(self, pod: Pod) -> None:
        """Raises VolumeError."""
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
