"""Listening and connected sockets of the mock server, without blocking."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Protocol

from minikubelet.mock.loop import READ, WRITE, Loop

_CHUNK = 64 * 1024


class ListenError(Exception):
    """A port cannot be listened on; the text says why and what can be done."""


class Receiver(Protocol):
    """What is done with the bytes of one connection."""

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        ...


class Connection:
    """One accepted connection: hands bytes to its receiver and keeps what cannot be sent at
    once."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        peer: tuple[str, int],
        make_receiver: Callable[[Connection], Receiver],
    ) -> None:
        self.peer = peer
        self._loop = loop
        self._sock = sock
        self._unsent = b""
        self._closing = False
        self.closed = False
        self._receiver = make_receiver(self)
        loop.watch(sock, READ, self._ready)

    def send(self, data: bytes) -> None:
        """Send as soon as possible; nothing happens on a closed connection."""
        if not self.closed:
            self._unsent += data
            self._flush()

    def close_when_sent(self) -> None:
        self._closing = True
        if not self.closed:
            self._flush()

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self.closed:
            self._read()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receiver.receive(data)
        else:
            self._close()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            self._loop.watch(self._sock, READ | WRITE, self._ready)
            return
        except OSError:
            self._close()
            return
        if self._closing:
            self._close()
        else:
            self._loop.watch(self._sock, READ, self._ready)

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.forget(self._sock)
            self._sock.close()


class Listener:
    """A port on some addresses; every connection gets a receiver of its own."""

    def __init__(
        self,
        loop: Loop,
        addresses: tuple[str, ...],
        port: int,
        make_receiver: Callable[[Connection], Receiver],
    ) -> None:
        """Raises ListenError."""
        self._loop = loop
        self._make_receiver = make_receiver
        self._sockets: list[socket.socket] = []
        for address in addresses:
            self._listen(address, port)

    def close(self) -> None:
        for sock in self._sockets:
            self._loop.forget(sock)
            sock.close()
        self._sockets.clear()

    def _listen(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((address, port))
            sock.listen(128)
        except OSError as err:
            sock.close()
            raise ListenError(_explain(err, address, port)) from err
        self._sockets.append(sock)
        self._loop.watch(sock, READ, lambda _: self._accept(sock))

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, (host, port, *_) = listening.accept()
        except OSError:  # the client has left again, or there is no descriptor for it now
            return
        sock.setblocking(False)
        Connection(self._loop, sock, (host, port), self._make_receiver)


def _explain(err: OSError, address: str, port: int) -> str:
    where = f"cannot listen on {address} port {port}"
    if err.errno == errno.EADDRINUSE:
        return f"{where}: another process listens there"
    if err.errno == errno.EACCES:
        return (
            f"{where}: ports below 1024 need root; run minikubelet as root, lower the sysctl"
            " net.ipv4.ip_unprivileged_port_start, or give the image another port in images.yaml"
        )
    return f"{where}: {err.strerror}"
