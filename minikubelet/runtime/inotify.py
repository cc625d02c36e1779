"""inotify, as far as following logs needs it: which directories changed. Linux only.

Role: a `LogWatcher` over three system calls and a wake-up descriptor. Changes made before a call
of `wait` are in its answer, since the kernel queues them when they are made.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
from pathlib import Path

_IN_MODIFY = 0x2
_IN_MOVED_FROM = 0x40
_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_IN_ONLYDIR = 0x1000000
_MASK = _IN_MODIFY | _IN_MOVED_FROM | _IN_MOVED_TO | _IN_CREATE | _IN_ONLYDIR
_IN_Q_OVERFLOW = 0x4000
_IN_IGNORED = 0x8000

_HEAD = struct.Struct("iIII")
"""Watch descriptor, mask, cookie, length of the name that follows."""


class InotifyWatcher:
    """Raises OSError when no instance can be had (`fs.inotify.max_user_instances`)."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "cannot watch for changes")
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        self._directories: dict[int, Path] = {}

    def watch(self, directory: Path) -> bool:
        watch = self._libc.inotify_add_watch(self._fd, os.fsencode(directory), _MASK)
        if watch < 0:
            return False
        self._directories[watch] = directory
        return True

    def unwatch(self, directory: Path) -> None:
        for watch, watched in tuple(self._directories.items()):
            if watched == directory:
                del self._directories[watch]
                self._libc.inotify_rm_watch(self._fd, watch)

    def wait(self, seconds: float | None) -> set[Path] | None:
        self._poll.poll(None if seconds is None else seconds * 1000)
        _drain(self._wake_read)
        changed: set[Path] = set()
        overflowed = False
        while data := _read(self._fd):
            for watch, mask in _events(data):
                overflowed = overflowed or bool(mask & _IN_Q_OVERFLOW)
                if watch in self._directories:
                    changed.add(self._directories[watch])
                if mask & _IN_IGNORED:
                    self._directories.pop(watch, None)  # the directory is gone
        return None if overflowed else changed

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full of wake-ups already
            os.write(self._wake_write, b"\0")

    def close(self) -> None:
        for fd in (self._fd, self._wake_read, self._wake_write):
            os.close(fd)


def _events(data: bytes) -> list[tuple[int, int]]:
    events = []
    offset = 0
    while offset < len(data):
        watch, mask, _, length = _HEAD.unpack_from(data, offset)
        events.append((watch, mask))
        offset += _HEAD.size + length
    return events


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def _drain(fd: int) -> None:
    while len(_read(fd)) == 65536:
        pass
