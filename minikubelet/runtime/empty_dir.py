"""emptyDir volumes: made once per pod, in memory if asked for, measured for their limit.

Role: L-140, L-141, L-142. A volume in memory is a directory of the shared-memory file system, with
a link to it in the pod's directory of volumes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.trees import remove_tree, tree_usage
from minikubelet.runtime.volume_files import own_by_group

SHARED_MEMORY = Path("/dev/shm")
_MODE = 0o777


def memory_dir(layout: Layout, shared_memory: Path = SHARED_MEMORY) -> Path:
    """Where the volumes in memory of one state directory lie; it exists while there are any."""
    state = hashlib.sha256(os.fsencode(layout.state_dir.resolve())).hexdigest()[:12]
    return shared_memory / f"minikubelet-emptydir-{state}"


def make_empty_dir(path: Path, group: int | None) -> None:
    """Make the volume `path`; one that exists is left as it is. Raises OSError."""
    if path.is_dir():
        return
    path.mkdir()
    path.chmod(_MODE)
    if group is not None:
        own_by_group(path, group)


def make_memory_dir(path: Path, memory: Path, uid: str, group: int | None) -> None:
    """Make the volume `path` of the pod `uid` in memory, below `memory`; on disk if that fails.

    Raises OSError.
    """
    if path.is_dir():
        return
    try:
        target = _private(memory, uid) / path.name
        make_empty_dir(target, group)
    except OSError:
        make_empty_dir(path, group)
        return
    # A link without its directory is what a reboot leaves.
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def remove_memory_dirs(memory: Path, uid: str) -> None:
    """Remove the pod's volumes in memory. Raises OSError."""
    remove_tree(memory / uid)
    with contextlib.suppress(OSError):
        memory.rmdir()


def empty_dir_usage(pod: Pod, layout: Layout) -> dict[str, int]:
    """Bytes in use by each emptyDir of the pod that has a limit."""
    volumes = layout.volumes_dir(pod.metadata.uid)
    return {
        volume.name: tree_usage((volumes / volume.name).resolve())
        for volume in pod.spec.volumes
        if volume.empty_dir is not None and volume.empty_dir.size_limit
    }


def exceeded_empty_dir(pod: Pod, layout: Layout) -> str | None:
    """The message to evict the pod with, once an emptyDir has outgrown its limit (L-142)."""
    usage = empty_dir_usage(pod, layout)
    for volume in pod.spec.volumes:
        if volume.empty_dir is None or volume.empty_dir.size_limit is None:
            continue
        limit = parse_quantity(volume.empty_dir.size_limit)
        if 0 < limit.value() < usage.get(volume.name, 0):
            return (
                f"Usage of EmptyDir volume {go_quote(volume.name)} exceeds the limit "
                f"{go_quote(str(limit))}. "
            )
    return None


def _private(memory: Path, uid: str) -> Path:
    """The pod's directory; the way to it is ours alone, in a place where anybody can make one."""
    while True:
        with contextlib.suppress(FileExistsError):
            memory.mkdir(mode=0o700)
        info = memory.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
            raise PermissionError(f"{memory} belongs to somebody else")
        pod_dir = memory / uid
        try:
            pod_dir.mkdir(mode=0o700, exist_ok=True)
        except FileNotFoundError:
            # The last volume of another pod was removed just now, and `memory` with it.
            continue
        return pod_dir
