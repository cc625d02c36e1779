"""The daemon's side of the spawner: start it, ask it to fork shims, start it again when it has
died.

Role: starts one process per run of the daemon, by `posix_spawn` (vfork: cheap for a large process,
and only once); everything after that is a message on a socket.
Invariants: a request is one small write that blocks nobody; if the spawner is gone, another is
started at once, and if that cannot live, by the next request. It has a session of its
own, so signals of the terminal do not reach it.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from minikubelet.runtime import shim
from minikubelet.runtime.shim.protocol import LAUNCH, SPAWNER_HEADER, SWEEP

_FIRST_DESCRIPTOR = 3
_ABOVE_TARGETS = 16
_PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
"""What an interpreter may need to start; the rest of the daemon's environment stays with it."""


class SpawnerClient:
    """Owns the spawner process, and in foreground mode the pipe whose end is the daemon's end."""

    def __init__(self, *, cleanup: Sequence[Path], die_with_owner: bool) -> None:
        self._cleanup = [str(path) for path in cleanup]
        self._die_with_owner = die_with_owner
        self._sending = asyncio.Lock()
        self._control: socket.socket | None = None
        self._pid = 0
        self._ended = asyncio.Event()
        self._asked = False
        self._closing = False
        self._pipes: dict[str, int] = {}

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._pid

    def open(self) -> None:
        """Start the spawner. Raises OSError."""
        if self._die_with_owner:
            owner, owner_token = os.pipe()
            alive, alive_token = os.pipe()
            self._pipes = {
                "owner": owner,
                "alive": alive,
                "alive_token": alive_token,
                "owner_token": owner_token,
            }
        self._spawn()

    async def launch(self, launch_path: Path) -> socket.socket:
        """Have a shim forked for this launch file; returns the connection to it. Raises OSError."""
        return await self._request(LAUNCH, os.fsencode(launch_path))

    async def sweep(self, shim_pid: int) -> None:
        """Return when the shim and whatever it has left behind are gone, as far as this spawner is
        its ancestor. Raises OSError."""
        reply = await self._request(SWEEP, str(shim_pid).encode())
        try:
            await asyncio.get_running_loop().sock_recv(reply, 1)
        finally:
            reply.close()

    async def close(self) -> None:
        """End the spawner. In foreground mode that ends all containers first, and returns when
        nothing of the run is left."""
        self._closing = True
        if self._pipes and self._control is None:
            self._spawn()  # for what is to be removed at the end
        if owner_token := self._pipes.pop("owner_token", None):
            os.close(owner_token)
        while self._pipes:
            os.close(self._pipes.popitem()[1])
        if self._control:
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)
            await self._ended.wait()

    def _spawn(self) -> None:
        control, theirs = socket.socketpair()
        control.setblocking(False)
        passed = {"control": theirs.fileno(), **self._pipes}
        passed.pop("owner_token", None)
        # Out of the way of the numbers that they get in the new process.
        copies = {
            name: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_TARGETS)
            for name, fd in passed.items()
        }
        arguments: dict[str, object] = {
            name: _FIRST_DESCRIPTOR + index for index, name in enumerate(copies)
        }
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(_FIRST_DESCRIPTOR)
        ]
        for index, fd in enumerate(copies.values()):
            actions.append((os.POSIX_SPAWN_DUP2, fd, _FIRST_DESCRIPTOR + index))
        arguments["cleanup"] = self._cleanup
        program = os.path.join(os.path.dirname(shim.__file__), "__main__.py")
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-X", "utf8", program, json.dumps(arguments)],
                {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ},
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
            )
        except OSError:
            control.close()
            raise
        finally:
            theirs.close()
            for fd in copies.values():
                os.close(fd)
        self._control = control
        self._ended.clear()
        asyncio.get_running_loop().add_reader(control, self._on_readable)

    def _on_readable(self) -> None:
        """The spawner never writes: it has ended."""
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._control = None
        # It closes its end by exiting, so this waits for no more than the rest of that.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        self._pid = 0
        self._ended.set()
        if self._asked and not self._closing:
            # In foreground mode somebody must outlive this process, to clean up after it; and a
            # daemon without one is not healthy. Not again at once, in case it cannot live.
            self._asked = False
            with contextlib.suppress(OSError):
                self._spawn()

    async def _request(self, kind: bytes, argument: bytes) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        data = SPAWNER_HEADER.pack(kind, len(argument)) + argument
        rights = [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]).tobytes())
        ]
        self._asked = True
        try:
            async with self._sending:
                while True:
                    if self._control is None:
                        self._spawn()
                    control = self._control
                    assert control
                    try:
                        control.sendmsg([data], rights)
                        break
                    except BlockingIOError:
                        await _writable(control)
                    except ConnectionError:
                        self._on_readable()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours


async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def on_writable() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(sock, on_writable)
    try:
        await ready
    finally:
        loop.remove_writer(sock)
