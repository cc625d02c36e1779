"""A shim that is forked before anybody asks for it, and waits with its child for a launch file.

Role: two forks and the pages that they copy take longer than all the rest of a start; so a start
takes the spare, and the next spare is made beside it.
Invariants: a spare ends with its spawner, and what waits in it for a launch file ends with it. One
that is killed while it waits, or with a request in its hands, closes the connection that came with
that: who asked hears of it, and asks again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket

from minikubelet.runtime.shim import linux
from minikubelet.runtime.shim.child import CREATE, StartError
from minikubelet.runtime.shim.main import Shim, prepare_shim, start_failed
from minikubelet.runtime.shim.protocol import LAUNCH, encode
from minikubelet.runtime.shim.records import ERROR_LOG, encode_record, remove
from minikubelet.runtime.shim.requests import receive_request, send_request
from minikubelet.runtime.shim.waiting_child import WaitingChild

_END_SECONDS = 1.0
"""One that was stopped does not see that it is to end."""

_NOTHING = (
    b'{"die_with_owner":true,"mounts":[],"socket_path":"","log_path":"","log_max_bytes":0,'
    b'"log_max_files":0}'
)
"""Of a launch file what a shim is made of."""


class Spare:
    """The spawner's side of one."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self._sock = sock

    def give(self, launch_path: str, connection: socket.socket) -> None:
        """Make it the shim of this instance. Raises OSError when it is gone."""
        try:
            send_request(self._sock, LAUNCH, os.fsencode(launch_path), connection)
        finally:
            self._sock.close()

    def dismiss(self) -> None:
        """Returns when it has ended, and what waited in it: killed, if it does not do so itself."""
        with self._sock as sock, contextlib.suppress(ProcessLookupError, ChildProcessError):
            try:
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(_END_SECONDS)
                sock.recv(1)  # closed when it ends
            except OSError:
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def be_spare(requests: socket.socket, owner: int | None) -> None:
    """Wait, and be a shim until its container has ended. For a process that was forked for it."""
    waiting = _make_child()  # first: what this process has copied by then is copied once more
    linux.become_subreaper()
    linux.set_process_name("shim-spare")
    _rehearse()
    try:
        _, argument, connection = receive_request(requests)
    except EOFError:
        if waiting:
            waiting.dismiss()
            os.waitpid(waiting.pid, 0)
        return
    requests.close()
    path = os.fsdecode(argument)
    try:
        shim = _prepare(path, connection, owner, waiting)
        if shim:
            shim.run()
    except BaseException:
        _leave_traceback(os.path.dirname(path))
        raise


def _make_child() -> WaitingChild | None:
    try:
        return WaitingChild()
    except OSError:
        return None  # tried again when there is somebody to be told of it


def _rehearse() -> None:
    """A shim's first steps write to some hundred pages that it still shares with the spawner; each
    is copied when it is written to: better now than when somebody waits."""
    Shim(-1, _NOTHING, None, None)
    encode_record({"start_time": linux.start_time(os.getpid()), "boot_id": linux.boot_id()})


def _prepare(
    path: str, connection: socket.socket, owner: int | None, waiting: WaitingChild | None
) -> Shim | None:
    """Whatever goes wrong is told on the connection, or by closing that."""
    try:
        return prepare_shim(path, connection, owner, waiting)
    except StartError as error:
        refuse(connection, error)
    except Exception as error:
        refuse(connection, StartError(CREATE, f"cannot start a shim for {path}: {error}"))
    return None


def refuse(connection: socket.socket, failure: StartError) -> None:
    with contextlib.suppress(OSError):
        connection.send(encode(start_failed(failure)))


def _leave_traceback(directory: str) -> None:
    """A shim that fails takes its container along; the reason stays beside the records."""
    import traceback  # not worth its memory in every shim

    path = os.path.join(directory, ERROR_LOG)
    remove(path)
    try:
        with open(path, "x", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    except OSError:
        return
