"""Between a client and a container: carries one exec or attach session.

Role: bytes in both directions until the program ends, the client goes, or the server stops.
Invariants: each direction holds one piece at a time, so whoever does not read stops the one who
writes (K-79); all output is delivered before the outcome; whatever happens the container's side is
closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from minikubelet.apiserver.stream_remotes import Input, InputEnd, Remote
from minikubelet.apiserver.stream_requests import Verb
from minikubelet.apiserver.stream_runtime import ContainerStream, StreamEnd
from minikubelet.apiserver.wire.outcomes import Outcome
from minikubelet.clock import Clock
from minikubelet.log import get_logger
from minikubelet.pod.commands import ExecError

log = get_logger(__name__)

STOPPING = "the server is stopping"
_BEAT_SECONDS = 2.0
_FAILURES = {
    Verb.EXEC: "error executing command in container",
    Verb.ATTACH: "error attaching to container",
}


class Bridge:
    """One session; `stopping` is set when the server stops."""

    def __init__(
        self, remote: Remote, verb: Verb, *, stdin: bool, clock: Clock, stopping: asyncio.Event
    ) -> None:
        self._remote = remote
        self._verb = verb
        self._stdin = stdin
        self._clock = clock
        self._stopping = stopping
        self._feeding = False
        """The program has not yet taken what it was given."""

    async def run(self, open_stream: Callable[[], Awaitable[ContainerStream]]) -> None:
        """To the end of the session; raises nothing but CancelledError."""
        try:
            outcome = await self._session(open_stream)
            if outcome is not None:
                await self._remote.finish(outcome)
        except ConnectionError:
            pass  # the client has gone
        except Exception:
            log.exception("session failed", verb=self._verb)

    async def _session(
        self, open_stream: Callable[[], Awaitable[ContainerStream]]
    ) -> Outcome | None:
        """None when the client has gone."""
        try:
            stream = await open_stream()
        except ExecError as err:
            return self._failure(str(err))
        try:
            return await self._carry(stream)
        except Exception as err:
            log.exception("session failed", verb=self._verb)
            return self._failure(f"{type(err).__name__}: {err}")
        finally:
            stream.close()

    async def _carry(self, stream: ContainerStream) -> Outcome | None:
        async with asyncio.TaskGroup() as group:
            output = group.create_task(self._output(stream), name="output")
            others = (
                group.create_task(self._input(stream), name="input"),
                group.create_task(self._stopping.wait(), name="stop"),
            )
            beat = group.create_task(self._beat(), name="beat")
            await asyncio.wait((output, *others), return_when=asyncio.FIRST_COMPLETED)
            ended = output.done()
            for task in (output, *others, beat):
                task.cancel()
        if ended:
            return output.result()
        return Outcome(None, STOPPING) if self._stopping.is_set() else None

    async def _output(self, stream: ContainerStream) -> Outcome | None:
        try:
            while (piece := await stream.read()) is not None:
                await self._remote.send(*piece)
        except ConnectionError:
            return None
        return self._outcome(stream.end)

    async def _input(self, stream: ContainerStream) -> None:
        """Returns when the client has gone."""
        while (event := await self._remote.receive()) is not None:
            self._feeding = True
            try:
                match event:
                    case Input(data) if self._stdin:
                        await stream.write(data)
                    case InputEnd() if self._stdin:
                        await stream.close_stdin()
                    case (width, height):
                        await stream.resize(width, height)
            except ConnectionError:
                pass  # the program has closed its stdin; its end is still to come
            finally:
                self._feeding = False

    async def _beat(self) -> None:
        """Who is not read from is not heard either: neither its pings, nor that it has gone."""
        try:
            while True:
                await self._clock.sleep(_BEAT_SECONDS)
                if self._feeding:
                    await self._remote.keep_alive()
        except ConnectionError:
            pass

    def _outcome(self, end: StreamEnd | None) -> Outcome:
        if end is None or end.exit_code is None:
            return self._failure(end.message if end else "")
        # An attached container may end as it likes (K-77).
        return Outcome(0 if self._verb is Verb.ATTACH else end.exit_code)

    def _failure(self, message: str) -> Outcome:
        return Outcome(None, f"{_FAILURES[self._verb]}: {message}")
