"""The last words of a container: its termination message (L-213, L-215).

Role: read the file that the application wrote, or the end of its log. The file is the
application's, and so is whatever it put in its place: only regular files are read, links are not
followed, and with the container's rights.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from minikubelet.runtime.shim.child import reason
from minikubelet.runtime.shim.records import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BYTES = 4096
MAX_LOG_BYTES = 2048
MAX_LOG_LINES = 80
_LOG_TAIL = 64 * 1024
"""Holds 80 entries, or more than 2048 bytes of content, whatever their lengths."""


def termination_message(spec: Mapping[str, Any], exit_code: int) -> str:
    """What to publish as the message of the end; removes the file if the spec says so."""
    path = spec["termination_log"]
    message = ""
    if path:
        try:
            with _rights_of(spec):
                message = _read(path)
                if spec["termination_log_remove"]:
                    remove(path)
        except OSError as error:
            message = f"Error on reading termination log {path}: {reason(error)}"
    if not message and exit_code != 0 and spec["termination_fallback_to_logs"]:
        message = log_tail(spec["log_path"])
    return message


def _read(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = os.pread(fd, MAX_BYTES, max(0, status.st_size - MAX_BYTES))
    finally:
        os.close(fd)
    return data.decode("utf-8", "replace")


def log_tail(path: str) -> str:
    """The last lines of a CRI log, without times and tags: at most 80, at most 2048 bytes."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_TAIL))
            entries = file.read().split(b"\n")
    except OSError:
        return ""
    if size > _LOG_TAIL:
        del entries[0]  # begins within an entry
    lines: list[bytes] = [b""]
    for entry in entries:
        parts = entry.split(b" ", 3)
        if len(parts) < 4:
            continue
        lines[-1] += parts[3]
        if parts[2].startswith(b"F"):
            lines[-1] += b"\n"
            lines.append(b"")
    if not lines[-1]:
        lines.pop()
    return b"".join(lines[-MAX_LOG_LINES:])[-MAX_LOG_BYTES:].decode("utf-8", "replace")


@contextmanager
def _rights_of(spec: Mapping[str, Any]) -> Iterator[None]:
    """Act as the container's user, so that a planted path opens no door that was closed to it."""
    user, group = spec["user"], spec["group"]
    own_user, own_group, own_groups = os.geteuid(), os.getegid(), os.getgroups()
    own_file = os.path.dirname(spec["termination_log"]) == spec["instance_dir"]
    if user is None or own_user != 0 or own_file:
        yield
        return
    os.setgroups(spec["groups"] or [])
    os.setegid(own_group if group is None else group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(own_user)
        os.setegid(own_group)
        os.setgroups(own_groups)
