"""A process runtime under test: collects its events, and proves that nothing is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import (
    Adopted,
    ContainerEvent,
    ContainerExitedEvent,
    LogLostEvent,
    ProcessRuntime,
    ShimLostEvent,
    StopStepEvent,
)
from minikubelet.runtime.records import ExitRecord, StartRecord
from minikubelet.runtime.shim.linux import read_process
from tests.builders import a_launch_spec

DEADLINE_SECONDS = 20.0

Event = TypeVar("Event", ContainerExitedEvent, StopStepEvent, LogLostEvent, ShimLostEvent)


@dataclass
class Harness:
    """`events` in the order of their arrival. Waiting fails after a deadline."""

    directory: Path
    runtime: ProcessRuntime
    events: list[ContainerEvent]
    changed: asyncio.Event
    shims: list[tuple[int, int]] = field(default_factory=list)

    async def start(self, argv: Sequence[str], **members: Any) -> LaunchSpec:
        """Start a container of `a_launch_spec`."""
        spec = a_launch_spec(self.directory, argv, **members)
        self.note(await self.runtime.start(spec))
        return spec

    async def adopt(self, instance_dir: Path) -> Adopted:
        adopted = await self.runtime.adopt(instance_dir)
        if adopted.start:
            self.note(adopted.start)
        return adopted

    def note(self, record: StartRecord) -> StartRecord:
        """Its shim must be gone at the end of the test."""
        self.shims.append((record.shim_pid, record.shim_start_time))
        return record

    async def event(self, kind: type[Event], spec: LaunchSpec) -> Event:
        """The first event of this kind about a container."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and event.container_id == spec.container_id:
                        return event
                self.changed.clear()
                await self.changed.wait()

    def living_shims(self) -> list[int]:
        return [pid for pid, start_time in self.shims if is_alive(pid, start_time)]

    async def exit_of(self, spec: LaunchSpec) -> ExitRecord:
        return (await self.event(ContainerExitedEvent, spec)).record

    async def logged(self, spec: LaunchSpec, text: str) -> None:
        """Wait until the container has printed something."""
        await eventually(lambda: text in log_of(spec), f"{text!r} in the log of {spec.argv}")


@asynccontextmanager
async def a_harness(
    directory: Path, *, leave: bool = False, **arguments: Any
) -> AsyncIterator[Harness]:
    """An open runtime. At the end, what still runs is killed, and nothing may be left.

    `leave`: the containers are left to their shims, for another runtime to adopt.
    """
    events: list[ContainerEvent] = []
    changed = asyncio.Event()

    def on_event(event: ContainerEvent) -> None:
        events.append(event)
        changed.set()

    runtime = ProcessRuntime(**{"die_with_owner": False, "on_event": on_event, **arguments})
    await runtime.open()
    harness = Harness(directory, runtime, events, changed)
    try:
        yield harness
    finally:
        if not leave:
            for container_id in tuple(runtime.containers):
                runtime.stop(container_id, 0)
            await eventually(lambda: not runtime.containers, "all containers have ended")
        await runtime.close()
    if not leave:
        await eventually(lambda: not harness.living_shims(), "all shims have ended")
        assert processes_with(str(directory)) == []


async def eventually(holds: Callable[[], bool], fact: str) -> None:
    """Wait for a fact about processes and files."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"not in time: {fact}"
        await asyncio.sleep(0.002)


def is_alive(pid: int, start_time: int) -> bool:
    """Exactly this process, and not as a zombie."""
    process = read_process(pid)
    return process is not None and process.start_time == start_time and process.state not in "ZX"


def processes_with(mark: str) -> list[str]:
    """Living processes that have this text in their environment or command line."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            process = read_process(int(name))
            texts = _read(f"/proc/{name}/environ") + b"\0" + _read(f"/proc/{name}/cmdline")
            if process and process.state not in "ZX" and mark.encode() in texts:
                found.append(f"{process.pid} {process.comm}")
    return found


def log_of(spec: LaunchSpec) -> str:
    """What the container has printed: contents of the entries of its current log file. A reader may
    see a part of what is being written."""
    try:
        *entries, _ = Path(spec.log_path).read_bytes().split(b"\n")
    except FileNotFoundError:
        return ""
    parts = [entry.split(b" ", 3) for entry in entries]
    return b"".join(p[3] + (b"\n" if p[2] == b"F" else b"") for p in parts).decode()


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
