"""What exec and attach need of the runtime: sessions with containers.

Role: the Protocols; implemented by `runtime/streams.py` and `runtime/processes.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class StreamEnd(Protocol):
    """How a session ended. Without an exit code: not by the program's end, `message` says why."""

    @property
    def exit_code(self) -> int | None: ...

    @property
    def message(self) -> str: ...


class ContainerStream(Protocol):
    """One session. `read` is for one task, the others for any."""

    @property
    def end(self) -> StreamEnd | None:
        """Set when `read` has returned None."""
        ...

    async def read(self) -> tuple[int, bytes] | None:
        """Output as (1 or 2, some of it), or None at the end of the session."""
        ...

    async def write(self, data: bytes) -> None:
        """Feed stdin; waits while the program does not read."""
        ...

    async def close_stdin(self) -> None: ...

    async def resize(self, width: int, height: int) -> None: ...

    def close(self) -> None:
        """A command is hung up and killed; an attached container goes on."""
        ...


class StreamRuntime(Protocol):
    """Both raise `ExecError` (pod/commands.py) when there will be no session."""

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
    ) -> ContainerStream: ...

    async def open_attach(
        self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool
    ) -> ContainerStream: ...
