"""Sessions without containers: scripted ones, and local processes in their place."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from minikubelet.apiserver.stream_runtime import ContainerStream
from minikubelet.pod.commands import ExecError


@dataclass(frozen=True, slots=True)
class FakeEnd:
    exit_code: int | None
    message: str = ""


class ScriptedStream:
    """Says what the test puts into `output` (None: the end), and keeps what it is given."""

    def __init__(self, end: FakeEnd = FakeEnd(0)) -> None:
        self.output: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.given: list[bytes | tuple[int, int] | None] = []
        """Data, sizes, and None for the end of stdin."""
        self.reads_input = asyncio.Event()
        self.reads_input.set()
        self.got = asyncio.Event()
        self.closed = asyncio.Event()
        self.end: FakeEnd | None = None
        self._end = end

    async def read(self) -> tuple[int, bytes] | None:
        piece = await self.output.get()
        if piece is None:
            self.end = self._end
        return piece

    async def write(self, data: bytes) -> None:
        await self.reads_input.wait()
        self._take(data)

    async def close_stdin(self) -> None:
        self._take(None)

    async def resize(self, width: int, height: int) -> None:
        self._take((width, height))

    def close(self) -> None:
        self.closed.set()

    def say(self, *pieces: tuple[int, bytes] | None) -> None:
        for piece in pieces:
            self.output.put_nowait(piece)

    def _take(self, what: bytes | tuple[int, int] | None) -> None:
        self.given.append(what)
        self.got.set()

    async def wait_for(self, *given: bytes | tuple[int, int] | None) -> None:
        """Until this was given, data in whatever pieces."""
        async with asyncio.timeout(10):
            while _joined(self.given) != _joined(given):
                self.got.clear()
                await self.got.wait()


def _joined(
    given: Sequence[bytes | tuple[int, int] | None],
) -> list[bytes | tuple[int, int] | None]:
    joined: list[bytes | tuple[int, int] | None] = []
    for what in given:
        if isinstance(what, bytes) and joined and isinstance(before := joined[-1], bytes):
            joined[-1] = before + what
        else:
            joined.append(what)
    return joined


@dataclass(slots=True)
class FakeStreamRuntime:
    """Every session gets `stream`; without one, exec is refused with `refusal`."""

    stream: ContainerStream | None = None
    refusal: str = "no"
    asked: list[dict[str, object]] = field(default_factory=list)

    async def open_exec(
        self, container_id: str, argv: Sequence[str], **options: object
    ) -> ContainerStream:
        self.asked.append({"id": container_id, "argv": tuple(argv), **options})
        if self.stream is None:
            raise ExecError(self.refusal)
        return self.stream

    async def open_attach(self, container_id: str, **options: object) -> ContainerStream:
        return await self.open_exec(container_id, (), **options)


class LocalProcesses:
    """Commands run on this machine, without terminals; attach runs `attached`."""

    def __init__(self, attached: Sequence[str] = ()) -> None:
        self.attached = attached
        self.streams: list[LocalStream] = []

    async def open_exec(
        self, container_id: str, argv: Sequence[str], *, stdin: bool, **_: object
    ) -> LocalStream:
        stream = LocalStream(argv, stdin=stdin)
        self.streams.append(stream)
        return stream

    async def open_attach(self, container_id: str, *, stdin: bool, **_: object) -> LocalStream:
        return await self.open_exec(container_id, self.attached, stdin=stdin)


class LocalStream:
    """A process and its pipes."""

    def __init__(self, argv: Sequence[str], *, stdin: bool) -> None:
        self.end: FakeEnd | None = None
        try:
            self.process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except FileNotFoundError:
            text = f'exec: "{argv[0]}": executable file not found in $PATH'
            raise ExecError(text) from None
        files = {0: self.process.stdin, 1: self.process.stdout, 2: self.process.stderr}
        self._files = {number: file for number, file in files.items() if file is not None}
        for file in self._files.values():
            os.set_blocking(file.fileno(), False)

    async def read(self) -> tuple[int, bytes] | None:
        while outputs := [number for number in (1, 2) if number in self._files]:
            for number in outputs:
                try:
                    data = os.read(self._files[number].fileno(), 32768)
                except BlockingIOError:
                    continue
                if data:
                    return number, data
                self._files.pop(number).close()
                break
            else:
                await self._readable(outputs)
        code = await asyncio.to_thread(self.process.wait)
        self.end = FakeEnd(code if code >= 0 else 128 - code)
        return None

    async def write(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        while data and 0 in self._files:
            fd = self._files[0].fileno()
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                writable = asyncio.Event()
                loop.add_writer(fd, writable.set)
                try:
                    await writable.wait()
                finally:
                    loop.remove_writer(fd)

    async def close_stdin(self) -> None:
        if 0 in self._files:
            self._files.pop(0).close()

    async def resize(self, width: int, height: int) -> None:
        pass

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for number in [*self._files]:
            self._files.pop(number).close()

    async def _readable(self, outputs: Sequence[int]) -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        fds = [self._files[number].fileno() for number in outputs]
        for fd in fds:
            loop.add_reader(fd, readable.set)
        try:
            await readable.wait()
        finally:
            for fd in fds:
                loop.remove_reader(fd)
