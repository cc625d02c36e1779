"""The running part of `cp`: tar in the container, an archive here, a session between them.

Role: one exec with a pipe to a thread that packs or unpacks.
Invariants: when a copy has ended, also by a failure, no thread and no descriptor of it is left.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import sys
import tarfile
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.copy_archive import Unpacker, pack
from minikubelet.cli.copy_paths import directory_and_name
from minikubelet.cli.stream_command import StreamRequest, run_session, run_until_signal
from minikubelet.cli.stream_files import FileReader, FileWriter
from minikubelet.cli.stream_session import LocalStreams, SessionEnd, Sink, Source
from minikubelet.value_class import dataclass

T = TypeVar("T")
_Failure = CommandError | OSError | tarfile.TarError
_NO_PROGRAM = ("executable file not found", "no such file or directory")


class _Nowhere:
    async def write(self, data: bytes) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Copy:
    client: Client
    path: str
    pod: str
    container: str

    def upload(self, source: str, target: str, *, preserve: bool) -> int:
        return self._finish(run_until_signal(self._upload(source, target, preserve)))

    def download(self, source: str, target: str) -> int:
        return self._finish(run_until_signal(self._download(source, target)))

    def _finish(self, end: SessionEnd | int) -> int:
        if isinstance(end, int):
            return end
        if end.exit_code is None and any(text in end.message for text in _NO_PROGRAM):
            raise CommandError(
                f"cp needs `tar` in the container, and {self.container} of pod {self.pod} has "
                f"none: {end.message}"
            )
        if end.told:
            print(end.told, file=sys.stderr)
        return end.code

    async def _upload(self, source: str, target: str, preserve: bool) -> SessionEnd:
        base = posixpath.basename(posixpath.normpath(source))
        if base != ".." and await self._is_directory(target):
            target = posixpath.join(target, base)
        directory, name = posixpath.split(posixpath.normpath(target))
        command = ["tar", "-xmf", "-"]
        if not preserve:
            command[1:1] = ["--no-same-permissions", "--no-same-owner"]
        if directory:
            command += ["-C", directory]
        inside, outside = os.pipe()

        async def feed() -> SessionEnd:
            try:
                return await self._session(command, stdin=FileReader(inside))
            finally:
                os.close(inside)  # who packs need not wait for a reader any more

        def pack_all() -> None:
            with open(outside, "wb") as stream:
                pack(source, name, stream)

        return await _together(feed(), pack_all)

    async def _is_directory(self, path: str) -> bool:
        request = self._request(["test", "-d", path])
        local = LocalStreams(stdout=_Nowhere(), stderr=_Nowhere())
        return (await run_session(self.client, request, local)).exit_code == 0

    async def _download(self, source: str, target: str) -> SessionEnd:
        directory, name = directory_and_name(source)
        unpacker = Unpacker(name, target, lambda text: print(text, file=sys.stderr))
        inside, outside = os.pipe()
        command = ["tar", "cf", "-", "-C", directory, name]
        writer = FileWriter(outside, owns=True)

        async def fill() -> SessionEnd:
            try:
                return await self._session(command, stdout=writer)
            finally:
                writer.close()

        def unpack_all() -> None:
            with open(inside, "rb") as stream:
                unpacker.unpack(stream)

        return await _together(fill(), unpack_all)

    async def _session(
        self, command: list[str], *, stdin: Source | None = None, stdout: Sink | None = None
    ) -> SessionEnd:
        stderr = FileWriter(sys.stderr.fileno())
        local = LocalStreams(stdin=stdin, stdout=stdout or _Nowhere(), stderr=stderr)
        try:
            request = self._request(command, stdin=stdin is not None)
            return await run_session(self.client, request, local)
        finally:
            stderr.close()

    def _request(self, command: list[str], *, stdin: bool = False) -> StreamRequest:
        return StreamRequest(
            path=self.path,
            verb="exec",
            container=self.container,
            stdin=stdin,
            command=tuple(command),
        )


async def _together(
    session: Coroutine[Any, Any, SessionEnd], archive: Callable[[], None]
) -> SessionEnd:
    """A session, and a thread at the other end of its pipe; when one of them fails the pipe ends
    the other. Raises CommandError."""
    async with asyncio.TaskGroup() as group:
        here = group.create_task(_caught(asyncio.to_thread(archive)), name="archive")
        there = group.create_task(_caught(session), name="session")
    failure, end = here.result(), there.result()
    if isinstance(failure, OSError) and not isinstance(failure, BrokenPipeError):
        why = (failure.strerror or str(failure)).lower()
        raise CommandError(f"{failure.filename or 'cannot copy'}: {why}") from failure
    if isinstance(end, CommandError):
        raise end
    if isinstance(end, SessionEnd) and end.code:
        return end  # then the archive is cut, which is no news
    if isinstance(failure, tarfile.TarError):
        raise CommandError(f"the archive from the container is damaged: {failure}") from failure
    return SessionEnd(0)


async def _caught(work: Coroutine[Any, Any, T]) -> T | _Failure:
    """Returned and not raised: neither is to cancel the other."""
    try:
        return await work
    except (CommandError, OSError, tarfile.TarError) as err:
        return err
