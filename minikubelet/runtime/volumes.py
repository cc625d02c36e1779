"""A pod's volumes: set up before its first container, mounted into each, removed after the last.

Role: the shell around what each kind of volume needs. Synchronous file work: callers keep it off
the event loop.
Invariants: everything here may be repeated; a hostPath's content is never removed (L-139 … L-152).
Upstream: pkg/kubelet/kubelet_pods.go, makeMounts, and pkg/volume.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Container, HostPathVolume, Pod, Volume, VolumeMount
from minikubelet.pod.expansion import expand
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.pod.volume_payload import PayloadError, compute_payload, has_payload
from minikubelet.runtime.empty_dir import (
    exceeded_empty_dir,
    make_empty_dir,
    make_memory_dir,
    memory_dir,
    remove_memory_dirs,
)
from minikubelet.runtime.errors import ContainerStartError, error_text
from minikubelet.runtime.launch import Mount
from minikubelet.runtime.layout import Layout, make_dir
from minikubelet.runtime.sub_path import OutsideVolumeError, find_sub_path, make_sub_path
from minikubelet.runtime.trees import remove_tree
from minikubelet.runtime.volume_files import write_payload

__all__ = [
    "VolumeError",
    "exceeded_empty_dir",
    "mounts_of",
    "prepare_volumes",
    "remove_volumes",
    "update_volumes",
]

_Check = Callable[[int], bool]
_HOST_PATH_CHECKS: Mapping[str, tuple[_Check, str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


class VolumeError(Exception):
    """A volume cannot be set up; the text is what follows `MountVolume.SetUp failed for volume`."""

    def __init__(self, volume: str, message: str) -> None:
        super().__init__(message)
        self.volume = volume
        self.message = message


def prepare_volumes(pod: Pod, layout: Layout, node: NodeInfo, lookup: ObjectLookup) -> None:
    """Set up every volume of the pod. Raises the first VolumeError when all have been tried."""
    _set_up(pod, pod.spec.volumes, layout, node, lookup)


def update_volumes(pod: Pod, layout: Layout, node: NodeInfo, lookup: ObjectLookup) -> None:
    """Bring the volumes that show objects up to date (L-147). Raises as `prepare_volumes`."""
    shown = tuple(volume for volume in pod.spec.volumes if has_payload(volume))
    _set_up(pod, shown, layout, node, lookup)


def remove_volumes(pod: Pod, layout: Layout) -> None:
    """Remove the pod's volumes, once no container of it is left (L-152). Raises OSError."""
    uid = pod.metadata.uid
    remove_memory_dirs(memory_dir(layout), uid)
    remove_tree(layout.volumes_dir(uid))


def mounts_of(
    pod: Pod, container: Container, layout: Layout, env: Mapping[str, str]
) -> tuple[Mount, ...]:
    """The container's mounts; `env` is its environment, for subPathExpr. Makes missing subPaths.

    Raises ContainerStartError with the reason CreateContainerConfigError.
    """
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    mounts = []
    for mount in container.volume_mounts:
        volume = volumes.get(mount.name)
        if volume is None:
            raise _config_error(
                f"cannot find volume {go_quote(mount.name)} to mount into container "
                f"{go_quote(container.name)}"
            )
        mounts.append(_mount(container, mount, volume, _source(pod, volume, layout), env))
    return tuple(mounts)


def _set_up(
    pod: Pod,
    volumes: tuple[Volume, ...],
    layout: Layout,
    node: NodeInfo,
    lookup: ObjectLookup,
) -> None:
    first: VolumeError | None = None
    for volume in volumes:
        try:
            _set_up_one(pod, volume, layout, node, lookup)
        except (PayloadError, OSError, VolumeError) as error:
            first = first or VolumeError(volume.name, error_text(error))
    if first is not None:
        raise first


def _set_up_one(
    pod: Pod, volume: Volume, layout: Layout, node: NodeInfo, lookup: ObjectLookup
) -> None:
    directory = layout.volumes_dir(pod.metadata.uid)
    make_dir(directory, 0o700)
    path, group = directory / volume.name, _group(pod)
    if volume.unsupported:
        kinds = ", ".join(volume.unsupported)
        raise VolumeError(volume.name, f"volumes of type {kinds} are not supported")
    if volume.host_path is not None:
        _check_host_path(volume.name, volume.host_path)
    elif has_payload(volume):
        payload = compute_payload(pod, volume, node, lookup)
        make_empty_dir(path, group)
        write_payload(path, payload, group)
    else:
        _set_up_empty_dir(pod, volume, path, layout)


def _set_up_empty_dir(pod: Pod, volume: Volume, path: Path, layout: Layout) -> None:
    medium = volume.empty_dir.medium if volume.empty_dir is not None else ""
    match medium:
        case "":
            make_empty_dir(path, _group(pod))
        case "Memory":
            make_memory_dir(path, memory_dir(layout), pod.metadata.uid, _group(pod))
        case _:
            raise VolumeError(volume.name, f"unknown storage medium {go_quote(medium)}")


def _group(pod: Pod) -> int | None:
    """The fsGroup, where this process may give files away (L-151)."""
    context = pod.spec.security_context
    return context.fs_group if context is not None and os.geteuid() == 0 else None


def _check_host_path(volume: str, source: HostPathVolume) -> None:
    """L-143. Raises VolumeError or OSError."""
    if not source.type:
        return
    if source.type not in _HOST_PATH_CHECKS:
        raise VolumeError(volume, f"{source.type} is an invalid volume type")
    path = Path(source.path)
    if not path.exists():
        if source.type == "DirectoryOrCreate":
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif source.type == "FileOrCreate":
            path.touch(mode=0o644)
    fits, kind = _HOST_PATH_CHECKS[source.type]
    try:
        found = fits(path.stat().st_mode)
    except OSError:
        found = False
    if not found:
        raise VolumeError(volume, f"hostPath type check failed: {source.path} is not {kind}")


def _source(pod: Pod, volume: Volume, layout: Layout) -> Path:
    if volume.host_path is not None:
        return Path(volume.host_path.path)
    return (layout.volumes_dir(pod.metadata.uid) / volume.name).resolve()


def _mount(
    container: Container,
    mount: VolumeMount,
    volume: Volume,
    source: Path,
    env: Mapping[str, str],
) -> Mount:
    sub_path = _expanded(mount.sub_path_expr, env) if mount.sub_path_expr else mount.sub_path
    if volume.host_path is not None and not source.exists():
        _make_host_path(source)
    target = os.path.normpath("/" + mount.mount_path.lstrip("/"))
    read_only = mount.read_only or has_payload(volume)
    if not sub_path:
        return Mount(str(source), target, read_only)
    if sub_path.startswith("/"):
        raise _config_error(f"error SubPath `{sub_path}` must not be an absolute path")
    if ".." in sub_path.split("/"):
        raise _config_error(f"unable to provision SubPath `{sub_path}`: must not contain '..'")
    where = f"volumeMount {go_quote(mount.name)} of container {go_quote(container.name)}"
    try:
        found = find_sub_path(source, sub_path)
    except (OutsideVolumeError, OSError) as error:
        # Without the reason, as upstream: it would tell about the host's files.
        raise _config_error(f"failed to prepare subPath for {where}") from error
    if not found.exists():
        try:
            make_sub_path(source, found)
        except OSError as error:
            raise _config_error(f"failed to create subPath directory for {where}") from error
    return Mount(str(found), target, read_only, exact_source=True)


def _make_host_path(path: Path) -> None:
    """A path without a type may be missing; container runtimes then make a directory."""
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        message = f"failed to mkdir {go_quote(str(path))}: {error_text(error)}"
        raise ContainerStartError("CreateContainerError", message) from error


def _expanded(expression: str, env: Mapping[str, str]) -> str:
    """L-132: every variable must be there and not be empty."""
    known = _Known(env)
    expanded = expand(expression, known)
    if known.missing:
        raise _config_error(f"missing value for {', '.join(sorted(known.missing))}")
    return expanded


class _Known(Mapping[str, str]):
    """The variables, and which of those asked for have no value."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.missing: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = self._env.get(name, "")
        if not value:
            self.missing.add(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def _config_error(message: str) -> ContainerStartError:
    return ContainerStartError("CreateContainerConfigError", message)
