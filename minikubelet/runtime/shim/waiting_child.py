"""The process that is to become a container's, forked before it is known which.

Role: what a fork costs is paid before anybody waits for it. The child is told what to become by
the launch file, through a pipe; until all of that has come it does nothing.
Invariants: it dies with its shim, and a launch file that breaks off is none: no program runs before
its shim has let it go.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping

from minikubelet.runtime.shim import child, linux, mounts
from minikubelet.runtime.shim.stdio import Stdio, make_stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_READ_BYTES = 65536


class WaitingChild:
    """`stdio` is what it will have. `status` is readable when its program runs, or has failed to:
    see `child.read_failure`; closing it is the caller's part, and so is waiting for the process."""

    def __init__(self, *, stdin: bool = False, tty: bool = False, user: int | None = None) -> None:
        """Raises OSError."""
        self.stdio = make_stdio(stdin=stdin, tty=tty, user=user)
        opened: list[int] = []
        try:
            self.status, told = os.pipe()
            opened += (self.status, told)
            asked, self._go = os.pipe()
            opened += (asked, self._go)
            shim = os.getpid()
            self.pid = os.fork()
        except OSError:
            self.stdio.close()
            for fd in opened:
                os.close(fd)
            raise
        if self.pid == 0:
            os.close(self._go)
            _wait(shim, asked, told, self.stdio)
        self.stdio.close_child_ends()
        os.close(told)
        os.close(asked)

    def lives(self) -> bool:
        """Somebody may have killed it while it waited; then this waits for it, once."""
        return os.waitpid(self.pid, os.WNOHANG)[0] == 0

    def let_go(self, launch: bytes) -> None:
        """Tell it what to become. One that has ended is no error: its status says so."""
        try:
            with contextlib.suppress(BrokenPipeError):
                while launch:
                    launch = launch[os.write(self._go, launch) :]
        finally:
            os.close(self._go)

    def dismiss(self) -> None:
        """It is of no use any more, and has not been let go. Does not wait for it."""
        os.close(self._go)
        os.close(self.status)
        self.stdio.close_own_ends()


def _wait(shim: int, asked: int, told: int, stdio: Stdio) -> NoReturn:
    try:
        _tie_to(shim)
        child.settle(stdio.child)
        spec = json.loads(_read_all(asked))
    except (OSError, ValueError):
        os._exit(128)
    child.run_child(
        spec=spec,
        argv=spec["argv"],
        env=spec["env"],
        status=told,
        enter=lambda: _enter(spec),
        # Another user may have been taken on, which has undone it.
        ready=lambda: _tie_to(shim),
    )


def _tie_to(shim: int) -> None:
    linux.die_with_parent()
    if os.getppid() != shim:  # it has ended before the line above
        os._exit(128)


def _enter(spec: Mapping[str, Any]) -> None:
    if spec.get("no_new_privileges"):
        linux.forbid_new_privileges()
    if spec["mounts"]:
        try:
            mounts.enter(spec["mounts"], spec["user"])
        except OSError as error:
            raise child.StartError(child.CONFIG, child.reason(error)) from None
        except mounts.MountError as error:
            raise child.StartError(child.CONFIG, str(error)) from None


def _read_all(fd: int) -> bytes:
    data = b""
    while part := os.read(fd, _READ_BYTES):
        data += part
    return data
