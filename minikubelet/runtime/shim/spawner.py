"""The spawner: a small process that forks shims.

Role: a fork of this process costs a fraction of a fork of the daemon, and blocks nobody. It is
asked over a stream socket (`protocol.py`), keeps no state that anybody relies on, and can be
replaced at any time. One shim is always made ahead (`spare.py`).
Invariants: it is a child subreaper: what a shim leaves behind that was killed by somebody becomes a
child of the spawner, and is killed. A shim that ends by itself leaves nothing.
In foreground mode it ends last, when the daemon and all shims are gone, and removes the directories
of the run.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence

from minikubelet.runtime.shim import cgroup, linux, signals, tree, tree_end
from minikubelet.runtime.shim.child import CREATE, IGNORED_BY_SHIM, StartError
from minikubelet.runtime.shim.loop import Loop, Timer
from minikubelet.runtime.shim.protocol import LAUNCH
from minikubelet.runtime.shim.requests import receive_request
from minikubelet.runtime.shim.signals import Signals
from minikubelet.runtime.shim.spare import Spare, be_spare, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_KILL_AGAIN_SECONDS = 0.005
_GIVE_UP_SECONDS = 5.0


class Arguments:
    """Descriptors of the spawner; all but the first are for foreground mode.

    `owner`: read end of the pipe that only the daemon can write to. `alive`: read end of a pipe
    whose write ends are held by all shims, those of earlier spawners included; `alive_token`: its
    write end, for shims to inherit. `cleanup`: directories to remove at the end.
    """

    def __init__(
        self,
        control: int,
        owner: int | None = None,
        alive: int | None = None,
        alive_token: int | None = None,
        cleanup: Sequence[str] = (),
    ) -> None:
        self.control = control
        self.owner = owner
        self.alive = alive
        self.alive_token = alive_token
        self.cleanup = cleanup

    @property
    def descriptors(self) -> list[int]:
        numbers = (self.control, self.owner, self.alive, self.alive_token)
        return [number for number in numbers if number is not None]


class Spawner:
    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._control = socket.socket(fileno=arguments.control)
        self._loop = Loop()
        self._signals = Signals(self._loop, {signal.SIGCHLD: self._reap})
        self._shims: set[int] = set()
        self._spare: Spare | None = None
        self._sweeps: list[tuple[int, socket.socket]] = []
        """Pid of a shim, connection to close when nothing of it is left."""
        self._timer: Timer | None = None

    def run(self) -> None:
        """Until the daemon closes its end; in foreground mode until all shims are gone, too."""
        self._signals.open()
        self._signals.activate()
        self._loop.watch(self._control.fileno(), self._serve)
        self._refill()
        self._loop.run()
        if self._spare:
            self._spare.dismiss()
        if self._arguments.alive is not None:
            self._outlast_shims(self._arguments.alive)
            self._clean_up()
        _remove_control_groups()

    def _serve(self) -> None:
        try:
            kind, argument, reply = receive_request(self._control)
        except EOFError:
            self._loop.stop()
            return
        if kind == LAUNCH:
            self._launch(os.fsdecode(argument), reply)
        else:
            self._sweeps.append((int(argument), reply))
            self._sweep()

    def _launch(self, path: str, connection: socket.socket) -> None:
        """Whatever goes wrong is told on the connection, or by closing that."""
        try:
            self._give(path, connection)
        except OSError as error:
            refuse(connection, StartError(CREATE, f"cannot start a shim: {error}"))
        connection.close()
        self._refill()

    def _give(self, path: str, connection: socket.socket) -> None:
        spare, self._spare = self._spare, None
        if spare:
            try:
                spare.give(path, connection)
            except OSError:
                pass  # somebody has killed it
            else:
                return
        self._fork().give(path, connection)

    def _refill(self) -> None:
        with contextlib.suppress(OSError):
            self._spare = self._fork()

    def _fork(self) -> Spare:
        """Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            ours.close()
            self._become(theirs)
        theirs.close()
        self._shims.add(pid)
        return Spare(pid, ours)

    def _become(self, requests: socket.socket) -> NoReturn:
        try:
            os.setsid()
            gc.enable()
            self._control.close()
            self._signals.deactivate()
            for _, reply in self._sweeps:
                reply.close()
            if self._arguments.alive is not None:
                os.close(self._arguments.alive)
            be_spare(requests, self._arguments.owner)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def _reap(self) -> None:
        orphans = False
        try:
            for pid in tree_end.ended_children():
                status, _ = tree_end.wait_for(pid)
                orphans |= pid not in self._shims or status != 0
                self._shims.discard(pid)
        except ChildProcessError:
            orphans = False
        if orphans or self._sweeps:
            self._sweep()

    def _sweep(self) -> None:
        """Kill what killed shims have left, and answer who waits for that."""
        orphans = tree.descendants(os.getpid(), frozenset(self._shims))
        if orphans:
            tree.kill_processes(orphans)
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_later(_KILL_AGAIN_SECONDS, self._sweep)
            return
        for shim, reply in tuple(self._sweeps):
            if shim not in self._shims:
                self._sweeps.remove((shim, reply))
                reply.close()

    def _outlast_shims(self, alive: int) -> None:
        """Until the last shim has closed its end of the pipe, and nothing is left of any."""
        if self._arguments.alive_token is not None:
            os.close(self._arguments.alive_token)
        self._loop.forget(self._control.fileno())
        self._loop.watch(alive, self._loop.stop)
        self._loop.run()
        give_up_at = time.monotonic() + _GIVE_UP_SECONDS
        while orphans := tree.descendants(os.getpid()):
            tree.kill_processes(orphans)
            if time.monotonic() > give_up_at:
                return
            time.sleep(_KILL_AGAIN_SECONDS)

    def _clean_up(self) -> None:
        """Remove what the run has left on disk."""
        from pathlib import Path  # not worth its memory in every shim

        from minikubelet.runtime.trees import remove_tree

        for directory in self._arguments.cleanup:
            with contextlib.suppress(OSError):
                remove_tree(Path(directory))


def _remove_control_groups() -> None:
    """Those that killed shims have left. At the end, where nobody waits for it."""
    with contextlib.suppress(OSError):
        cgroup.sweep()


def run() -> NoReturn:
    """The program: `argv[1]` is `Arguments` as JSON."""
    # Meant for the daemon or for applications, when a whole group or machine gets them: shims take
    # the same stand, and the spawner ends with its daemon.
    for number in IGNORED_BY_SHIM:
        signal.signal(number, signal.SIG_IGN)
    signals.catch((signal.SIGCHLD, signal.SIGUSR1))
    os.umask(0o022)
    arguments = Arguments(**json.loads(sys.argv[1]))
    for fd in arguments.descriptors:
        os.set_inheritable(fd, False)
    # The daemon may have been given descriptors that it knows nothing of.
    os.closerange(max(arguments.descriptors) + 1, os.sysconf("SC_OPEN_MAX"))
    linux.become_subreaper()
    linux.set_process_name("shim-spawner")
    gc.disable()
    gc.freeze()
    Spawner(arguments).run()
    os._exit(0)
