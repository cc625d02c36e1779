"""Commands in containers of a running Pod, through its exec stream.

Role: a `CommandRunner` for probes that are tried from outside the daemon.
Invariants: a command that is too slow is left, whereupon the server kills it; output beyond the
limit is read and thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import field

from minikubelet.apiserver.stream_timing import within
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.stream_command import StreamRequest
from minikubelet.cli.stream_connection import PodStreams
from minikubelet.cli.stream_session import PROTOCOL, LocalStreams, Session, SessionEnd
from minikubelet.clock import SystemClock
from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.value_class import dataclass

_ENVIRONMENT_SECONDS = 10.0


@dataclass(slots=True)
class _Kept:
    limit: int
    data: bytearray = field(default_factory=bytearray)

    async def write(self, data: bytes) -> None:
        self.data += data[: max(0, self.limit - len(self.data))]


class StreamedCommands:
    def __init__(self, client: Client, path: str) -> None:
        """`path` is that of the Pod."""
        self._streams = PodStreams(client.cluster, client.timeout)
        self._path = path

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """`container_id` is the container's name. Raises ExecError."""
        request = StreamRequest(
            path=self._path, verb="exec", container=container_id, command=tuple(argv)
        )
        stdout, stderr = _Kept(output_limit), _Kept(output_limit)
        clock = SystemClock()
        began = clock.monotonic()
        try:
            async with self._streams.open(f"{self._path}/exec", request.query, PROTOCOL) as ws:
                ran = clock.monotonic()
                session = Session(ws, LocalStreams(stdout=stdout, stderr=stderr), clock)
                end: SessionEnd | None = None
                try:
                    async with within(clock, timeout) if timeout is not None else nullcontext():
                        end = await session.run()
                except TimeoutError:
                    pass
        except CommandError as err:
            raise ExecError(str(err)) from err
        if end is not None and end.exit_code is None:
            raise ExecError(end.message)
        return ExecResult(
            exit_code=None if end is None else end.exit_code,
            stdout=bytes(stdout.data),
            stderr=bytes(stderr.data),
            timed_out=end is None,
            spawn_seconds=ran - began,
            run_seconds=clock.monotonic() - ran,
        )

    async def environment(self, container: str) -> dict[str, str]:
        """What a process in the container sees; empty where it cannot be asked."""
        try:
            result = await self.exec(container, ["env"], timeout=_ENVIRONMENT_SECONDS)
        except ExecError:
            return {}
        lines = result.stdout.decode(errors="replace").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)
