"""The three standard descriptors of a container, and the shim's ends of them.

Role: pipes, or a pseudo-terminal for `tty: true` (L-115). Closing the child's ends in the shim is
the caller's part.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLUMNS, _ROWS = 80, 24


class Stdio:
    """`child` are the ends for the new process; `outputs` are what the shim reads, by stream name.

    `stdin` is the end that the shim keeps open so that the process sees no end of input; None
    without `stdin: true`.
    """

    __slots__ = ("child", "outputs", "stdin")

    def __init__(
        self, child: tuple[int, int, int], outputs: dict[str, int], stdin: int | None
    ) -> None:
        self.child = child
        self.outputs = outputs
        self.stdin = stdin

    def close(self) -> None:
        own = set(self.outputs.values())
        if self.stdin is not None:
            own.add(self.stdin)
        for fd in own.union(self.child):
            os.close(fd)

    def close_child_ends(self) -> None:
        for fd in set(self.child):
            os.close(fd)


def make_stdio(spec: Mapping[str, Any]) -> Stdio:
    """Pipes or a terminal as the spec says; the shim's ends do not block."""
    stdio = _terminal() if spec["tty"] else _pipes(with_stdin=spec["stdin"])
    for fd in stdio.outputs.values():
        os.set_blocking(fd, False)
    if spec["user"] is not None:
        for fd in set(stdio.child):
            _give_to(fd, spec["user"])
    return stdio


def _pipes(*, with_stdin: bool) -> Stdio:
    stdin: int | None = None
    if with_stdin:
        child_in, stdin = os.pipe()
    else:
        child_in = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    out, child_out = os.pipe()
    err, child_err = os.pipe()
    return Stdio((child_in, child_out, child_err), {"stdout": out, "stderr": err}, stdin)


def _terminal() -> Stdio:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    return Stdio((slave, slave, slave), {"stdout": master}, master)


def _give_to(fd: int, user: int) -> None:
    # Programs open /dev/stdout again by its path, which asks the owner of the pipe.
    try:
        os.fchown(fd, user, -1)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EROFS, errno.EINVAL):
            raise
