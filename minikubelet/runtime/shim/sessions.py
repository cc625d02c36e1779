"""What others have going on in one container: commands that are answered, exec and attach sessions.

Role: hand each request to who serves it, and what the shim learns of processes to all of them.
Invariants: what exec and attach need is made for the first such session, or for a terminal, which
is remembered for later clients: a container without either has nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

from minikubelet.runtime.shim.capture import Leftovers
from minikubelet.runtime.shim.connections import Connection
from minikubelet.runtime.shim.exec_session import ExecSessions
from minikubelet.runtime.shim.exec_spawn import Surroundings
from minikubelet.runtime.shim.linux import Process
from minikubelet.runtime.shim.loop import Loop
from minikubelet.runtime.shim.output import Output
from minikubelet.runtime.shim.protocol import Message
from minikubelet.runtime.shim.streams import Streams

_NOT_RUNNING = "the container is not running"


class Sessions:
    """`reaped` is to be told of each child that was waited for; `stdin` is `Stdio.stdin`."""

    def __init__(
        self, loop: Loop, surroundings: Surroundings, output: Output, stdin: int | None
    ) -> None:
        self._loop = loop
        self._surroundings = surroundings
        self._output = output
        self._stdin = stdin
        self._leftovers = Leftovers()
        self._commands = ExecSessions(loop, surroundings, self._leftovers)
        self._streams = self._make_streams() if surroundings.spec["tty"] else None

    def serve(self, connection: Connection, message: Message) -> None:
        """An `exec` or `stream` request."""
        if message["type"] == "exec":
            self._commands.start(connection, message, connection.send)
            return
        if self._streams is None:
            self._streams = self._make_streams()
        self._streams.begin(connection.hand_over(), message)

    def cancel(self, owner: Connection, id: int | None = None) -> None:
        """See `ExecSessions.cancel`."""
        self._commands.cancel(owner, id)

    def reaped(self, pid: int, status: int) -> None:
        self._commands.reaped(pid, status)
        if self._streams:
            self._streams.reaped(pid, status)

    def belongs_to_command(self, process: Process) -> bool:
        """Whether a process is in the session of a command that runs."""
        return self._commands.belongs_to_command(process) or (
            self._streams is not None and self._streams.belongs_to_command(process)
        )

    def container_ended(self) -> None:
        """Nothing of it lives, and its last output has been copied."""
        if self._streams:
            self._streams.container_ended()

    def linger(self, done: Callable[[], object]) -> None:
        """Call when all clients have what is theirs, or have had time enough."""
        if self._streams:
            self._streams.linger(done)
        else:
            done()

    def _make_streams(self) -> Streams:
        return Streams(self._loop, self._surroundings, self._output, self._stdin, self._leftovers)


def refuse(connection: Connection, message: Message) -> None:
    """Answer an `exec` or `stream` request where there is no container any more, or not yet."""
    if message["type"] == "exec":
        connection.send({"type": "exec_failed", "id": message["id"], "message": _NOT_RUNNING})
    else:
        connection.send({"type": "stream_failed", "message": _NOT_RUNNING})
