"""A program on a pseudo-terminal, and somebody who types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

PATIENCE_SECONDS = 20.0


class Terminal:
    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self.seen = b""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, width: int, height: int) -> None:
        """The kernel tells the program in the foreground."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def wait_for(self, text: str) -> None:
        """Read until it has been shown, once more than at the last call."""
        wanted = text.encode()
        while wanted not in self.seen:
            ready, _, _ = select.select([self._master], [], [], PATIENCE_SECONDS)
            data = self._read() if ready else b""
            assert data, f"{text!r} was not shown: {self.seen!r}"
            self.seen += data
        self.seen = self.seen.partition(wanted)[2]

    def end(self) -> int:
        """Read to the end; the exit code."""
        while data := self._read():
            self.seen += data
        return self.process.wait(PATIENCE_SECONDS)

    def _read(self) -> bytes:
        try:
            return os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the other side open
            return b""


@contextmanager
def on_terminal(command: Sequence[str], env: Mapping[str, str]) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=dict(env),
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
