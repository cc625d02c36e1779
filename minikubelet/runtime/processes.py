"""Containers as processes: start, stop, run commands in them, find them again.

Role: the daemon's view of its shims. One connection per container, kept from the start (or the
adoption) to the end; what a shim reports becomes an event, each once, on the event loop.
Invariants: the loop never forks and never reads what an application prints. A container's end is
told when its shim has said so or, if the shim is gone, after its record was read or its survivors
were killed. No event of a container comes before `start()` or `adopt()` has returned.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.runtime.container_link import NOT_RUNNING, ContainerLink, ShimGoneError
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.process_events import (
    ContainerEvent,
    ContainerExitedEvent,
    LogLostEvent,
    ShimLostEvent,
    StopStepEvent,
)
from minikubelet.runtime.records import (
    ExitRecord,
    StartRecord,
    read_exit_record,
    read_start_record,
)
from minikubelet.runtime.shim.adoption import Found, end_by_force, find_shim
from minikubelet.runtime.shim.child import reason
from minikubelet.runtime.shim.records import ERROR_LOG, LAUNCH, START
from minikubelet.runtime.spawner_client import SpawnerClient
from minikubelet.runtime.streams import ContainerStream
from minikubelet.value_class import dataclass

__all__ = [
    "Adopted",
    "ContainerEvent",
    "ContainerExitedEvent",
    "LogLostEvent",
    "ProcessRuntime",
    "ShimLostEvent",
    "StopStepEvent",
]


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was found of an instance of an earlier daemon.

    `alive`: connected, events will come. Else `exit` is its record or, without one, it is lost:
    nothing of it lives, what did was killed (`survivors`), and how it ended is not known (L-97).
    """

    start: StartRecord | None
    exit: ExitRecord | None = None
    alive: bool = False
    survivors: tuple[str, ...] = ()


_START_TRIES = 3


class ProcessRuntime:
    """Open, use, close, all on one event loop; `open` and `close` in the same task.

    `die_with_owner`: foreground mode, in which all containers end with this object or its process,
    and `cleanup` names directories that are removed after them, whatever happens to this process.
    """

    def __init__(
        self,
        *,
        cleanup: Sequence[Path] = (),
        die_with_owner: bool,
        on_event: Callable[[ContainerEvent], None],
    ) -> None:
        self._spawner = SpawnerClient(cleanup=cleanup, die_with_owner=die_with_owner)
        self._on_event = on_event
        self._links: dict[str, ContainerLink] = {}
        self._held: dict[str, ContainerLink] = {}
        """Adopted, and waiting for somebody who hears their events."""
        self._streams: set[ContainerStream] = set()
        self._settling = asyncio.TaskGroup()
        self._closed = False

    @property
    def containers(self) -> Collection[str]:
        """Ids of those that run, as far as is known here."""
        return self._links.keys()

    @property
    def spawner_pid(self) -> int:
        """0 while there is none: the next start makes one."""
        return self._spawner.pid

    async def open(self) -> None:
        """Start the spawner. Raises OSError."""
        await self._settling.__aenter__()
        self._spawner.open()

    async def close(self) -> None:
        """Leave the containers to their shims; in foreground mode, wait until they have ended.

        May be repeated.
        """
        if self._closed:
            return
        self._closed = True
        await self._settling.__aexit__(None, None, None)
        for stream in tuple(self._streams):
            stream.close()
        for link in self._links.values():
            link.close()
        self._links.clear()
        await self._spawner.close()

    async def start(self, spec: LaunchSpec) -> StartRecord:
        """Start a container; returns when its program runs. Raises ContainerStartError.

        Cancelling does not undo the start: what has become of it is found by `adopt`, or by the
        same call again.
        """
        instance_dir = Path(spec.instance_dir)
        for _ in range(_START_TRIES):
            if (instance_dir / LAUNCH).exists():
                record = await self._begun(spec, instance_dir)
                if record is not None:
                    return record
            try:
                return await self._start(spec, instance_dir)
            except ShimGoneError:
                # The spawner was killed with the request, or the shim as it began; or an earlier
                # request, which was not waited for, has made a shim of this launch file.
                continue
        text = f"the shim ended before the container was started{_last_words(instance_dir)}"
        raise ContainerStartError("CreateContainerError", text)

    async def _begun(self, spec: LaunchSpec, instance_dir: Path) -> StartRecord | None:
        """What has come of a start; None when nothing has, and nothing will."""
        if link := self._links.pop(spec.container_id, None):
            link.close()
        adopted = await self.adopt(instance_dir)
        if adopted.start is None or not (adopted.alive or adopted.exit):
            return None
        if adopted.exit:
            event = ContainerExitedEvent(spec.container_id, adopted.exit)
            asyncio.get_running_loop().call_soon(self._on_event, event)
        return adopted.start

    async def _start(self, spec: LaunchSpec, instance_dir: Path) -> StartRecord:
        launch_path = instance_dir / LAUNCH
        try:
            _write_private(launch_path, json.dumps(spec.to_json(), separators=(",", ":")))
            sock = await self._spawner.launch(launch_path)
        except OSError as error:
            text = f"cannot start a shim: {reason(error)}"
            raise ContainerStartError("CreateContainerError", text) from error
        link = ContainerLink(
            spec.container_id, instance_dir, sock, self._on_event, self._link_ended
        )
        try:
            record = await link.started()
        except BaseException:
            link.close()
            raise
        self._links[spec.container_id] = link
        link.release()
        return record

    def stop(self, container_id: str, grace_period_seconds: float) -> None:
        """Signal, wait, kill: the shim sees to it. The end arrives as an event.

        May be repeated; a shorter grace wins. A container that has ended is no error.
        """
        if link := self._links.get(container_id):
            link.stop(grace_period_seconds)

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
        key: str = "",
    ) -> ExecResult:
        """Run a command in a container, with its environment (and `env` over it), directory, user.

        `timeout` in seconds counts from when it runs; stdout and stderr are each cut to
        `output_limit` bytes. A command with a `key` is run once in the life of the container,
        whoever asks how often: it outlives the asker, and its answer is kept. Raises ExecError;
        cancelling kills the command, but for one with a key, which `cancel_exec` ends.
        """
        link = self._links.get(container_id)
        if link is None:
            raise ExecError(NOT_RUNNING)
        return await link.exec(argv, timeout=timeout, output_limit=output_limit, env=env, key=key)

    def cancel_exec(self, container_id: str, key: str) -> None:
        """Kill the command with this key, if it runs."""
        if link := self._links.get(container_id):
            link.cancel(key)

    async def open_exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        stdin: bool,
        stdout: bool,
        stderr: bool,
        tty: bool,
        width: int = 0,
        height: int = 0,
    ) -> ContainerStream:
        """Run a command in a container with its streams connected to the caller; returns when it
        runs. With `tty` stderr comes as stdout. Raises ExecError."""
        request = {"kind": "exec", "argv": list(argv), "stdin": stdin, "stdout": stdout}
        request |= {"stderr": stderr, "tty": tty, "width": width, "height": height}
        return await self._open_stream(container_id, request)

    async def open_attach(
        self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool
    ) -> ContainerStream:
        """Connect the caller to the streams of the container's own process: what it prints from now
        on and, of a terminal, what was on its screen. Raises ExecError."""
        request = {"kind": "attach", "stdin": stdin, "stdout": stdout, "stderr": stderr}
        return await self._open_stream(container_id, request)

    async def _open_stream(self, container_id: str, request: Mapping[str, Any]) -> ContainerStream:
        link = self._links.get(container_id)
        if link is None:
            raise ExecError(NOT_RUNNING)
        loop = asyncio.get_running_loop()
        finding = loop.run_in_executor(None, find_shim, str(link.instance_dir))
        try:
            found = await asyncio.shield(finding)
        except (TimeoutError, ValueError) as error:
            raise ExecError(str(error)) from None
        except asyncio.CancelledError:
            finding.add_done_callback(_close_connection)
            raise
        if found.connection is None:
            raise ExecError(NOT_RUNNING)
        stream = ContainerStream(found.connection, self._streams.discard)
        self._streams.add(stream)
        await stream.begin(request)
        return stream

    def release(self, container_id: str) -> None:
        """Let the events of a container through that was adopted with `hold`."""
        if link := self._held.pop(container_id, None):
            link.release()

    async def adopt(self, instance_dir: Path, *, hold: bool = False) -> Adopted:
        """Connect to the shim of an instance, or learn how it ended. `hold`: events wait for
        `release`.

        Raises TimeoutError when its shim lives but cannot be reached, ValueError when its record is
        damaged or of a later version.
        """
        found = await self._find(instance_dir)
        start, ended = read_start_record(instance_dir), read_exit_record(instance_dir)
        if found.connection is None:
            return Adopted(start, ended, survivors=found.survivors)
        if start is None:
            found.connection.close()
            raise ValueError(f"{instance_dir / START} cannot be read by this version")
        link = ContainerLink(
            start.container_id, instance_dir, found.connection, self._on_event, self._link_ended
        )
        self._links[start.container_id] = link
        link.greet()
        if hold:
            self._held[start.container_id] = link
        else:
            link.release()
        return Adopted(start, alive=True)

    async def _find(self, instance_dir: Path) -> Found:
        return await asyncio.to_thread(find_shim, str(instance_dir))

    def _link_ended(self, link: ContainerLink, told: bool) -> None:
        if self._links.get(link.container_id) is link:
            del self._links[link.container_id]
        if not told:
            self._settling.create_task(self._settle(link), name=f"settle {link.container_id}")

    async def _settle(self, link: ContainerLink) -> None:
        """The connection ended without word of the container's end."""
        adopted = None
        while adopted is None:
            try:
                adopted = await self.adopt(link.instance_dir)
            except TimeoutError:
                pass
            except ValueError:
                # Nobody can say whom it watches: better none than one that cannot be stopped.
                await asyncio.to_thread(end_by_force, str(link.instance_dir))
        if adopted.alive:
            return
        if adopted.exit:
            self._on_event(ContainerExitedEvent(link.container_id, adopted.exit))
            return
        if adopted.start:
            await self._spawner.sweep(adopted.start.shim_pid)
        self._on_event(ShimLostEvent(link.container_id, adopted.survivors))


def _close_connection(finding: asyncio.Future[Found]) -> None:
    """Nobody waits for it any more."""
    if finding.cancelled() or finding.exception():
        return
    if connection := finding.result().connection:
        connection.close()


def _last_words(instance_dir: Path) -> str:
    """The last line of a failed shim's traceback, if it has left one."""
    try:
        text = (instance_dir / ERROR_LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f": {text.splitlines()[-1]}" if text else ""


def _write_private(path: Path, text: str) -> None:
    """A new file, 0600: the environment holds secrets."""
    temporary = path.with_suffix(".tmp")
    data = text.encode("utf-8", "surrogateescape")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)
    temporary.rename(path)
