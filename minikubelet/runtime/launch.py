"""What a shim is told to start: the contract between the daemon and the shim.

Role: `LaunchSpec` is everything about one instance, resolved: no Kubernetes rule is left for the
shim to apply. It is written to `launch.json` in the instance's directory and read by the shim.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from minikubelet.value_class import dataclass

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Mount:
    """One path that the container sees: `source` (host path, a directory or a file) bound at
    `target`."""

    source: str
    target: str
    read_only: bool = False
    exact_source: bool = False
    """`source` was looked up and has no link in it: one that has appeared since is refused."""


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One instance of one container."""

    container_id: str
    """`process://<64 hex>`."""
    instance_dir: str
    """Holds launch.json, start.json, exit.json, termination-log; made by the daemon, mode 0700."""
    socket_path: str
    """Control socket of the shim, in the runtime directory (at most 100 bytes)."""
    pod_name: str
    pod_namespace: str
    pod_uid: str
    container_name: str
    restart_count: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    """Absolute, as the container sees it."""
    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None
    """None: keep. Numbers, as root only."""
    no_new_privileges: bool = False
    """Neither set-uid bits nor file capabilities have an effect in the container."""
    oom_score_adj: int | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    log_path: str = ""
    log_max_bytes: int = 10 * 1024 * 1024
    log_max_files: int = 5
    termination_log: str = ""
    """Host path of the file to read the termination message from at exit (last 4096 bytes)."""
    termination_log_remove: bool = False
    """Remove that file after reading: it is a host path that did not exist before the start."""
    termination_fallback_to_logs: bool = False
    mounts: tuple[Mount, ...] = ()
    memory_limit_bytes: int | None = None
    cpu_limit_millis: int | None = None
    die_with_owner: bool = False
    """Foreground mode: when the owner pipe closes, stop the tree (TERM, 2 s, KILL) and end."""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        # Not all by `asdict`, which copies each variable of the environment by itself.
        members = {name: getattr(self, name) for name in _NAMES}
        return {**members, "mounts": tuple(map(dataclasses.asdict, self.mounts))}


_NAMES = tuple(field.name for field in dataclasses.fields(LaunchSpec))
