"""Commands in containers, as probes and hooks see them.

Role: the values and the one Protocol between those who want a command run and the runtime that runs
it, which need not know each other. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from minikubelet.value_class import dataclass

OUTPUT_LIMIT = 10240
"""Bytes of stdout, and as many of stderr, that are kept unless somebody wants more (P-343)."""


class ExecError(Exception):
    """A command could not be run in a container at all: not found, container gone. The text is the
    user's."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command ended. `exit_code` is None when it timed out; death by signal n is 128+n.

    `spawn_seconds` passed before it ran, `run_seconds` from then to its end (B-26).
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool
    spawn_seconds: float
    run_seconds: float


class CommandRunner(Protocol):
    """Runs a command inside a container; implemented by `runtime/processes.py`."""

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run to its end, or kill its whole group after `timeout` seconds (P-348). Raises
        ExecError; cancelling kills the command."""
        ...
