"""Facts on disk, written so that a reader sees all of a record or nothing of it."""

from __future__ import annotations

import errno
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1
LAUNCH, START, EXIT = "launch.json", "start.json", "exit.json"
LOST_LAUNCH = "launch-lost.json"
"""What becomes of a launch file whose shim is gone without a record of the end."""
ERROR_LOG = "shim-error.log"
"""Why a shim has failed, if ever one does."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode_record(record: dict[str, Any]) -> bytes:
    return _encode({"format": FORMAT, **record}).encode()


def write_record(directory: str, name: str, data: bytes, *, durable: bool) -> None:
    """Put a record in place at one stroke. `durable`: it is on the disk when this returns."""
    path = os.path.join(directory, name)
    temporary = f"{path}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), temporary)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    if durable:
        sync_directory(directory)


def make_durable(directory: str, name: str) -> None:
    """Bring a record that is in place already onto the disk."""
    fd = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(directory)


def sync_directory(directory: str) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
