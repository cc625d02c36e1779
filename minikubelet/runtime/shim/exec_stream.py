"""A command that runs in a container with its streams connected to a client: `kubectl exec`.

Role: carry input and output between the command and the connection, tell how it ended; and when the
client goes away first, end what the command has started: SIGHUP, as from a terminal that is closed,
and SIGKILL for what stays (K-78).
Invariants: output is taken from the command only when the client has taken what was there before,
so that a client that does not read holds the command up, not the memory (K-79). The result comes
behind all that was in the pipes when the command ended (K-70); a background process that keeps them
open holds it up for a moment only.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable
from functools import partial

from minikubelet.runtime.shim import linux, tree
from minikubelet.runtime.shim.capture import Capture, Leftovers
from minikubelet.runtime.shim.child import read_failure
from minikubelet.runtime.shim.exec_spawn import SpawnedCommand
from minikubelet.runtime.shim.frames import MAX_PAYLOAD, SIZE, StreamChannel
from minikubelet.runtime.shim.input import Input
from minikubelet.runtime.shim.loop import Loop, Timer
from minikubelet.runtime.shim.stream_connection import StreamConnection

_CHANNELS = {"stdout": StreamChannel.STDOUT, "stderr": StreamChannel.STDERR}
_DRAIN_SECONDS = 0.1
"""How long the pipes may stay open after the command's end without holding up its result."""
_HANG_UP_SECONDS = 1.0
"""What the command has between SIGHUP and SIGKILL."""
_KILL_AGAIN_SECONDS = 0.005
_GIVE_UP_ROUNDS = 1000
_HALT_ROUNDS = 100
_STILL = "TtDZX"
"""States in which nothing is forked; who sleeps in the kernel for a disk may be there for long."""


class ExecStream:
    """One command. `on_end(session)` comes once, when nothing of it is left to be done."""

    def __init__(
        self,
        loop: Loop,
        connection: StreamConnection,
        command: SpawnedCommand,
        *,
        terminal: bool,
        with_stdin: bool,
        leftovers: Leftovers,
        on_end: Callable[[ExecStream], None],
    ) -> None:
        self.pid = command.pid
        self._loop = loop
        self._connection = connection
        self._status = command.status
        self._terminal = terminal
        self._with_stdin = with_stdin
        self._leftovers = leftovers
        self._on_end = on_end
        stdio = command.stdio
        self._input = None if stdio.stdin is None else Input(loop, stdio.stdin, terminal=terminal)
        self._outputs = {fd: _CHANNELS[name] for name, fd in stdio.outputs.items()}
        self._exit_code: int | None = None
        self._owed: dict[int, int] = {}
        """Bytes that were in the pipes when the command ended."""
        self._drained = False
        self._timer: Timer | None = None
        self._known: set[tuple[int, int]] = set()
        """What was seen of its processes since the client went away, by pid and start time."""
        self._rounds = 0
        self._gone = False
        connection.serve(self)
        if self._status is None:
            self._begin()
        else:
            loop.watch(self._status, self._settle)

    # --- what the connection tells

    def received(self, channel: int, payload: bytes) -> None:
        if self._input is None:
            return
        if channel == StreamChannel.STDIN and self._with_stdin:
            self._input.write(payload)
            if self._input.waiting:
                self._connection.pause()
                self._input.when_taken(self._connection.resume)
        elif channel == StreamChannel.CLOSE_STDIN:
            self._input.finish()
        elif channel == StreamChannel.RESIZE and len(payload) == SIZE.size:
            self._input.resize(*SIZE.unpack(payload))

    def sent(self) -> None:
        self._watch_outputs()

    def gone(self) -> None:
        self._gone = True
        if self._exit_code is None:
            self._cancel_timer()
            # Before a terminal is closed, which ends the leader: its children would be orphans that
            # nobody knows.
            self._signal_members(signal.SIGHUP)
            self._release()
            self._timer = self._loop.call_later(_HANG_UP_SECONDS, self._kill)
        else:
            self._release()
            self._leave()

    # --- start and end of the command

    def reaped(self, status: int) -> None:
        """Its main process has ended, and was waited for."""
        self._settle()
        self._exit_code = linux.exit_code_of(status)
        if self._connection.ending:
            self._release()
            self._leave()
        elif self._gone:
            self._look_again()
        else:
            self._owed = {fd: _readable_bytes(fd) for fd in self._outputs}
            self._timer = self._loop.call_later(_DRAIN_SECONDS, self._on_drain_time)
            self._end_if_drained()

    def _settle(self) -> None:
        """Learn whether the forked child could execute the command."""
        if self._status is None:
            return
        failure = read_failure(self._status)
        self._loop.forget(self._status)
        os.close(self._status)
        self._status = None
        if failure is None:
            self._begin()
        else:
            self._connection.refuse(failure.message)

    def _begin(self) -> None:
        self._connection.accept()
        self._watch_outputs()

    # --- output

    def _watch_outputs(self) -> None:
        for fd in self._outputs:
            self._loop.watch(fd, partial(self._pump, fd))

    def _pump(self, fd: int) -> None:
        try:
            data = os.read(fd, MAX_PAYLOAD)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last holder of a terminal has closed it
            data = b""
        if not data:
            self._close_output(fd)
        else:
            if fd in self._owed:
                self._owed[fd] -= len(data)
            self._connection.send(self._outputs[fd], data)
            if self._connection.backlog:
                for output in self._outputs:
                    self._loop.forget(output)
        self._end_if_drained()

    def _close_output(self, fd: int) -> None:
        del self._outputs[fd]
        self._owed.pop(fd, None)
        self._loop.forget(fd)
        os.close(fd)

    def _on_drain_time(self) -> None:
        self._drained = True
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        """Tell the result once all output is on its way."""
        if self._exit_code is None or self._connection.ending or self._gone:
            return
        if not self._outputs or (
            self._drained and not any(owed > 0 for owed in self._owed.values())
        ):
            self._connection.end(self._exit_code)
            self._cancel_timer()
            self._release()
            self._leave()

    # --- the client has gone

    def _kill(self) -> None:
        """SIGKILL until nothing of the command lives."""
        left = self._signal_members(signal.SIGKILL)
        self._rounds += 1
        if (self._exit_code is None or left) and self._rounds < _GIVE_UP_ROUNDS:
            self._timer = self._loop.call_later(_KILL_AGAIN_SECONDS, self._kill)
        else:
            self._leave()

    def _look_again(self) -> None:
        """The main process has ended; others may yet live until the time is up."""
        if not self._signal_members(0):
            self._leave()

    def _signal_members(self, number: int) -> bool:
        members = self._halted() if number else self._members()
        for process in members if number else ():
            linux.send_signal(process, number)
            linux.send_signal(process, signal.SIGCONT)
        return bool(members)

    def _halted(self) -> list[linux.Process]:
        """All members, standing still: else one could fork away between the look and its signal,
        and its child would belong to nobody. A fork that is under way is finished before a process
        stops, so the last look is after that."""
        for _ in range(_HALT_ROUNDS):
            members = self._members()
            moving = [process for process in members if process.state not in _STILL]
            for process in moving:
                linux.send_signal(process, signal.SIGSTOP)
            if not moving:
                break
        return members

    def _members(self) -> list[linux.Process]:
        members = tree.session_members(self.pid, self._known)
        self._known.update((process.pid, process.start_time) for process in members)
        return members

    def _release(self) -> None:
        """Nobody listens any more. A terminal is closed, which hangs up; pipes are not, since who
        still writes, in the background or as its last words, is not to die of that."""
        if self._terminal:
            for fd in tuple(self._outputs):
                self._close_output(fd)
        pipes, self._outputs = tuple(self._outputs), {}
        self._leftovers.take(Capture(self._loop, fd, 0) for fd in pipes)
        if self._input:
            self._input.close()

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        self._cancel_timer()
        self._on_end(self)


def _readable_bytes(fd: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    return int(count)
