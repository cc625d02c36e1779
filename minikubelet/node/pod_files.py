"""A pod's files: volumes, launch, logs, records, made and removed off the event loop.

Role: the asynchronous face of `runtime/volumes.py` and `runtime/launcher.py`; what may take long
holds up one pod, not the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from minikubelet.manifest.pod import Container, Pod
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.runtime.empty_dir import exceeded_empty_dir
from minikubelet.runtime.errors import ContainerStartError, error_text
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.instance_files import is_soon_made
from minikubelet.runtime.launcher import Launch, build_launch
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.trees import remove_tree
from minikubelet.runtime.volumes import prepare_volumes, remove_volumes, update_volumes
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class LocalPodFiles:
    layout: Layout
    node: NodeInfo
    lookup: ObjectLookup
    catalog: ImageCatalog
    base_environment: Mapping[str, str]
    die_with_owner: bool
    services: Callable[[Pod], Mapping[str, str]] = lambda pod: {}
    """The variables of services that a pod's containers get (L-135)."""

    async def prepare_volumes(self, pod: Pod) -> None:
        await asyncio.to_thread(prepare_volumes, pod, self.layout, self.node, self.lookup)

    async def update_volumes(self, pod: Pod) -> None:
        await asyncio.to_thread(update_volumes, pod, self.layout, self.node, self.lookup)

    async def build_launch(
        self, pod: Pod, container: Container, container_id: str, restart_count: int
    ) -> Launch:
        build = partial(
            build_launch,
            pod,
            container,
            container_id=container_id,
            restart_count=restart_count,
            node=self.node,
            layout=self.layout,
            lookup=self.lookup,
            catalog=self.catalog,
            base_environment=self.base_environment,
            services=self.services(pod),
            die_with_owner=self.die_with_owner,
        )
        try:
            if is_soon_made(pod, container, self.layout):
                return build()  # to tell a thread of it would take as long
            return await asyncio.to_thread(build)
        except OSError as error:
            text = f"cannot make what the container needs: {error_text(error)}"
            raise ContainerStartError("CreateContainerError", text) from error

    async def next_restart_count(self, pod: Pod, container: str) -> int:
        return _next_restart_count(self._log_dir(pod, container))

    async def exceeded_empty_dir(self, pod: Pod) -> str | None:
        return await asyncio.to_thread(exceeded_empty_dir, pod, self.layout)

    async def drop_instance(
        self, pod: Pod, container: str, container_id: str, restart_count: int
    ) -> None:
        instance = self.layout.instance_dir(pod.metadata.uid, container, container_id)
        log_dir = self._log_dir(pod, container)
        await asyncio.to_thread(_drop_instance, instance, log_dir, restart_count)

    async def tear_down(self, pod: Pod) -> None:
        await asyncio.to_thread(remove_volumes, pod, self.layout)

    def _log_dir(self, pod: Pod, container: str) -> Path:
        meta = pod.metadata
        return self.layout.pod_log_dir(meta.namespace, meta.name, meta.uid) / container


def _next_restart_count(log_dir: Path) -> int:
    """One more than the highest N of the logs `N.log*`, else 0 (L-107)."""
    try:
        names = os.listdir(log_dir)
    except FileNotFoundError:
        return 0
    parts = (name.partition(".") for name in names)
    numbers = (int(n) for n, _, rest in parts if n.isdigit() and rest.startswith("log"))
    return max(numbers, default=-1) + 1


def _drop_instance(instance: Path, log_dir: Path, restart_count: int) -> None:
    with contextlib.suppress(OSError):
        remove_tree(instance)
    for path in log_dir.glob(f"{restart_count}.log*"):
        with contextlib.suppress(OSError):
            path.unlink()
