"""SPDY streams over a stream of bytes.

Role: the shell around `wire/spdy.py`: reads events, writes what is to be sent.
Invariants: one task writes, in the order in which the frames were made (K-81); who sends data waits
while `_FULL` bytes are waiting before it, and nobody is read from who lets our answers pile up.
"""

from __future__ import annotations

import asyncio
from collections import deque

from minikubelet.apiserver.stream_bytes import ByteLink
from minikubelet.apiserver.wire.spdy import GoingAway, ResetStatus, SpdyConnection, SpdyEvent
from minikubelet.apiserver.wire.spdy_frames import SpdyError
from minikubelet.log import get_logger

log = get_logger(__name__)

_FULL = 256 * 1024
_TOO_FULL = 4 * _FULL
"""With answers to pings and new streams, which nobody waits to send."""


class SpdyMux:
    """`write_all` runs as a task beside the one that takes events; it ends when cancelled, or with
    the connection."""

    def __init__(self, link: ByteLink) -> None:
        self._link = link
        self._connection = SpdyConnection()
        self._events: deque[SpdyEvent] = deque()
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        """Something was written, or nothing ever will be."""
        self._writing = False
        self._lost = False
        self._ended = False

    async def next_event(self) -> SpdyEvent | None:
        """None when the client has gone, or says what nobody understands."""
        while not self._events:
            await self._room(_TOO_FULL)
            data = b"" if self._ended else await self._link.read()
            if not data:
                self._ended = True
                return None
            try:
                self._events.extend(self._connection.receive(data))
            except SpdyError as err:
                log.info("a client does not speak SPDY", why=str(err))
                self._ended = True
            self._flush()
        return self._events.popleft()

    async def send(self, stream_id: int, data: bytes, *, fin: bool = False) -> None:
        """Nothing happens on a stream that is not open. Raises ConnectionError."""
        await self._room(_FULL)
        if self._lost:
            raise ConnectionResetError("the connection was lost")
        self._connection.send_data(stream_id, data, fin=fin)
        self._flush()

    def close_stream(self, stream_id: int, last_words: bytes = b"") -> None:
        """We say no more on it; nothing happens when that is so already."""
        self._connection.send_data(stream_id, last_words, fin=True)
        self._flush()

    def reset(self, stream_id: int, status: ResetStatus) -> None:
        self._connection.reset(stream_id, status)
        self._flush()

    def ping(self) -> None:
        """Unless something is on its way already, which does as well."""
        if not self._connection.output_bytes and not self._writing:
            self._connection.ping()
            self._flush()

    async def go_away(self) -> None:
        """Tell that no more will come, when all has been sent. Raises ConnectionError."""
        self._connection.go_away()
        self._flush()
        while (self._connection.output_bytes or self._writing) and not self._lost:
            self._changed.clear()
            await self._changed.wait()
        if self._lost:
            raise ConnectionResetError("the connection was lost")

    async def until_client_leaves(self) -> None:
        while not isinstance(await self.next_event(), GoingAway | None):
            pass

    async def write_all(self) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while output := self._connection.take_output():
                    self._writing = True
                    self._changed.set()
                    await self._link.write(output)
                self._writing = False
                self._changed.set()
        except ConnectionError:
            pass
        finally:
            self._lost = True
            self._changed.set()

    async def _room(self, limit: int) -> None:
        while self._connection.output_bytes >= limit and not self._lost:
            self._changed.clear()
            await self._changed.wait()

    def _flush(self) -> None:
        if self._connection.output_bytes:
            self._wanted.set()
