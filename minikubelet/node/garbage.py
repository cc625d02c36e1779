"""What is left on disk of containers and pods that are over.

Role: remove dead instances that nobody keeps (L-267, L-268), the directories and logs of pods that
are gone (L-265, L-269), and kill what runs and belongs to no known pod (L-246).
Invariants: nothing that a living shim uses is removed; what has just been made is left alone, since
its worker may be about to name it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from minikubelet.clock import Clock
from minikubelet.log import get_logger
from minikubelet.node.recovery import OrphanInstance
from minikubelet.pod.termination import MINIMUM_KILL_SECONDS
from minikubelet.runtime.layout import Layout, short_id
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.records import read_launch
from minikubelet.runtime.shim.adoption import has_shim
from minikubelet.runtime.trees import remove_tree
from minikubelet.value_class import dataclass

MINIMUM_AGE_SECONDS = 60.0
_POD_LOGS = re.compile(r"[a-z0-9-]+_[a-z0-9.-]+_(?P<uid>[A-Za-z0-9][-A-Za-z0-9_.]*)")

log = get_logger(__name__)


def kill_orphans(runtime: ProcessRuntime, orphans: Iterable[OrphanInstance]) -> None:
    """Stop what belongs to no pod: no hook, no order, two seconds (L-246)."""
    for orphan in orphans:
        log.warning("stopping a container that belongs to no pod", container=orphan.container_id)
        runtime.release(orphan.container_id)
        runtime.stop(orphan.container_id, MINIMUM_KILL_SECONDS)


async def remove_pod(layout: Layout, uid: str, namespace: str, name: str) -> None:
    """All that is left of a pod that is finished and gone: records, instances, logs."""
    await asyncio.to_thread(_remove_pod, layout, uid, namespace, name)


async def sweep(
    layout: Layout, runtime: ProcessRuntime, clock: Clock, known: Mapping[str, Set[str]]
) -> None:
    """Remove what no pod names any more, and stop what lives without one. `known` has the container
    ids of every pod by its UID; pods are known as long as their status is."""
    now = clock.now().timestamp()
    living = await asyncio.to_thread(_sweep, layout, known, now)
    orphans = []
    for path in living:
        try:
            adopted = await runtime.adopt(path, hold=True)
        except (OSError, ValueError) as error:
            log.warning("cannot reach a container of no pod", path=path, error=error)
            continue
        if adopted.alive and adopted.start:
            orphans.append(OrphanInstance(adopted.start.container_id, path))
    kill_orphans(runtime, orphans)


def _remove_pod(layout: Layout, uid: str, namespace: str, name: str) -> None:
    pod_dir = layout.pod_dir(uid)
    if any(has_shim(str(path)) for path in pod_dir.glob("containers/*/*/")):
        return  # the next sweep finds it
    for path in (layout.pod_log_dir(namespace, name, uid), pod_dir):
        _remove(path)


def _sweep(layout: Layout, known: Mapping[str, Set[str]], now: float) -> list[Path]:
    """The answer is the instances that live and that nobody knows."""
    living: list[Path] = []
    for pod_dir in _old_directories(layout.state_dir / "pods", now):
        ids = known.get(pod_dir.name)
        named = {short_id(container_id) for container_id in ids or ()}
        nobodys = [
            instance for instance in _instances(pod_dir, now) if instance.path.name not in named
        ]
        alive = [instance.path for instance in nobodys if has_shim(str(instance.path))]
        living += alive
        if ids is None and not alive:
            _remove(pod_dir)
            continue
        for instance in nobodys:
            if instance.path not in alive:
                _remove_instance(layout, instance)
    for log_dir in _old_directories(layout.log_dir, now):
        match = _POD_LOGS.fullmatch(log_dir.name)
        if match and match["uid"] not in known and not layout.pod_dir(match["uid"]).exists():
            _remove(log_dir)
    return living


@dataclass(frozen=True, slots=True)
class _Instance:
    container: str
    path: Path


def _instances(pod_dir: Path, now: float) -> Iterator[_Instance]:
    containers = pod_dir / "containers"
    for container_dir in containers.iterdir() if containers.is_dir() else ():
        for path in _old_directories(container_dir, now):
            if path.name != "work":
                yield _Instance(container_dir.name, path)


def _remove_instance(layout: Layout, instance: _Instance) -> None:
    """Its log goes with its record, unless a later instance has the same number."""
    launch = read_launch(instance.path)
    _remove(instance.path)
    if launch is None:
        return
    path = Path(str(launch.get("log_path", "")))
    others = (read_launch(other) for other in instance.path.parent.iterdir())
    if path.is_relative_to(layout.log_dir) and not any(
        other is not None and other.get("log_path") == str(path) for other in others
    ):
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink(missing_ok=True)


def _old_directories(parent: Path, now: float) -> list[Path]:
    """What has just been made may not be named yet."""
    try:
        entries = list(parent.iterdir())
    except OSError:
        return []
    return [
        path
        for path in entries
        if path.is_dir() and not path.is_symlink() and now - _changed(path) >= MINIMUM_AGE_SECONDS
    ]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")


def _remove(path: Path) -> None:
    try:
        remove_tree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("cannot remove what is left of a pod", path=path, error=error)
