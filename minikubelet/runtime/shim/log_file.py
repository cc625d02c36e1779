"""The log file of a container: append, rotate, and carry on when the disk is full (L-260, L-263,
L-264).

Role: take whole log entries and never hold up the application for them: what cannot be written is
counted and dropped.
Invariants: the file never ends within an entry; at most `max_files` files, the current one
included.
Upstream: kubelet pkg/kubelet/logs, which looks at sizes every 10 s. Here each write does; but
rotated files bear the second of their rotation in their names, so there is at most one per second.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from minikubelet.runtime.shim.log_writer import HEAD_BYTES
from minikubelet.runtime.shim.records import remove

_RETRY_SECONDS = 0.2
_COPY_BYTES = 1 << 18
_TEMPORARY, _COMPRESSED = ".tmp", ".gz"


class LogFile:
    """`on_lost(bytes, why)` is called once per outage, at its begin; `lost_bytes` counts all."""

    def __init__(
        self, path: str, max_bytes: int, max_files: int, on_lost: Callable[[int, str], None]
    ) -> None:
        self.lost_bytes = 0
        self.compressor_pid = 0
        """A child that compresses rotated files; whoever waits for it sets this to 0."""
        self._path = path
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._on_lost = on_lost
        self._fd = -1
        self._size = 0
        self._losing = False
        self._retry_at = 0.0
        self._rotate_at = 0.0
        self._rotated_at = 0

    def write(self, entries: bytes) -> None:
        """Append whole entries."""
        if not entries:
            return
        if self._losing and time.monotonic() < self._retry_at:
            self.lost_bytes += _content_bytes(entries)
            return
        written = 0
        try:
            if self._fd < 0:
                self._open()
            while written < len(entries):
                written += os.write(self._fd, entries[written:] if written else entries)
        except OSError as error:
            self._lose(entries, written, error)
            return
        self._losing = False
        self._size += written
        if 0 <= self._max_bytes <= self._size and time.monotonic() >= self._rotate_at:
            self._rotate()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        for name in self._rotated() if self._rotate_at else ():
            if name.endswith(_TEMPORARY):
                remove(name)

    def _open(self) -> None:
        os.makedirs(os.path.dirname(self._path), 0o755, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _lose(self, entries: bytes, written: int, error: OSError) -> None:
        whole = entries.rfind(b"\n", 0, written) + 1
        self._size += whole
        if written > whole:
            # Not `self._size`: somebody may have cut the file meanwhile.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, max(0, os.fstat(self._fd).st_size - (written - whole)))
        self.lost_bytes += _content_bytes(entries[whole:])
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        if not self._losing:
            self._losing = True
            text = f"cannot write the log {self._path}: {error.strerror}"
            self._on_lost(self.lost_bytes, text)

    def _rotate(self) -> None:
        self._rotate_at = time.monotonic() + 1.0
        self._tidy()
        # Readers go by these names: they stay in order when the clock is set back.
        self._rotated_at = max(int(time.time()), self._rotated_at + 1)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._rotated_at))
        rotated = f"{self._path}.{stamp}"
        old_fd = self._fd
        renamed = False
        try:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed it
                os.rename(self._path, rotated)
                renamed = True
            self._open()
        except OSError:
            # Carry on in the old file, under its own name.
            with contextlib.suppress(OSError):
                if renamed:
                    os.rename(rotated, self._path)
            return
        os.close(old_fd)

    def _rotated(self) -> list[str]:
        """Paths of rotated files and leftovers, oldest first."""
        directory, name = os.path.split(self._path)
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            return []
        return [os.path.join(directory, other) for other in names if other.startswith(f"{name}.")]

    def _tidy(self) -> None:
        """Make room for one more rotated file, and have the others compressed. Room is made also
        while the compressor is at work: it may be slower than the container."""
        paths = self._rotated()
        if not self.compressor_pid:
            for path in paths:
                if path.endswith(_TEMPORARY) or path + _COMPRESSED in paths:
                    remove(path)
        paths = [path for path in self._rotated() if not path.endswith(_TEMPORARY)]
        surplus = max(0, len(paths) - (self._max_files - 2))
        for path in paths[:surplus]:
            remove(path)
        plain = [path for path in paths[surplus:] if not path.endswith(_COMPRESSED)]
        if plain and not self.compressor_pid:
            self.compressor_pid = _fork_compressor(plain)


def _content_bytes(entries: bytes) -> int:
    return len(entries) - HEAD_BYTES * entries.count(b"\n")


def _fork_compressor(paths: list[str]) -> int:
    """Compress in a child, since it takes longer than a container may wait for its log. Returns its
    pid, 0 if none."""
    try:
        pid = os.fork()
    except OSError:
        return 0
    if pid:
        return pid
    try:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.nice(10)
        for path in paths:
            with contextlib.suppress(FileNotFoundError):  # one too many meanwhile
                _compress(path)
    finally:
        os._exit(0)


def _compress(path: str) -> None:
    import gzip  # only this child pays for it

    temporary = path + _TEMPORARY
    with (
        open(path, "rb") as source,
        open(temporary, "wb", opener=_private) as file,
        gzip.GzipFile("", "wb", 6, file) as target,
    ):
        while data := source.read(_COPY_BYTES):
            target.write(data)
    if not os.path.exists(path):
        remove(temporary)
        return
    os.rename(temporary, path + _COMPRESSED)
    os.unlink(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)
