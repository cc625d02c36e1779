"""Where everything lies on disk (design, section 4).

Role: paths only; `prepare()` makes the top directories. Directories on the way to a container's
working directory can be passed but not listed (0711), since a container may run as another user;
volumes, records and launch files are private (0700, 0600): a container reaches its volumes through
its mounts alone.
Invariants: no name leads out of these directories. Names also come from statuses and annotations,
where clients may write any string: each is one step, else ValueError.
"""

from __future__ import annotations

import os
from pathlib import Path

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    state_dir: Path
    log_dir: Path
    runtime_dir: Path

    def prepare(self) -> None:
        for path, mode in (
            (self.state_dir, 0o711),
            (self.state_dir / "pods", 0o711),
            (self.log_dir, 0o755),
            (self.runtime_dir, 0o700),
        ):
            make_dir(path, mode)

    def pod_dir(self, uid: str) -> Path:
        return self.state_dir / "pods" / _step(uid)

    def volumes_dir(self, uid: str) -> Path:
        """One directory per volume beneath; 0700."""
        return self.pod_dir(uid) / "volumes"

    def container_dir(self, uid: str, container: str) -> Path:
        """Holds one directory per instance and `work`, the default working directory of the
        container."""
        return self.pod_dir(uid) / "containers" / _step(container)

    def instance_dir(self, uid: str, container: str, container_id: str) -> Path:
        return self.container_dir(uid, container) / _step(short_id(container_id))

    def pod_log_dir(self, namespace: str, name: str, uid: str) -> Path:
        return self.log_dir / _step(f"{namespace}_{name}_{uid}")

    def log_path(
        self, namespace: str, name: str, uid: str, container: str, restart_count: int
    ) -> Path:
        """L-260."""
        logs = self.pod_log_dir(namespace, name, uid)
        return logs / _step(container) / f"{int(restart_count)}.log"

    @property
    def mount_points(self) -> Path:
        """Where shims note what they have made in the host's tree (`mount_points.REGISTER`)."""
        return self.runtime_dir / "mount-points"

    def socket_path(self, container_id: str) -> Path:
        return self.runtime_dir / f"{_step(short_id(container_id))}.sock"


def short_id(container_id: str) -> str:
    """The first 16 hex digits of `process://<64 hex>`: short enough for a socket path."""
    return container_id.removeprefix("process://")[:16]


def _step(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"not the name of a file: {name!r}")
    return name


def make_dir(path: Path, mode: int) -> None:
    """Make a directory and its parents; the mode holds whatever the umask is. An existing one keeps
    its mode."""
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True)
    os.chmod(path, mode)
