"""Carry what a container prints from its pipes to its log file, and to those who are attached."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial

from minikubelet.runtime.shim.log_file import LogFile
from minikubelet.runtime.shim.log_writer import LineFormatter
from minikubelet.runtime.shim.loop import Loop

_READ_BYTES = 65536
_DRAIN_BYTES = 4 * 1024 * 1024
"""More than the pipes of a container can hold: an outsider who goes on writing cannot hold up its
end."""


class Output:
    """The streams of one container. Owns the descriptors."""

    def __init__(self, loop: Loop, streams: Mapping[str, int], log: LogFile) -> None:
        self._loop = loop
        self._log = log
        self._formatters = {fd: LineFormatter(name) for name, fd in streams.items()}
        self._names = {fd: name for name, fd in streams.items()}
        self._copy: Callable[[str, bytes], None] | None = None
        self._paused = True
        self.resume()

    def copy_to(self, copy: Callable[[str, bytes], None] | None) -> None:
        """Whom to give each chunk, by stream name, when it is logged."""
        self._copy = copy

    def pause(self) -> None:
        """Take nothing more from the container until `resume`; it waits when its pipes are full."""
        self._paused = True
        for fd in self._formatters:
            self._loop.forget(fd)

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            for fd in self._formatters:
                self._loop.watch(fd, partial(self._pump, fd))

    def finish(self) -> None:
        """Write what is left once all writers are dead, and close."""
        for fd in tuple(self._formatters):
            taken = 0
            while taken < _DRAIN_BYTES and (count := self._pump(fd)):
                taken += count
            if fd in self._formatters:
                self._end(fd)
        self._log.close()

    def _pump(self, fd: int) -> int:
        """Move one chunk; the number of bytes, 0 when there is nothing now or any more."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: the last holder of a terminal has closed it
            data = b""
        if not data:
            self._end(fd)
            return 0
        self._log.write(self._formatters[fd].feed(data, time.time_ns()))
        if self._copy:
            self._copy(self._names[fd], data)
        return len(data)

    def _end(self, fd: int) -> None:
        self._log.write(self._formatters.pop(fd).finish(time.time_ns()))
        self._loop.forget(fd)
        os.close(fd)
