"""Find the shim of an instance, or settle that there is none.

Role: for a new daemon, and for one that has lost a connection. Blocks for up to some seconds: run
in a thread.
Invariants: an instance is lost only when its launch file was locked here, so no shim lives, and
none can begin any more; and its survivors are killed before that is said.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from minikubelet.runtime.shim import linux
from minikubelet.runtime.shim.claim import claim
from minikubelet.runtime.shim.records import EXIT, LAUNCH, LOST_LAUNCH, START
from minikubelet.runtime.shim.survivors import kill_survivors

_PAUSE_SECONDS = 0.005
_GIVE_UP_SECONDS = 10.0


class Found(NamedTuple):
    """Records as read. `connection`: to the living shim; without one, and without an exit record,
    the instance is lost."""

    connection: socket.socket | None
    start: dict[str, Any] | None
    exit: dict[str, Any] | None
    survivors: tuple[str, ...] = ()


def find_shim(instance_dir: str) -> Found:
    """Raises TimeoutError when a shim lives but cannot be reached, ValueError when its start record
    is damaged: it is not waited for, since it appears at one stroke."""
    launch_path, start_path = (os.path.join(instance_dir, name) for name in (LAUNCH, START))
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while True:
        was_there = os.path.exists(start_path)
        start, ended = read_record(instance_dir, START), read_record(instance_dir, EXIT)
        if ended:
            return Found(None, start, ended)
        launch = read_record(instance_dir, LAUNCH)
        lock = claim(launch_path)
        if lock is not None or launch is None:
            try:
                return _settle(instance_dir, launch)
            finally:
                if lock is not None:
                    os.close(lock)
        if start is None and was_there and os.path.exists(start_path):
            raise ValueError(f"{start_path} is damaged")
        if start and (connection := _connect(launch["socket_path"])):
            return Found(connection, start, None)
        if start:
            _ask_to_listen(start)
        if time.monotonic() >= give_up_at:
            raise TimeoutError(
                f"the shim of {instance_dir} lives, but does not accept a connection"
            )
        time.sleep(_PAUSE_SECONDS)


def has_shim(instance_dir: str) -> bool:
    """Whether a shim lives that has this instance, or may begin to."""
    launch_path = os.path.join(instance_dir, LAUNCH)
    if not os.path.exists(launch_path):
        return False
    lock = claim(launch_path)
    if lock is None:
        return os.path.exists(launch_path)
    os.close(lock)
    return False


def end_by_force(instance_dir: str) -> None:
    """Kill what runs of an instance whose shim cannot be talked to; the shim then ends by
    itself. Blocks."""
    launch = read_record(instance_dir, LAUNCH) or read_record(instance_dir, LOST_LAUNCH)
    kill_survivors(instance_dir, launch, read_record(instance_dir, START))


def _settle(instance_dir: str, launch: dict[str, Any] | None) -> Found:
    """No shim lives. It may have written its last record since that was looked for."""
    start, ended = read_record(instance_dir, START), read_record(instance_dir, EXIT)
    if ended:
        return Found(None, start, ended)
    if launch:
        launch_path = os.path.join(instance_dir, LAUNCH)
        os.rename(launch_path, os.path.join(instance_dir, LOST_LAUNCH))
    else:
        launch = read_record(instance_dir, LOST_LAUNCH)
    return Found(None, start, None, tuple(kill_survivors(instance_dir, launch, start)))


def read_record(instance_dir: str, name: str) -> dict[str, Any] | None:
    """None when there is none, or none that can be read."""
    try:
        with open(os.path.join(instance_dir, name), "rb") as file:
            record = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _ask_to_listen(start: Mapping[str, Any]) -> None:
    """The socket was removed, perhaps with all of the runtime directory: a shim makes it again."""
    shim = linux.read_process(start["shim_pid"])
    if shim and shim.start_time == start["shim_start_time"]:
        linux.send_signal(shim, signal.SIGUSR1)


def _connect(path: str) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        return None
    return sock
