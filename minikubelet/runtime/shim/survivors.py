"""Kill what a container has left whose shim is gone.

Role: the last resort, when the shim was killed and the spawner too, or the daemon was started anew.
Without the shim nothing holds the tree together, so its members are found by what they cannot shed
by accident: the recorded main process, its session, the environment that names the instance's
directory, the control group of the shim; and whatever is beneath those.
Invariants: nothing is signaled on the strength of a number alone: main process and session count
only with the recorded start time, and only in the boot of the record.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from minikubelet.runtime.shim import linux, tree, tree_end
from minikubelet.runtime.shim.linux import Process

_PAUSE_SECONDS = 0.005
_GIVE_UP_SECONDS = 5.0


def kill_survivors(
    instance_dir: str, launch: Mapping[str, Any] | None, start: Mapping[str, Any] | None
) -> list[str]:
    """Kill until nothing is left; returns who was found, as `pid name`. Blocks: not for an event
    loop.

    `launch` and `start` are the instance's records, as far as they exist.
    """
    if start and start["boot_id"] != linux.boot_id():
        return []
    marks = _Marks(instance_dir, launch, start)
    found: dict[tuple[int, int], Process] = {}
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while left := marks.members(tree.all_processes()):
        found.update({(process.pid, process.start_time): process for process in left})
        tree.kill_processes(left)
        if time.monotonic() >= give_up_at:
            break
        time.sleep(_PAUSE_SECONDS)
    return tree_end.names_of(list(found.values()))


class _Marks:
    """By what the members of one instance are known."""

    def __init__(
        self,
        instance_dir: str,
        launch: Mapping[str, Any] | None,
        start: Mapping[str, Any] | None,
    ) -> None:
        self._environment = [
            f"\0{name}={value}\0".encode("utf-8", "surrogateescape")
            for name, value in (launch or {}).get("env", {}).items()
            if instance_dir in value
        ]
        self._main = (start["pid"], start["start_time"]) if start else None
        self._group = b""
        if start and launch and (launch["memory_limit_bytes"] or launch["cpu_limit_millis"]):
            name = (
                f"{os.path.basename(instance_dir)}.{start['shim_pid']}.{start['shim_start_time']}"
            )
            self._group = f"/{name}".encode()

    def members(self, processes: Sequence[Process]) -> list[Process]:
        alive = {p.pid: p for p in processes if p.state not in "ZX" and p.pid != os.getpid()}
        main = {p.pid for p in processes if (p.pid, p.start_time) == self._main}
        members = {p.pid for p in alive.values() if p.sid in main or self._bears_mark(p)}
        members |= main
        grown = True
        while grown:
            more = {p.pid for p in alive.values() if p.ppid in members} - members
            members |= more
            grown = bool(more)
        return [alive[pid] for pid in members if pid in alive]

    def _bears_mark(self, process: Process) -> bool:
        if self._group and self._group in _read(f"/proc/{process.pid}/cgroup"):
            return True
        if not self._environment:
            return False
        environment = b"\0" + _read(f"/proc/{process.pid}/environ")
        return any(mark in environment for mark in self._environment)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""
