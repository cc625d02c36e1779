"""What is typed, on its way to a program.

Role: write to the program's pipe or terminal without waiting for it.
Invariants: what the program has not taken yet is held here, and who feeds it is to stop while
`waiting`; a program that takes no input any more loses what comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from minikubelet.runtime.shim import stdio
from minikubelet.runtime.shim.loop import WRITABLE, Loop


class Input:
    """One program's stdin, for any number of feeders. Owns the descriptor, which does not block."""

    __slots__ = ("_fd", "_finished", "_loop", "_pending", "_terminal", "_waiters")

    def __init__(self, loop: Loop, fd: int, *, terminal: bool) -> None:
        self._loop = loop
        self._fd = fd
        self._terminal = terminal
        self._pending = b""
        self._finished = False
        self._waiters: list[Callable[[], object]] = []

    @property
    def waiting(self) -> bool:
        """Whether the program has yet to take something."""
        return bool(self._pending)

    def write(self, data: bytes) -> None:
        if self._fd < 0 or self._finished:
            return
        self._pending += data
        self._write()

    def when_taken(self, callback: Callable[[], object]) -> None:
        """Call once nothing waits any more; only while `waiting`."""
        self._waiters.append(callback)

    def finish(self) -> None:
        """No more will come: the program is to see the end of its input, behind what waits. A
        terminal has none, but for its hang-up."""
        if self._fd >= 0 and not self._terminal:
            self._finished = True
            self._write()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal and self._fd >= 0:
            stdio.set_size(self._fd, columns, rows)

    def rows(self) -> int:
        return stdio.rows_of(self._fd) if self._terminal and self._fd >= 0 else 0

    def close(self) -> None:
        self._pending = b""
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._tell_waiters()

    def _write(self) -> None:
        try:
            self._pending = self._pending[os.write(self._fd, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:  # EPIPE: it has closed its end; EIO: nobody has the terminal open
            self._pending = b""
        if self._pending:
            self._loop.watch(self._fd, self._write, WRITABLE)
        elif self._finished:
            self.close()
        else:
            self._loop.forget(self._fd)
            self._tell_waiters()

    def _tell_waiters(self) -> None:
        waiters, self._waiters = self._waiters, []
        for callback in waiters:
            callback()
