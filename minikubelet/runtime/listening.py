"""Who listens on a TCP port of this host.

Role: lets a port clash be explained: `8080 is taken by nginx (pid 4711)`, and a refused connection:
who listens elsewhere. Reads /proc, so Linux only; elsewhere nothing is known, and the application's
own error has to do.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from minikubelet.pod.listeners import Listener

_LISTEN = "0A"
_TABLES = ("net/tcp", "net/tcp6")
_UNKNOWN = "another process"


def port_holders(ports: Sequence[int], proc: Path = Path("/proc")) -> dict[int, str]:
    """`name (pid N)` by port, for those of `ports` on which somebody listens."""
    wanted = frozenset(ports)
    inodes = {inode: port for _, port, inode in _listening(proc) if port in wanted}
    if not inodes:
        return {}
    holders = dict.fromkeys(inodes.values(), _UNKNOWN)
    for inode, name in _holders(inodes, proc).items():
        holders[inodes[inode]] = name
    return holders


def listeners(proc: Path = Path("/proc")) -> tuple[Listener, ...]:
    """Everybody who listens, by port."""
    found = list(_listening(proc))
    holders = _holders({inode for _, _, inode in found}, proc)
    return tuple(
        sorted(
            (
                Listener(_address(words), port, holders.get(inode, _UNKNOWN))
                for words, port, inode in found
            ),
            key=lambda listener: (listener.port, listener.address),
        )
    )


def is_own_address(ip: str) -> bool:
    """Whether this host has the address: only then can a socket be bound to it."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((ip, 0))
    except OSError:
        return False
    return True


def _listening(proc: Path) -> Iterator[tuple[str, int, str]]:
    """Address as the kernel prints it, port and inode of each socket."""
    for table in _TABLES:
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN:
                address, _, port = fields[1].rpartition(":")
                yield address, int(port, 16), fields[9]


def _address(words: str) -> str:
    """The kernel prints an address as 32-bit numbers in the byte order of the host."""
    data = b"".join(
        int(words[start : start + 8], 16).to_bytes(4, sys.byteorder)
        for start in range(0, len(words), 8)
    )
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def _holders(inodes: Collection[str], proc: Path) -> dict[str, str]:
    """`name (pid N)` by inode, as far as this user may see it."""
    return {
        inode: f"{_name(proc, pid)} (pid {pid})"
        for pid, inode in _socket_inodes(proc)
        if inode in inodes
    }


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
