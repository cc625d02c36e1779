"""One container as the daemon sees it through its shim's connection.

Role: turn the shim's messages into events and answers to commands.
Invariants: until `release()` messages are held back, so that no event precedes the return of the
call that made the link. Each command gets one answer; the end of the connection answers the rest.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from minikubelet.pod.commands import ExecError, ExecResult
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.process_events import (
    ContainerEvent,
    ContainerExitedEvent,
    LogLostEvent,
    StopStepEvent,
)
from minikubelet.runtime.records import StartRecord, exit_record, start_record
from minikubelet.runtime.shim.protocol import Message
from minikubelet.runtime.shim_client import ShimClient

_START_REASONS = {
    "create": "CreateContainerError",
    "config": "CreateContainerConfigError",
    "start": "RunContainerError",
}
NOT_RUNNING = "the container is not running"


class ShimGoneError(Exception):
    """The connection ended before the shim said how the start went."""


class ContainerLink:
    """`on_event` gets events; `on_end(link, told)` comes once: was an exit told?"""

    def __init__(
        self,
        container_id: str,
        instance_dir: Path,
        sock: socket.socket,
        on_event: Callable[[ContainerEvent], None],
        on_end: Callable[[ContainerLink, bool], None],
    ) -> None:
        self.container_id = container_id
        self.instance_dir = instance_dir
        self._on_event = on_event
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[StartRecord] | None = None
        self._held: list[Message] | None = []
        self._lost = False
        self._ended = False
        self._commands: dict[int, asyncio.Future[ExecResult]] = {}
        self._keys: dict[str, int] = {}
        self._ids = itertools.count(1)
        self._client = ShimClient(sock, self._receive, self._connection_lost)

    async def started(self) -> StartRecord:
        """Wait for the outcome of the start; call it at once. Raises ContainerStartError,
        ShimGoneError."""
        self._started = self._loop.create_future()
        return await self._started

    def release(self) -> None:
        """Let events through from the next turn of the event loop on."""
        self._loop.call_soon(self._let_through)

    def greet(self) -> None:
        """Ask the shim whether the container has ended already."""
        self._client.send({"type": "hello"})

    def stop(self, grace_period_seconds: float) -> None:
        self._client.send({"type": "stop", "grace": grace_period_seconds})

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int,
        env: Mapping[str, str] | None,
        key: str = "",
    ) -> ExecResult:
        """Raises ExecError. Cancelling kills the command, except one with a key."""
        if self._ended or self._lost:
            raise ExecError(NOT_RUNNING)
        id = next(self._ids)
        answer: asyncio.Future[ExecResult] = self._loop.create_future()
        self._commands[id] = answer
        if key:
            self._keys[key] = id
        self._client.send(
            {
                "type": "exec",
                "id": id,
                "key": key,
                "argv": list(argv),
                "env": dict(env or {}),
                "timeout": timeout,
                "output_limit": output_limit,
            }
        )
        try:
            return await answer
        except asyncio.CancelledError:
            if not key:
                self._client.send({"type": "cancel", "id": id})
            raise
        finally:
            self._commands.pop(id, None)

    def cancel(self, key: str) -> None:
        """Kill the command with this key, if it runs."""
        if (id := self._keys.pop(key, None)) is not None:
            self._client.send({"type": "cancel", "id": id})

    def close(self) -> None:
        """Leave the container to its shim."""
        self._client.close()
        self._ended = True
        self._fail_commands()

    def _receive(self, message: Message) -> None:
        match message.get("type"):
            case "started":
                self._settle_start(start_record(message["record"]))
            case "start_failed":
                reason = _START_REASONS.get(message["kind"], "CreateContainerError")
                self._settle_start(ContainerStartError(reason, message["message"]))
            case "exec_done" | "exec_failed":
                self._answer(message)
            case "exited" | "step" | "log_lost" if self._held is not None:
                self._held.append(message)
            case "exited" | "step" | "log_lost":
                self._tell(message)

    def _settle_start(self, outcome: StartRecord | Exception) -> None:
        if self._started is None or self._started.done():
            return
        if isinstance(outcome, Exception):
            self._started.set_exception(outcome)
        else:
            self._started.set_result(outcome)

    def _answer(self, message: Message) -> None:
        answer = self._commands.pop(message["id"], None)
        if answer is None or answer.done():
            return
        if message["type"] == "exec_failed":
            answer.set_exception(ExecError(message["message"]))
            return
        answer.set_result(
            ExecResult(
                exit_code=message["exit_code"],
                stdout=message["stdout"].encode("latin-1"),
                stderr=message["stderr"].encode("latin-1"),
                timed_out=message["timed_out"],
                spawn_seconds=message["spawn_seconds"],
                run_seconds=message["run_seconds"],
            )
        )

    def _tell(self, message: Message) -> None:
        if self._ended:
            return
        match message["type"]:
            case "exited":
                self._ended = True
                self._client.close()
                self._fail_commands()
                event = ContainerExitedEvent(self.container_id, exit_record(message["record"]))
                self._on_end(self, True)
                self._on_event(event)
            case "step":
                self._on_event(
                    StopStepEvent(
                        container_id=self.container_id,
                        step=message["step"],
                        at_monotonic=message["at"],
                        seconds=message["seconds"],
                        detail=message["detail"],
                    )
                )
            case "log_lost":
                lost, text = message["lost_bytes"], message["message"]
                self._on_event(LogLostEvent(self.container_id, lost, text))

    def _let_through(self) -> None:
        held, self._held = self._held or [], None
        for message in held:
            self._tell(message)
        if self._lost and not self._ended:
            self._ended = True
            self._on_end(self, False)

    def _connection_lost(self) -> None:
        self._lost = True
        self._fail_commands()
        self._settle_start(ShimGoneError())
        if self._held is None and not self._ended:
            self._ended = True
            self._on_end(self, False)

    def _fail_commands(self) -> None:
        for answer in self._commands.values():
            if not answer.done():
                answer.set_exception(ExecError(NOT_RUNNING))
        self._commands.clear()
