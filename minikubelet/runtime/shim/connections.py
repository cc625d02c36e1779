"""Connections of daemons to one shim.

Role: listen, accept, frame messages, answer without ever blocking. The first connection comes from
the spawner; a later daemon connects to the socket.
Invariants: a peer that does not read, or does not speak the protocol, is dropped; it cannot hold
the shim up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from minikubelet.runtime.shim.loop import READABLE, WRITABLE, Loop
from minikubelet.runtime.shim.protocol import Decoder, Message, encode
from minikubelet.runtime.shim.records import remove

_READ_BYTES = 65536
_BACKLOG = 128
"""Each exec and attach session is a connection, and many may begin at a time."""
_MAX_UNSENT = 64 * 1024 * 1024


class Connection:
    """One peer. `on_message(connection, message)`, `on_closed(connection)`."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_message: Callable[[Connection, Message], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._on_message = on_message
        self._on_closed = on_closed
        self._decoder = Decoder()
        self._unsent = b""
        self._open = True
        loop.watch(sock.fileno(), self._ready)

    def send(self, message: Message) -> None:
        self.send_encoded(encode(message))

    def send_encoded(self, data: bytes) -> None:
        if not self._open:
            return
        self._unsent += data
        self._write()
        if len(self._unsent) > _MAX_UNSENT:
            self.close()

    def flush(self, seconds: float) -> None:
        """Bring out what is left, waiting at most that long. For the end of the shim only."""
        if self._open and self._unsent:
            self._sock.settimeout(seconds)
            try:
                self._sock.sendall(self._unsent)
            except OSError:
                return

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._on_closed(self)

    def hand_over(self) -> socket.socket:
        """The peer speaks another protocol from now on: its socket is the caller's."""
        self._open = False
        self._loop.forget(self._sock.fileno())
        self._on_closed(self)
        return self._sock

    def _ready(self) -> None:
        if self._unsent:
            self._write()
        self._read()

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._unsent = self._unsent[sent:]
        events = READABLE | WRITABLE if self._unsent else READABLE
        self._loop.watch(self._sock.fileno(), self._ready, events)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES) if self._open else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for message in self._decoder.feed(data):
                self._on_message(self, message)
        except (LookupError, TypeError, ValueError):
            self.close()  # it does not speak the protocol


class Connections:
    """All peers of a shim, and the socket that they come through."""

    def __init__(
        self,
        loop: Loop,
        path: str,
        on_message: Callable[[Connection, Message], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self._loop = loop
        self._path = path
        self._on_message = on_message
        self._on_closed = on_closed
        self._listener: socket.socket | None = None
        self._connections: list[Connection] = []

    def listen(self) -> None:
        """Raises OSError when the path cannot be used. May be repeated when somebody has removed
        it."""
        self.stop_listening()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self._path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), 0o700)
            listener.bind(self._path)
        os.chmod(self._path, 0o600)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        self._listener = listener
        self._loop.watch(listener.fileno(), self._accept)

    def add(self, sock: socket.socket) -> None:
        self._connections.append(Connection(self._loop, sock, self._on_message, self._forget))

    def broadcast(self, message: Message) -> None:
        self.broadcast_encoded(encode(message))

    def broadcast_encoded(self, data: bytes) -> None:
        for connection in tuple(self._connections):
            connection.send_encoded(data)

    def stop_listening(self) -> None:
        """Remove the socket; who is connected stays so."""
        if self._listener:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None
        remove(self._path)

    def close(self) -> None:
        self.stop_listening()
        for connection in tuple(self._connections):
            connection.flush(0.5)
            connection.close()

    def _accept(self) -> None:
        assert self._listener
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        self.add(sock)

    def _forget(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._on_closed(connection)
