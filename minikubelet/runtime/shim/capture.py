"""Read one pipe of a command to its end, and keep the beginning of what comes.

Role: the output of commands run in a container. A pipe is read on after the limit, so that the
writer is never blocked.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable

from minikubelet.runtime.shim.loop import Loop

_READ_BYTES = 65536
_PIPE_BYTES = 1024 * 1024
"""More than a pipe holds."""
_MAX_LEFTOVERS = 64


class Capture:
    """Keeps the first `limit` bytes. Owns the descriptor, which does not block; the end of the
    stream closes it."""

    def __init__(self, loop: Loop, fd: int, limit: int) -> None:
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


class Leftovers:
    """Pipes of commands that have ended, while somebody in the background may still write to them:
    what comes is thrown away. Of many, the oldest are closed."""

    def __init__(self) -> None:
        self._captures: deque[Capture] = deque()

    def take(self, captures: Iterable[Capture]) -> None:
        for capture in captures:
            if capture.open:
                capture.discard()
                self._captures.append(capture)
        while len(self._captures) > _MAX_LEFTOVERS:
            self._captures.popleft().close()
