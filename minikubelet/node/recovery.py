"""Find the pods of an earlier daemon, and what became of their containers meanwhile.

Role: reads the records under `pods/<uid>/`, adopts every instance that a record names, and sorts
out what belongs to nobody. Decides nothing about the pods: their workers do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from minikubelet.manifest.json_tree import Json
from minikubelet.node.pod_keeper import (
    POD_FILE,
    WORKER_FILE,
    LaterFormatError,
    RecordError,
    read_pod,
    read_worker,
)
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.rebuilt_record import rebuild_record
from minikubelet.pod.observed import RunState
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import Adopted, ProcessRuntime
from minikubelet.runtime.records import format_of, read_launch
from minikubelet.runtime.shim import linux
from minikubelet.runtime.shim.adoption import end_by_force
from minikubelet.runtime.shim.records import EXIT, FORMAT, LAUNCH, START
from minikubelet.runtime.strays import end_strays
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class DamagedRecord:
    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class OrphanInstance:
    """A container that runs and belongs to no pod that is known (L-246)."""

    container_id: str
    instance_dir: Path


@dataclass(frozen=True, slots=True)
class RestoredPod:
    """What a worker needs to go on where an earlier one was interrupted."""

    uid: str
    document: Json | None
    """The Pod as that worker had it; None when its file was damaged: a source may know it."""
    source: str
    """`file` or `api` (PodSourceName)."""
    record: PodRecord
    instances: Mapping[str, Adopted] = field(default_factory=dict)
    """By container id, of all that the record names."""
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    same_boot: bool = True
    """False: the host was started anew since, and nothing of the pod lives (L-94)."""


@dataclass(frozen=True, slots=True)
class Recovered:
    pods: tuple[RestoredPod, ...]
    damaged: tuple[DamagedRecord, ...]
    orphans: tuple[OrphanInstance, ...]


async def recover_pods(layout: Layout, runtime: ProcessRuntime) -> Recovered:
    """Adopt everything, all at once. Events of adopted containers are held back until
    `runtime.release(container_id)`, which their worker calls. Raises OSError when the directory of
    the pods cannot be read; LaterFormatError, with nothing touched, when a later version was here
    before."""
    found = await asyncio.to_thread(_read_all, layout)
    strays = await asyncio.to_thread(end_strays, layout)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_recover(pod, runtime)) for pod in found]
    done = [task.result() for task in tasks]
    return Recovered(
        pods=tuple(pod for pod, _, _ in done if pod is not None),
        damaged=(
            *(_missing(path, killed) for path, killed in strays),
            *(damage for _, damaged, _ in done for damage in damaged),
        ),
        orphans=tuple(orphan for _, _, orphans in done for orphan in orphans),
    )


def _missing(path: Path, killed: tuple[str, ...]) -> DamagedRecord:
    return DamagedRecord(path, f"it was removed; what ran there was killed: {', '.join(killed)}")


@dataclass(slots=True)
class _Found:
    """The files of one pod, as they were read."""

    uid: str
    document: Json | None = None
    source: str = ""
    record: PodRecord | None = None
    directories: dict[str, Path] = field(default_factory=dict)
    """Of the instances that the record names and that may not have ended, by container id."""
    unknown: list[Path] = field(default_factory=list)
    """Directories of instances that it does not name, and that have not ended."""
    damaged: list[DamagedRecord] = field(default_factory=list)


def _read_all(layout: Layout) -> list[_Found]:
    root = layout.state_dir / "pods"
    if not root.is_dir():
        return []
    directories = (path for path in sorted(root.iterdir()) if path.is_dir())
    return [_read_one(layout, directory) for directory in directories]


def _read_one(layout: Layout, pod_dir: Path) -> _Found:
    found = _Found(pod_dir.name)
    try:
        found.document, found.source = read_pod(pod_dir)
    except FileNotFoundError:
        pass
    except RecordError as error:
        found.damaged.append(DamagedRecord(pod_dir / POD_FILE, str(error)))
    instances = list(pod_dir.glob("containers/*/*/"))
    for instance in instances:
        _check_format(instance)
    try:
        found.record = read_worker(pod_dir)
    except FileNotFoundError:
        found.record = rebuild_record(found.uid, instances)
    except RecordError as error:
        found.damaged.append(DamagedRecord(pod_dir / WORKER_FILE, str(error)))
        found.record = rebuild_record(found.uid, instances)
    runs = found.record.runs if found.record else ()
    named = {layout.instance_dir(found.uid, run.name, run.container_id): run for run in runs}
    for path, run in named.items():
        if run.state is not RunState.EXITED:
            found.directories[run.container_id] = path
    found.unknown = [
        path
        for path in instances
        if path not in named and (path / LAUNCH).exists() and not (path / EXIT).exists()
    ]
    return found


def _check_format(instance_dir: Path) -> None:
    """Raises LaterFormatError."""
    for name in (LAUNCH, START, EXIT):
        path = instance_dir / name
        found = format_of(path)
        if found is not None and found > FORMAT:
            raise LaterFormatError(path, found, FORMAT)


async def _recover(
    found: _Found, runtime: ProcessRuntime
) -> tuple[RestoredPod | None, list[DamagedRecord], list[OrphanInstance]]:
    instances: dict[str, Adopted] = {}
    environments: dict[str, Mapping[str, str]] = {}
    orphans: list[OrphanInstance] = []

    async def adopt(container_id: str, path: Path) -> None:
        instances[container_id] = adopted = await _adopt(path, runtime, found.damaged)
        launch = read_launch(path) if adopted.alive else None
        if launch is not None:
            environments[container_id] = launch["env"]

    async def claim(path: Path) -> None:
        adopted = await _adopt(path, runtime, found.damaged)
        if adopted.alive and adopted.start:
            orphans.append(OrphanInstance(adopted.start.container_id, path))

    async with asyncio.TaskGroup() as group:
        for container_id, path in found.directories.items():
            group.create_task(adopt(container_id, path))
        for path in found.unknown:
            group.create_task(claim(path))
    record = found.record
    if record is None:
        return None, found.damaged, orphans
    pod = RestoredPod(
        uid=found.uid,
        document=found.document,
        source=found.source,
        record=record,
        instances=instances,
        environments=environments,
        same_boot=not record.boot_id or record.boot_id == linux.boot_id(),
    )
    return pod, found.damaged, orphans


async def _adopt(path: Path, runtime: ProcessRuntime, damaged: list[DamagedRecord]) -> Adopted:
    """A shim that lives and cannot be talked to is ended with all that it has started: better that
    than a second copy beside it."""
    try:
        return await runtime.adopt(path, hold=True)
    except (OSError, ValueError) as error:
        damaged.append(DamagedRecord(path, str(error)))
    await asyncio.to_thread(end_by_force, str(path))
    try:
        return await runtime.adopt(path, hold=True)
    except (OSError, ValueError) as error:
        damaged.append(DamagedRecord(path, str(error)))
        return Adopted(None)
