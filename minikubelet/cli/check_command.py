"""Run the command of a check, beside the Pods, and whatever it leaves behind.

Role: the command shares our terminal and standard input; its status is what a shell would show.
Invariants: this process adopts the command's orphans, so that none of them outlives the check.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

from minikubelet.clock import Clock
from minikubelet.runtime.shim import linux, tree

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_TERM_SECONDS = 5.0
_SWEEP_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.005


def adopt_orphans() -> None:
    """From now on a process whose parent below us has ended becomes our child."""
    linux.load()
    linux.become_subreaper()


async def run_command(
    argv: Sequence[str], environment: Mapping[str, str], *, stdout: int | None
) -> int:
    """Its exit status, 128 + n after signal n, 126 or 127 if it cannot be run. When cancelled, the
    command is ended first: TERM, then KILL after five seconds."""
    try:
        process = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=stdout)
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_EXECUTABLE
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    return 128 - status if status < 0 else status


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_TERM_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def sweep(clock: Clock, on_found: Callable[[str], None]) -> bool:
    """Kill and reap whatever is below this process; False if something does not die.

    To be called when nothing of ours is to run any more. `on_found` gets each one as `name (pid)`.
    """
    deadline = clock.monotonic() + _SWEEP_SECONDS
    told: set[int] = set()
    while found := tree.descendants(os.getpid()):
        for process in found:
            if process.pid not in told:
                told.add(process.pid)
                on_found(f"{_name(process.pid)} (pid {process.pid})")
        tree.kill_processes(found)
        _reap()
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(_LOOK_AGAIN_SECONDS)
    _reap()
    return True


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a process"
