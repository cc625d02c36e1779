"""One exec or attach session: local streams ⇄ the channels of a WebSocket.

Role: bytes in both directions until the server tells how it ended.
Invariants: each direction holds one piece at a time, so whoever does not read stops the one who
writes; all output is written before the outcome is returned.
"""

from __future__ import annotations

import asyncio
import json
from typing import Protocol

from aiohttp import WSMsgType

from minikubelet.apiserver.wire.channels import V5, Channel
from minikubelet.apiserver.wire.terminal import TerminalSize
from minikubelet.cli.client import CommandError
from minikubelet.cli.stream_connection import WebSocket
from minikubelet.cli.stream_terminal import Terminal
from minikubelet.clock import Clock
from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

PROTOCOL = V5.name
PING_SECONDS = 5.0
SILENT_SECONDS = 60.0
"""Pings are answered, so a server that says nothing for so long is gone (K-71)."""
_GOODBYE_SECONDS = 5.0


class Source(Protocol):
    async def read(self) -> bytes:
        """Empty at the end."""
        ...


class Sink(Protocol):
    async def write(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStreams:
    stdout: Sink
    stderr: Sink
    stdin: Source | None = None
    terminal: Terminal | None = None
    redraw: bool = False
    """Have the program draw its screen anew, by a size that changes."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """`exit_code` None: there was no command, or it could not be run, and `message` says why."""

    exit_code: int | None
    message: str = ""

    @property
    def code(self) -> int:
        """For our own exit."""
        return 1 if self.exit_code is None else self.exit_code

    @property
    def told(self) -> str:
        """For the user, as kubectl words it; empty after success."""
        return f"error: {self.message}" if self.exit_code is None else self.message


class Session:
    def __init__(self, ws: WebSocket, local: LocalStreams, clock: Clock) -> None:
        self._ws = ws
        self._local = local
        self._clock = clock

    async def run(self) -> SessionEnd:
        """Raises CommandError when the connection is lost, OSError when output cannot be
        written."""
        async with asyncio.TaskGroup() as group:
            output = group.create_task(self._output(), name="output")
            others = (
                group.create_task(self._input(), name="input"),
                group.create_task(self._sizes(), name="sizes"),
                group.create_task(self._pings(), name="pings"),
            )
            await asyncio.wait((output,))
            for task in others:
                task.cancel()
        ended = output.result()
        if isinstance(ended, Exception):
            raise ended
        return ended

    async def _output(self) -> SessionEnd | Exception:
        """Not raised here: the group would wrap it."""
        try:
            return await self._read()
        except (CommandError, OSError) as err:
            return err

    async def _read(self) -> SessionEnd:
        end: SessionEnd | None = None
        while True:
            try:
                message = await self._ws.receive(_GOODBYE_SECONDS if end else SILENT_SECONDS)
            except TimeoutError:
                if end:
                    return end
                raise CommandError("the connection to the server was lost: it is silent") from None
            if message.type is not WSMsgType.BINARY:
                if end:
                    return end
                raise CommandError("the connection to the server was lost")
            channel, data = message.data[0] if message.data else -1, message.data[1:]
            if channel == Channel.ERROR:
                end = session_end(data)
            elif channel == Channel.STDOUT and data:
                await self._local.stdout.write(data)
            elif channel == Channel.STDERR and data:
                await self._local.stderr.write(data)

    async def _input(self) -> None:
        if self._local.stdin is None:
            return
        try:
            while data := await self._local.stdin.read():
                await self._send(Channel.STDIN, data)
            await self._send(Channel.CLOSE, bytes((Channel.STDIN,)))
        except ConnectionError:
            pass  # who reads hears of it too

    async def _sizes(self) -> None:
        terminal = self._local.terminal
        if terminal is None:
            return
        try:
            if self._local.redraw and (size := terminal.size()) is not None:
                await self._resize(TerminalSize(size.width + 1, size.height + 1))
            while True:
                terminal.resized.clear()
                if (size := terminal.size()) is not None:
                    await self._resize(size)
                await terminal.resized.wait()
        except ConnectionError:
            pass

    async def _resize(self, size: TerminalSize) -> None:
        told = json.dumps({"Width": size.width, "Height": size.height})
        await self._send(Channel.RESIZE, told.encode())

    async def _pings(self) -> None:
        try:
            while True:
                await self._clock.sleep(PING_SECONDS)
                await self._ws.ping()
        except ConnectionError:
            pass

    async def _send(self, channel: Channel, data: bytes) -> None:
        await self._ws.send_bytes(bytes((channel,)) + data)


def session_end(data: bytes) -> SessionEnd:
    """From the Status of the error channel (K-76)."""
    try:
        status: Json = json.loads(data)
    except ValueError:
        return SessionEnd(None, data.decode(errors="replace"))
    if status.get("status") == "Success":
        return SessionEnd(0)
    message = str(status.get("message") or "")
    if status.get("reason") == "NonZeroExitCode":
        for cause in (status.get("details") or {}).get("causes") or ():
            code = str(cause.get("message") or "")
            if cause.get("reason") == "ExitCode" and code.isdecimal():
                return SessionEnd(int(code), message)
    return SessionEnd(None, message)
