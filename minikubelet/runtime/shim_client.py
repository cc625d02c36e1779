"""One connection to a shim: messages out, messages in, on the event loop's own reader.

Role: framing only; what messages mean is `processes.py`'s.
Invariants: nothing blocks; `on_message` is called in the order of arrival; `on_lost` once, last,
and not after `close()`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from minikubelet.runtime.shim.protocol import Decoder, Message, encode

_READ_BYTES = 65536


class ShimClient:
    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Message], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        # By its number: the selector describes what it does not know, and asks a socket for both
        # of its names to do so.
        self._fd = sock.fileno()
        self._on_message = on_message
        self._on_lost = on_lost
        self._decoder = Decoder()
        self._unsent = b""
        self._writing = False
        self._open = True
        sock.setblocking(False)
        self._loop.add_reader(self._fd, self._read)

    def send(self, message: Message) -> None:
        """After the end of the connection nothing happens: the end is told by `on_lost`."""
        if not self._open:
            return
        waiting = bool(self._unsent)
        self._unsent += encode(message)
        if not waiting:
            self._write()

    def close(self) -> None:
        if self._open:
            self._open = False
            if self._writing:
                self._loop.remove_writer(self._fd)
            self._loop.remove_reader(self._fd)
            self._sock.close()

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            # Shows again when the last messages of the shim have been read.
            self._unsent = b""
        if self._unsent and not self._writing:
            self._loop.add_writer(self._fd, self._write)
        elif self._writing and not self._unsent:
            self._loop.remove_writer(self._fd)
        self._writing = bool(self._unsent)

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        try:
            messages = self._decoder.feed(data)
        except ValueError:
            data, messages = b"", []
        for message in messages:
            self._on_message(message)
        if not data and self._open:
            self.close()
            self._on_lost()
