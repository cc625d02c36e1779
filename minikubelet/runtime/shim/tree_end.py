"""See to it that nothing of a container's tree lives.

Role: after the main process is gone, kill and wait, again and again, until there is no child left:
as the shim is a child subreaper, that proves that there is no descendant left.
"""

from __future__ import annotations

import os
import resource  # noqa: F401 - what `wait4` would import in each shim
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from minikubelet.runtime.shim import tree
from minikubelet.runtime.shim.linux import Process
from minikubelet.runtime.shim.loop import Loop, Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage


STUCK_SECONDS = 5.0
"""After so long a process that SIGKILL does not end is reported (L-200)."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.1
_MAX_NAMES = 32
_ALL_KINDS = 0x40000000 if sys.platform == "linux" else 0
"""__WALL: also children that clone() made without SIGCHLD."""


def ended_children() -> Iterator[int]:
    """Pids of children that have ended; the caller waits for each before the next (`wait_for`),
    and until then its pid stays taken.

    Raises ChildProcessError when there is no child at all.
    """
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _ALL_KINDS)
        if ended is None:
            return
        yield ended.si_pid


def wait_for(pid: int) -> tuple[int, struct_rusage]:
    """Wait status and usage of a child that has ended."""
    _, status, usage = os.wait4(pid, _ALL_KINDS)
    return status, usage


class TreeEnd:
    """Kill rounds with growing pauses. `again()` runs after each pause, and may begin the next
    round."""

    def __init__(
        self, loop: Loop, again: Callable[[], None], on_stuck: Callable[[list[Process]], None]
    ) -> None:
        self._loop = loop
        self._again = again
        self._on_stuck = on_stuck
        self._pause = _FIRST_PAUSE
        self._stuck_at: float | None = None
        self._timer: Timer | None = None

    def kill_round(self) -> None:
        """SIGKILL to every descendant of this process; look again after a pause."""
        left = tree.descendants(os.getpid())
        tree.kill_processes(left)
        now = time.monotonic()
        if self._stuck_at is None:
            self._stuck_at = now + STUCK_SECONDS
        elif left and now >= self._stuck_at:
            self._stuck_at = float("inf")
            self._on_stuck(left)
        self.cancel()
        self._timer = self._loop.call_later(self._pause, self._again)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def cancel(self) -> None:
        if self._timer:
            self._timer.cancel()


def names_of(processes: Sequence[Process]) -> list[str]:
    """As people read them: `pid name`; of a crowd only the first."""
    return [f"{process.pid} {process.comm}" for process in processes[:_MAX_NAMES]]
