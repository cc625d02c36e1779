"""Clients that are attached to the container's own streams: `kubectl attach`, `run -it`.

Role: copy what the container prints to each of them, and what they type to the container.
Invariants: the log comes first, and no client can hold it up for long: one that reads slowly slows
the container down, as a slow terminal does; one that takes nothing for ten seconds is detached, and
told so behind what waits for it. So nothing is lost that a client is not told of, and no client
costs more than a chunk of memory.
Upstream: containerd's CRI attach, which lets a client that does not read stop the container.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.runtime.shim.frames import SIZE, StreamChannel
from minikubelet.runtime.shim.input import Input
from minikubelet.runtime.shim.loop import Loop, Timer
from minikubelet.runtime.shim.output import Output
from minikubelet.runtime.shim.screen import Screen
from minikubelet.runtime.shim.stream_connection import StreamConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_BACKLOG = 64 * 1024
_PATIENCE_SECONDS = 10.0
_LAST_WORDS_SECONDS = 0.25
"""What the container has to answer the end of input before its client is detached."""
_NOT_READ = f"detached: the output was not read for {_PATIENCE_SECONDS:.0f} seconds"
_SUCCESS = 0


class Attachments:
    """All attached clients of one container. Takes `stdin` (see `Stdio.stdin`)."""

    def __init__(
        self, loop: Loop, spec: Mapping[str, Any], output: Output, stdin: int | None
    ) -> None:
        self.loop = loop
        self._output = output
        terminal = bool(spec["tty"])
        self.input = None if stdin is None else Input(loop, stdin, terminal=terminal)
        self.takes_stdin = bool(spec["stdin"])
        self.once = bool(spec["stdin_once"]) and not terminal
        """The end of the first client's input is the end of the container's (K-78)."""
        self._screen = Screen() if terminal else None
        self._clients: list[AttachedClient] = []
        if self._screen:
            output.copy_to(self._copy)

    def add(self, connection: StreamConnection, request: Mapping[str, Any]) -> None:
        names = [name for name in ("stdout", "stderr") if request[name]]
        client = AttachedClient(self, connection, names, bool(request["stdin"]))
        self._clients.append(client)
        self._output.copy_to(self._copy)
        connection.serve(client)
        connection.accept()
        if self._screen and self.input and "stdout" in names:
            client.feed("stdout", self._screen.last_lines(self.input.rows()))

    def container_ended(self) -> None:
        for client in tuple(self._clients):
            client.detach(_SUCCESS)

    def remove(self, client: AttachedClient) -> None:
        if client in self._clients:
            self._clients.remove(client)
        if not self._clients and not self._screen:
            self._output.copy_to(None)
        self.adjust()

    def adjust(self) -> None:
        """Hold the container's output up while a client is behind."""
        if any(client.behind for client in self._clients):
            self._output.pause()
        else:
            self._output.resume()

    def _copy(self, stream: str, data: bytes) -> None:
        if self._screen:
            self._screen.feed(data)
        for client in tuple(self._clients):
            client.feed(stream, data)


class AttachedClient:
    def __init__(
        self,
        attachments: Attachments,
        connection: StreamConnection,
        streams: list[str],
        with_stdin: bool,
    ) -> None:
        self._attachments = attachments
        self._connection = connection
        self._streams = streams
        self._input = attachments.input
        self._feeds = with_stdin and attachments.takes_stdin
        self._timer: Timer | None = None
        self._sent_before = 0

    @property
    def behind(self) -> bool:
        return self._connection.backlog > _MAX_BACKLOG

    def feed(self, stream: str, data: bytes) -> None:
        if stream not in self._streams or not data:
            return
        channel = StreamChannel.STDERR if stream == "stderr" else StreamChannel.STDOUT
        self._connection.send(channel, data)
        if self.behind and self._timer is None:
            self._attachments.adjust()
            self._be_patient()

    def received(self, channel: int, payload: bytes) -> None:
        if self._input is None:
            return
        if channel == StreamChannel.STDIN and self._feeds:
            self._input.write(payload)
            if self._input.waiting:
                self._connection.pause()
                self._input.when_taken(self._connection.resume)
        elif channel == StreamChannel.CLOSE_STDIN and self._feeds:
            self._end_input()
            if not self._attachments.once:
                # Of no more use to a client with a pipe, for which there is no other end.
                self._attachments.loop.call_later(_LAST_WORDS_SECONDS, self._detach_at_end)
        elif channel == StreamChannel.RESIZE and len(payload) == SIZE.size:
            self._input.resize(*SIZE.unpack(payload))

    def sent(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
            self._attachments.adjust()

    def gone(self) -> None:
        self._end_input()
        self._leave()

    def detach(self, exit_code: int | None, message: str = "") -> None:
        """End the session, behind what waits for the client."""
        self._end_input()
        self._connection.end(exit_code, message)
        self._leave()

    def _detach_at_end(self) -> None:
        if not self._connection.ending:
            self.detach(_SUCCESS)

    def _end_input(self) -> None:
        if self._feeds:
            self._feeds = False
            if self._attachments.once and self._input:
                self._input.finish()

    def _be_patient(self) -> None:
        self._sent_before = self._connection.sent_bytes
        self._timer = self._attachments.loop.call_later(_PATIENCE_SECONDS, self._lose_patience)

    def _lose_patience(self) -> None:
        if self._connection.sent_bytes > self._sent_before:
            self._be_patient()
        else:
            self.detach(None, _NOT_READ)

    def _leave(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._attachments.remove(self)
