"""The three standard descriptors of a process, and the shim's ends of them.

Role: pipes, or a pseudo-terminal for `tty: true` (L-115). Closing the child's ends in the shim is
the caller's part.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from collections.abc import Collection, Iterable

_SIZE = (80, 24)


class Stdio:
    """`child` are the ends for the new process; `outputs` are what the shim reads, by stream name.

    `stdin` is the end that the shim keeps open so that the process sees no end of input; None
    without stdin. For a terminal it is always there: its size is set through it.
    """

    __slots__ = ("child", "outputs", "stdin")

    def __init__(
        self, child: tuple[int, int, int], outputs: dict[str, int], stdin: int | None
    ) -> None:
        self.child = child
        self.outputs = outputs
        self.stdin = stdin

    @property
    def own(self) -> list[int]:
        """The shim's ends."""
        stdin = [] if self.stdin is None else [self.stdin]
        return [*stdin, *self.outputs.values()]

    def close(self) -> None:
        self.close_own_ends()
        self.close_child_ends()

    def close_own_ends(self) -> None:
        for fd in self.own:
            os.close(fd)

    def close_child_ends(self) -> None:
        for fd in set(self.child):
            os.close(fd)


def make_stdio(
    *,
    stdin: bool,
    tty: bool,
    user: int | None,
    outputs: Collection[str] = ("stdout", "stderr"),
    size: tuple[int, int] | None = None,
) -> Stdio:
    """Pipes or a terminal; the shim's ends do not block. What is not among `outputs` goes nowhere;
    a terminal prints as stdout in any case. `size` is columns and rows. Raises OSError."""
    opened: list[int] = []
    try:
        stdio = _terminal(opened, size or _SIZE) if tty else _pipes(opened, stdin, outputs)
        if user is not None:
            # Not to the child's ends: some of them may be /dev/null.
            give_to(stdio.child if tty else stdio.own, user)
        for fd in stdio.own:
            os.set_blocking(fd, False)
    except OSError:
        for fd in opened:
            os.close(fd)
        raise
    return stdio


def set_size(terminal: int, columns: int, rows: int) -> None:
    """The kernel sends SIGWINCH to who works there, if that changes anything."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def rows_of(terminal: int) -> int:
    rows, _, _, _ = struct.unpack("HHHH", fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
    return int(rows)


def _pipes(opened: list[int], with_stdin: bool, outputs: Collection[str]) -> Stdio:
    stdin: int | None = None
    if with_stdin:
        child_in, stdin = pair = os.pipe()
        opened += pair
    else:
        child_in = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        opened.append(child_in)
    child = [child_in]
    own: dict[str, int] = {}
    for name in ("stdout", "stderr"):
        if name in outputs:
            own[name], theirs = pair = os.pipe()
            opened += pair
            child.append(theirs)
        else:
            theirs = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            opened.append(theirs)
            child.append(theirs)
    return Stdio((child[0], child[1], child[2]), own, stdin)


def _terminal(opened: list[int], size: tuple[int, int]) -> Stdio:
    master, slave = pair = os.openpty()
    opened += pair
    writer = os.dup(master)  # reading and writing are watched for apart
    opened.append(writer)
    set_size(slave, *size)
    return Stdio((slave, slave, slave), {"stdout": master}, writer)


def give_to(fds: Iterable[int], user: int) -> None:
    """One end of each pipe is enough. Programs open /dev/stdout again by its path, which asks the
    owner of the pipe. Raises OSError."""
    for fd in set(fds):
        try:
            os.fchown(fd, user, -1)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EROFS, errno.EINVAL):
                raise
