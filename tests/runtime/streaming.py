"""Sessions of exec and attach as a client of the runtime has them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.streams import ContainerStream, StreamEnd
from tests.runtime.harness import DEADLINE_SECONDS, Harness, processes_with

SH = ("sh", "-c")
PYTHON = (sys.executable, "-I", "-S", "-c")


async def open_exec(
    harness: Harness, spec: LaunchSpec, argv: Sequence[str], **members: Any
) -> ContainerStream:
    return await exec_in(harness.runtime, spec, argv, **members)


async def exec_in(
    runtime: ProcessRuntime, spec: LaunchSpec, argv: Sequence[str], **members: Any
) -> ContainerStream:
    wanted = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **members}
    return await runtime.open_exec(spec.container_id, argv, **wanted)


async def open_attach(harness: Harness, spec: LaunchSpec, **members: bool) -> ContainerStream:
    wanted = {"stdin": False, "stdout": True, "stderr": True, **members}
    return await harness.runtime.open_attach(spec.container_id, **wanted)


async def read_all(stream: ContainerStream) -> tuple[bytes, bytes, StreamEnd | None]:
    """All output to the end of the session, and the end."""
    outputs = {1: b"", 2: b""}
    async with asyncio.timeout(DEADLINE_SECONDS):
        while chunk := await stream.read():
            outputs[chunk[0]] += chunk[1]
    return outputs[1], outputs[2], stream.end


async def read_until(stream: ContainerStream, text: bytes) -> bytes:
    """Output of either channel, until it holds the text."""
    output = b""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while text not in output:
            chunk = await stream.read()
            assert chunk, f"the session has ended with {stream.end} after {output!r}"
            output += chunk[1]
    return output


async def run(
    harness: Harness, spec: LaunchSpec, argv: Sequence[str], data: bytes = b"", **members: Any
) -> tuple[bytes, bytes, StreamEnd | None]:
    """Run a command to its end; `data` is all its input."""
    stream = await open_exec(harness, spec, argv, stdin=bool(data), **members)
    if data:
        await stream.write(data)
        await stream.close_stdin()
    return await read_all(stream)


def marked(harness: Harness, mark: str) -> list[str]:
    """Living processes of this test that bear the mark."""
    return processes_with(f"{harness.directory}/{mark}")
