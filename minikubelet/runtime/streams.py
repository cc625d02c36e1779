"""One exec or attach session, from the daemon's side.

Role: a connection of its own to the container's shim, which runs the command or carries the
container's streams; see `shim/frames.py` for what is said on it.
Invariants: no more is read from the shim than the caller takes, and `write` waits while the program
does not read, so a session costs the daemon a few frames of memory whatever both ends do. A
cancelled call loses nothing and leaves the session usable.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from minikubelet.pod.commands import ExecError
from minikubelet.runtime.container_link import NOT_RUNNING
from minikubelet.runtime.shim.frames import (
    MAX_PAYLOAD,
    MAX_SIDE,
    SIZE,
    FrameDecoder,
    StreamChannel,
    encode_frame,
)
from minikubelet.runtime.shim.protocol import encode
from minikubelet.value_class import dataclass

__all__ = ["ContainerStream", "StreamChannel", "StreamEnd"]

_READ_BYTES = 65536
_ANSWER_SECONDS = 30.0
_MAX_ANSWER = 1024 * 1024
_LOST = "the connection to the container was lost"


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a session ended. `exit_code` None: not by the program's end, `message` says why.

    The end of an attached container counts as success (K-77).
    """

    exit_code: int | None
    message: str = ""


class ContainerStream:
    """One session. `read` is for one task, the others for any; `on_closed(stream)` comes once."""

    def __init__(self, sock: socket.socket, on_closed: Callable[[ContainerStream], None]) -> None:
        sock.setblocking(False)
        self.end: StreamEnd | None = None
        """Set when `read` has returned None."""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._on_closed = on_closed
        self._open = True
        self._frames = FrameDecoder()
        self._readable: asyncio.Future[None] | None = None
        self._unsent = b""
        self._sent = asyncio.Event()
        self._sent.set()

    async def begin(self, request: Mapping[str, Any]) -> None:
        """Ask the shim for the session and wait for its answer; first of all. Raises ExecError;
        unless it returns, the session is closed."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._ask(request)
        except TimeoutError:
            self.close()
            text = f"the container's shim has not answered for {_ANSWER_SECONDS:.0f} seconds"
            raise ExecError(text) from None
        except BaseException:
            self.close()
            raise

    async def read(self) -> tuple[int, bytes] | None:
        """Output as (1 or 2, at most 32 KiB of it), or None at the end of the session."""
        while self.end is None:
            try:
                frame = self._frames.next()
                if frame is None:
                    data = await self._receive()
                    self._frames.feed(data)
                    if not data:
                        self._finish(StreamEnd(None, _LOST))
                elif frame[0] == StreamChannel.RESULT:
                    result = json.loads(frame[1])
                    self._finish(StreamEnd(result["exit_code"], result["message"]))
                elif frame[0] in (StreamChannel.STDOUT, StreamChannel.STDERR):
                    return frame
            except (LookupError, TypeError, ValueError):
                self._finish(StreamEnd(None, _LOST))
        return None

    async def write(self, data: bytes) -> None:
        """Feed the program's stdin; waits while it does not read. After the end nothing happens:
        `read` tells of it."""
        for start in range(0, len(data), MAX_PAYLOAD):
            await self._sent.wait()
            self._send(encode_frame(StreamChannel.STDIN, data[start : start + MAX_PAYLOAD]))
        await self._sent.wait()

    async def close_stdin(self) -> None:
        """End of input, behind all that was written."""
        await self._sent.wait()
        self._send(encode_frame(StreamChannel.CLOSE_STDIN))

    async def resize(self, width: int, height: int) -> None:
        """The client's terminal has this many columns and rows."""
        if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE:
            self._send(encode_frame(StreamChannel.RESIZE, SIZE.pack(width, height)))

    def close(self) -> None:
        """End the session: a command gets SIGHUP, and SIGKILL if it stays; an attached container
        goes on."""
        if not self._open:
            return
        self._open = False
        self._unsent = b""
        self._sent.set()
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._wake_reader()
        self._on_closed(self)

    async def _ask(self, request: Mapping[str, Any]) -> None:
        self._send(encode({"type": "stream", **request}))
        received = b""
        while b"\n" not in received:
            data = await self._receive()
            received += data
            if not data:  # the shim ended before it saw the request, and with it the container
                raise ExecError(NOT_RUNNING)
            if len(received) > _MAX_ANSWER:
                raise ExecError(_LOST)
        line, _, rest = received.partition(b"\n")
        answer = json.loads(line)
        if answer["type"] != "stream_started":
            raise ExecError(answer["message"])
        self._frames.feed(rest)

    def _finish(self, end: StreamEnd) -> None:
        self.end = end
        self.close()

    async def _receive(self) -> bytes:
        """What has arrived, at least one byte; empty at the end."""
        while self._open:
            try:
                return self._sock.recv(_READ_BYTES)
            except BlockingIOError:
                pass
            except OSError:
                break
            self._readable = self._loop.create_future()
            self._loop.add_reader(self._sock, self._wake_reader)
            try:
                await self._readable
            finally:
                if self._open:
                    self._loop.remove_reader(self._sock)
        return b""

    def _wake_reader(self) -> None:
        if self._readable and not self._readable.done():
            self._readable.set_result(None)

    def _send(self, data: bytes) -> None:
        if self._open:
            waiting = bool(self._unsent)
            self._unsent += data
            if not waiting:
                self._write()

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""  # the session is over; `read` finds its result
        if self._unsent:
            self._sent.clear()
            self._loop.add_writer(self._sock, self._write)
        else:
            self._sent.set()
            self._loop.remove_writer(self._sock)
