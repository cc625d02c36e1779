"""Standard streams and pipes for an event loop, without touching their flags.

Role: read and write file descriptors that others may share: a terminal, a pipe, a file.
Invariants: O_NONBLOCK is never set, since it belongs to all who share the file; at most one piece
is held in each direction; a reader that is cancelled takes no byte away; a writer that hangs in a
terminal that stands still holds nobody up, not even the end of the process.
"""

from __future__ import annotations

import asyncio
import os
import queue
import select
import threading

PIECE = 32 * 1024


class FileReader:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def read(self) -> bytes:
        """What there is; empty at the end."""
        await self._readable()
        try:
            return os.read(self._descriptor, PIECE)
        except OSError:
            return b""  # a terminal that has hung up, a stream that was closed from the beginning

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def on_readable() -> None:
            loop.remove_reader(self._descriptor)
            ready.set_result(None)

        try:
            loop.add_reader(self._descriptor, on_readable)
        except OSError:
            return  # files and /dev/null cannot be waited for: they are always ready
        try:
            await ready
        finally:
            loop.remove_reader(self._descriptor)


class FileWriter:
    """Writes in a thread of its own, which is there from the first write on. `owns`: the descriptor
    is closed in the end."""

    def __init__(self, descriptor: int, *, owns: bool = False) -> None:
        self._descriptor = descriptor
        self._owns = owns
        self._pieces: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] | None = None

    async def write(self, data: bytes) -> None:
        """Returns when all of it has been taken. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._pieces is None:
            self._pieces = queue.SimpleQueue()
            threading.Thread(target=self._run, args=(loop, self._pieces), daemon=True).start()
        written = loop.create_future()
        self._pieces.put((data, written))
        await written

    def close(self) -> None:
        """No more will be written; what was given is written still."""
        if self._pieces is not None:
            self._pieces.put(None)
        elif self._owns:
            os.close(self._descriptor)

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        pieces: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None],
    ) -> None:
        try:
            while (piece := pieces.get()) is not None:
                data, written = piece
                failure: OSError | None = None
                try:
                    write_all(self._descriptor, data)
                except OSError as err:
                    failure = err
                loop.call_soon_threadsafe(_tell, written, failure)
        except RuntimeError:
            pass  # the loop has ended meanwhile
        finally:
            if self._owns:
                os.close(self._descriptor)


def _tell(written: asyncio.Future[None], failure: OSError | None) -> None:
    if written.done():
        return  # nobody waits any more
    if failure is None:
        written.set_result(None)
    else:
        written.set_exception(failure)


def write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            # Somebody who shares the file has set O_NONBLOCK.
            select.select([], [descriptor], [])
