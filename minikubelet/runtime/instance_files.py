"""The files of one instance that exist before it is started (layout.py says who may read what)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from minikubelet.manifest.pod import Container, HostAlias, Pod, PodSecurityContext
from minikubelet.pod.environment import EnvFileReader
from minikubelet.runtime.layout import Layout, make_dir
from minikubelet.runtime.sub_path import OutsideVolumeError, read_sub_path
from minikubelet.runtime.trees import remove_tree
from minikubelet.runtime.users import ProcessUser

_DEFAULT_MESSAGE_PATH = Container().termination_message_path
_ENV_FILE_BYTES = 1 << 20
"""As much as a ConfigMap can hold."""


def make_instance_dir(instance_dir: Path, *, shared: bool) -> Path:
    """Make the directory and the empty termination log in it, whose path is returned.

    `shared`: the container runs as another user, who must reach the termination log; what else lies
    there is private by its own mode.
    """
    container_dir = instance_dir.parent
    if not container_dir.is_dir():
        for directory in (container_dir.parent.parent, container_dir.parent, container_dir):
            make_dir(directory, 0o711)
    make_dir(instance_dir, 0o711 if shared else 0o700)
    path = instance_dir / "termination-log"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.fchmod(fd, 0o666)
    finally:
        os.close(fd)
    return path


def make_work_dir(pod: Pod, container: Container, layout: Layout, user: ProcessUser) -> Path:
    """The container's own directory, empty, as the file system of a restarted container is new."""
    path = layout.container_dir(pod.metadata.uid, container.name) / "work"
    if user.user is None and _is_new(path):
        return path
    remove_tree(path)
    path.mkdir(mode=0o700)
    if user.user is not None:
        os.chown(path, user.user, -1 if user.group is None else user.group)
    return path


def _is_new(path: Path) -> bool:
    """Whether it is what it would become when it were made again."""
    try:
        found = os.lstat(path)
        mine = (stat.S_IFDIR | 0o700, os.geteuid(), os.getegid())
        return (found.st_mode, found.st_uid, found.st_gid) == mine and not os.listdir(path)
    except OSError:
        return False


def is_soon_made(pod: Pod, container: Container, layout: Layout) -> bool:
    """Whether there is nothing in the way of a launch that may take long: other file systems, users
    that somebody has to look up, what the instance before has left in its directory."""
    if pod.spec.volumes or container.target_container_name or container.security_context:
        return False
    if pod.spec.security_context not in (None, PodSecurityContext()):
        return False
    if container.termination_message_path != _DEFAULT_MESSAGE_PATH:
        return False
    try:
        return not os.listdir(layout.container_dir(pod.metadata.uid, container.name) / "work")
    except FileNotFoundError:
        return True
    except OSError:
        return False


def write_hosts(pod: Pod, layout: Layout) -> Path:
    """The pod's hosts file: the host's, and the aliases of the manifest (L-137)."""
    path = layout.pod_dir(pod.metadata.uid) / "etc-hosts"
    try:
        node_hosts = Path("/etc/hosts").read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        node_hosts = ""
    text = hosts_file(node_hosts, pod.spec.host_aliases)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    path.chmod(0o644)
    return path


def hosts_file(node_hosts: str, aliases: tuple[HostAlias, ...]) -> str:
    """Every pod is on the host's network, so the host's own file comes first."""
    lines = "".join("\t".join((alias.ip, *alias.hostnames)) + "\n" for alias in aliases)
    added = f"\n# Entries added by HostAliases.\n{lines}" if aliases else ""
    return f"# Kubernetes-managed hosts file (host network).\n{node_hosts}{added}"


def env_file_reader(pod: Pod, layout: Layout) -> EnvFileReader:
    """Reads files of the pod's volumes for `fileKeyRef` (L-128)."""

    def read(volume_name: str, path: str) -> str:
        volume = layout.volumes_dir(pod.metadata.uid) / volume_name
        try:
            return read_sub_path(volume, path, _ENV_FILE_BYTES).decode()
        except OutsideVolumeError as err:
            raise PermissionError(str(err)) from err

    return read
