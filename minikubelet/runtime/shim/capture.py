"""Read one pipe of a command to its end, and keep the beginning of what comes.

Role: the output of commands run in a container. A pipe is read on after the limit, so that the
writer is never blocked.
"""

from __future__ import annotations

import os

from minikubelet.runtime.shim.loop import Loop

_READ_BYTES = 65536
_PIPE_BYTES = 1024 * 1024
"""More than a pipe holds."""


class Capture:
    """Keeps the first `limit` bytes. Owns the descriptor; the end of the stream closes it."""

    def __init__(self, loop: Loop, fd: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.data = b""
        self._loop = loop
        self._fd = fd
        self._limit = limit
        loop.watch(fd, self._pump)

    @property
    def open(self) -> bool:
        return self._fd >= 0

    def drain(self) -> None:
        """Take what is in the pipe now."""
        taken = 0
        while self.open and taken < _PIPE_BYTES and (count := self._pump()):
            taken += count

    def discard(self) -> None:
        """Forget what was read, keep nothing more."""
        self.data = b""
        self._limit = 0

    def close(self) -> None:
        if self.open:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _pump(self) -> int:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
        elif len(self.data) < self._limit:
            self.data += data[: self._limit - len(self.data)]
        return len(data)
