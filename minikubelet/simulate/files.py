"""A pod's files in a simulation: only what can be told without a disk.

Role: `PodFiles` whose launches carry the environment that the manifest gives, so that a missing
ConfigMap is missing here too. Directories, mounts and images are taken as they should be.
"""

from __future__ import annotations

from dataclasses import field

from minikubelet.manifest.pod import Container, Pod
from minikubelet.pod.environment import ContainerConfigError, compute_environment
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.pod.volume_payload import PayloadError, compute_payload, has_payload
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.images import ResolvedCommand
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.volumes import VolumeError
from minikubelet.value_class import dataclass

_SOURCE = "manifest"
"""Where commands come from; nothing is told about those of the manifest."""


@dataclass(frozen=True, slots=True)
class SimulatedFiles:
    node: NodeInfo
    lookup: ObjectLookup
    _logged: dict[tuple[str, str], int] = field(default_factory=dict)
    """The highest restart count of a container that has ever been launched."""

    async def prepare_volumes(self, pod: Pod) -> None:
        """Raises VolumeError."""
        for volume in filter(has_payload, pod.spec.volumes):
            try:
                compute_payload(pod, volume, self.node, self.lookup)
            except PayloadError as error:
                raise VolumeError(volume.name, str(error)) from error

    async def update_volumes(self, pod: Pod) -> None:
        """Objects do not change here."""

    async def build_launch(
        self, pod: Pod, container: Container, container_id: str, restart_count: int
    ) -> Launch:
        """Raises ContainerStartError."""
        try:
            environment = compute_environment(
                pod, container, self.node, self.lookup, _no_env_files, {}
            )
        except ContainerConfigError as error:
            raise ContainerStartError("CreateContainerConfigError", str(error)) from error
        self._logged[pod.metadata.uid, container.name] = restart_count
        return simulated_launch(pod, container, container_id, restart_count, environment)

    async def next_restart_count(self, pod: Pod, container: str) -> int:
        return self._logged.get((pod.metadata.uid, container), -1) + 1

    async def exceeded_empty_dir(self, pod: Pod) -> str | None:
        return None

    async def drop_instance(
        self, pod: Pod, container: str, container_id: str, restart_count: int
    ) -> None:
        pass

    async def tear_down(self, pod: Pod) -> None:
        pass


def simulated_launch(
    pod: Pod,
    container: Container,
    container_id: str,
    restart_count: int,
    environment: dict[str, str],
) -> Launch:
    """A launch of which nothing is ever started."""
    meta = pod.metadata
    argv = (*container.command, *container.args) or (container.image,)
    spec = LaunchSpec(
        container_id=container_id,
        instance_dir="",
        socket_path="",
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        pod_uid=meta.uid,
        container_name=container.name,
        restart_count=restart_count,
        argv=argv,
        env=environment,
        cwd="/",
    )
    return Launch(spec, ResolvedCommand(argv, {}, "", _SOURCE), environment)


def _no_env_files(volume: str, path: str) -> str:
    raise FileNotFoundError(f"{path} in volume {volume}: a simulation has no files")
