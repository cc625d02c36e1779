"""Exec and attach sessions of one container.

Role: begin each on the connection that asked for it, and know when all have ended.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from minikubelet.runtime.shim.attach import Attachments
from minikubelet.runtime.shim.capture import Leftovers
from minikubelet.runtime.shim.child import StartError
from minikubelet.runtime.shim.exec_spawn import Surroundings, spawn_command
from minikubelet.runtime.shim.exec_stream import ExecStream
from minikubelet.runtime.shim.frames import MAX_SIDE
from minikubelet.runtime.shim.linux import Process
from minikubelet.runtime.shim.loop import Loop
from minikubelet.runtime.shim.output import Output
from minikubelet.runtime.shim.stream_connection import StreamConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LINGER_SECONDS = 10.0
_TERM = {"TERM": "xterm"}


class Streams:
    def __init__(
        self,
        loop: Loop,
        surroundings: Surroundings,
        output: Output,
        stdin: int | None,
        leftovers: Leftovers,
    ) -> None:
        self._loop = loop
        self._surroundings = surroundings
        self._leftovers = leftovers
        self._attachments = Attachments(loop, surroundings.spec, output, stdin)
        self._commands: dict[int, ExecStream] = {}
        self._connections: set[StreamConnection] = set()
        self._when_idle: Callable[[], object] | None = None

    def begin(self, sock: socket.socket, request: Mapping[str, Any]) -> None:
        """Serve a `stream` message on its connection, which is ours from now on."""
        connection = StreamConnection(self._loop, sock, self._closed)
        self._connections.add(connection)
        try:
            match request["kind"]:
                case "exec":
                    self._begin_exec(connection, request)
                case "attach":
                    self._attachments.add(connection, request)
                case kind:
                    connection.refuse(f"no such session: {kind}")
        except StartError as failure:
            connection.refuse(failure.message)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            connection.close()  # it does not speak the protocol

    def reaped(self, pid: int, status: int) -> None:
        if command := self._commands.get(pid):
            command.reaped(status)

    def belongs_to_command(self, process: Process) -> bool:
        """Whether a process is in the session of a command that runs."""
        return process.sid in self._commands

    def container_ended(self) -> None:
        """Its last output has been copied."""
        self._attachments.container_ended()

    def linger(self, done: Callable[[], object]) -> None:
        """Call when all clients have what is theirs, or have had time enough."""
        if self._connections:
            self._when_idle = done
            self._loop.call_later(_LINGER_SECONDS, done)
        else:
            done()

    def _begin_exec(self, connection: StreamConnection, request: Mapping[str, Any]) -> None:
        tty = bool(request["tty"])
        width, height = int(request["width"]), int(request["height"])
        known = "TERM" in self._surroundings.spec["env"]
        command = spawn_command(
            self._surroundings,
            request["argv"],
            _TERM if tty and not known else {},
            stdin=bool(request["stdin"]),
            tty=tty,
            outputs=[name for name in ("stdout", "stderr") if request[name]],
            size=(width, height) if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE else None,
        )
        self._commands[command.pid] = ExecStream(
            self._loop,
            connection,
            command,
            terminal=tty,
            with_stdin=bool(request["stdin"]),
            leftovers=self._leftovers,
            on_end=self._command_ended,
        )

    def _command_ended(self, command: ExecStream) -> None:
        self._commands.pop(command.pid, None)

    def _closed(self, connection: StreamConnection) -> None:
        self._connections.discard(connection)
        if not self._connections and self._when_idle:
            self._when_idle()
