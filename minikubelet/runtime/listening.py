"""Who listens on a TCP port of this host.

Role: lets a port clash be explained: `8080 is taken by nginx (pid 4711)`. Reads /proc, so Linux
only; elsewhere nothing is known, and the application's own error has to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_LISTEN = "0A"


def port_holders(ports: Sequence[int], proc: Path = Path("/proc")) -> dict[int, str]:
    """`name (pid N)` by port, for those of `ports` on which somebody listens."""
    wanted = frozenset(ports)
    inodes = {
        inode: port
        for table in ("net/tcp", "net/tcp6")
        for port, inode in _listening(proc / table)
        if port in wanted
    }
    if not inodes:
        return {}
    holders = dict.fromkeys(inodes.values(), "another process")
    for pid, inode in _socket_inodes(proc):
        if inode in inodes:
            holders[inodes[inode]] = f"{_name(proc, pid)} (pid {pid})"
    return holders


def _listening(table: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            yield int(fields[1].rpartition(":")[2], 16), fields[9]


def _socket_inodes(proc: Path) -> Iterator[tuple[int, str]]:
    for entry in _entries(proc):
        if not entry.isdigit():
            continue
        directory = proc / entry / "fd"
        for descriptor in _entries(directory):
            try:
                target = os.readlink(directory / descriptor)
            except OSError:
                continue
            if target.startswith("socket:["):
                yield int(entry), target[8:-1]


def _entries(directory: Path) -> Iterable[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return ()


def _name(proc: Path, pid: int) -> str:
    try:
        return (proc / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a process"
