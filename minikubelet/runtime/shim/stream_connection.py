"""The connection of one exec or attach session.

Role: frames in, frames out, without ever blocking; who reads and writes slowly is told to those who
feed it, and the end of the peer is noticed even while nothing is read from it.
Invariants: at most one chunk of the peer's is held; how much waits for the peer (`backlog`) is the
session's to bound. `gone()` comes once, and not after `end()` or `close()`.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable

from minikubelet.runtime.shim.frames import (
    MAX_PAYLOAD,
    FrameDecoder,
    StreamChannel,
    encode_frame,
)
from minikubelet.runtime.shim.loop import READABLE, WRITABLE, Loop
from minikubelet.runtime.shim.protocol import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Session(Protocol):
        """What a connection calls."""

        def received(self, channel: int, payload: bytes) -> None: ...
        def sent(self) -> None:
            """Nothing waits for the peer any more."""

        def gone(self) -> None:
            """The peer has ended the session."""


class StreamConnection:
    """One peer; `on_closed(connection)` comes once, at the end of all."""

    __slots__ = (
        "_frames",
        "_loop",
        "_on_closed",
        "_open",
        "_reading",
        "_session",
        "_sock",
        "_unsent",
        "ending",
        "sent_bytes",
    )

    def __init__(
        self, loop: Loop, sock: socket.socket, on_closed: Callable[[StreamConnection], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._on_closed = on_closed
        self._frames = FrameDecoder()
        self._unsent = b""
        self._open = True
        self._reading = True
        self._session: Session | None = None
        self.ending = False
        """It closes when the peer has been sent the rest."""
        self.sent_bytes = 0
        """So far, by which a peer that reads is told from one that does not."""

    @property
    def backlog(self) -> int:
        return len(self._unsent)

    def serve(self, session: Session) -> None:
        """From now on the peer is heard."""
        self._session = session
        self._watch()

    def accept(self) -> None:
        """Tell the peer that the session begins."""
        self._put(encode({"type": "stream_started"}))

    def refuse(self, message: str) -> None:
        """Tell it that there is none, and close."""
        self._end(encode({"type": "stream_failed", "message": message}))

    def send(self, channel: int, data: bytes) -> None:
        if len(data) <= MAX_PAYLOAD:
            self._put(encode_frame(channel, data))
            return
        pieces = range(0, len(data), MAX_PAYLOAD)
        self._put(b"".join(encode_frame(channel, data[at : at + MAX_PAYLOAD]) for at in pieces))

    def end(self, exit_code: int | None, message: str = "") -> None:
        """The result, behind all that was sent; then close."""
        result = json.dumps({"exit_code": exit_code, "message": message}).encode()
        self._end(encode_frame(StreamChannel.RESULT, result))

    def pause(self) -> None:
        """Take nothing more from the peer, which will wait."""
        self._reading = False
        self._watch()

    def resume(self) -> None:
        if self._open and not self.ending and not self._reading:
            self._reading = True
            self._take_frames()
            self._watch()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._unsent = b""
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._on_closed(self)

    def _end(self, data: bytes) -> None:
        self.ending = True
        self._reading = False
        self._put(data)

    def _put(self, data: bytes) -> None:
        if self._open:
            self._unsent += data
            self._write()

    def _ready(self) -> None:
        if self._unsent:
            self._write()
            if self._open and not self._unsent and self._session and not self.ending:
                self._session.sent()
        if not self._open:
            return
        if self._reading:
            self._read()
        elif _is_hung_up(self._sock):
            self._lose()

    def _write(self) -> None:
        try:
            count = self._sock.send(self._unsent)
        except BlockingIOError:
            count = 0
        except OSError:
            self._lose()
            return
        self.sent_bytes += count
        self._unsent = self._unsent[count:]
        if self.ending and not self._unsent:
            self.close()
        else:
            self._watch()

    def _read(self) -> None:
        try:
            data = self._sock.recv(MAX_PAYLOAD)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._frames.feed(data)
            self._take_frames()
        else:
            self._lose()

    def _take_frames(self) -> None:
        while self._open and self._reading and self._session:
            try:
                frame = self._frames.next()
            except ValueError:  # it does not speak the protocol
                self._lose()
                return
            if frame is None:
                return
            self._session.received(*frame)

    def _lose(self) -> None:
        told = self.ending
        self.close()
        if self._session and not told:
            self._session.gone()

    def _watch(self) -> None:
        if self._open:
            events = (READABLE if self._reading else 0) | (WRITABLE if self._unsent else 0)
            self._loop.watch(self._sock.fileno(), self._ready, events)


def _is_hung_up(sock: socket.socket) -> bool:
    """Whether the peer has closed its end, though what it has sent before is not read yet."""
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(0))
