"""What `exec`, `attach`, `cp` and `port-forward` have in common once their Pod is known.

Role: from a request to an exit code, with signals and the terminal in between.
Invariants: a signal ends the session and gives the terminal back; the exit code is the command's,
or 128 and the number of the signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.stream_connection import PodStreams
from minikubelet.cli.stream_files import FileReader, FileWriter
from minikubelet.cli.stream_session import PROTOCOL, LocalStreams, Session, SessionEnd
from minikubelet.cli.stream_terminal import Terminal
from minikubelet.clock import SystemClock
from minikubelet.value_class import dataclass

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """An exec or attach; `path` is that of the Pod."""

    path: str
    verb: str
    container: str
    stdin: bool = False
    tty: bool = False
    command: tuple[str, ...] = ()

    @property
    def query(self) -> list[tuple[str, str]]:
        """As kubectl asks (wire spec, section 11)."""
        switches = {
            "stdin": self.stdin,
            "stdout": True,
            "stderr": not self.tty,
            "tty": self.tty,
        }
        return [
            *(("command", word) for word in self.command),
            ("container", self.container),
            *((name, "true") for name, on in switches.items() if on),
        ]


def talk(client: Client, request: StreamRequest) -> int:
    """A session with our own standard streams, to its end. Raises CommandError, BrokenPipeError."""
    end = run_until_signal(_talk(client, request))
    if isinstance(end, int):
        return end
    if end.told:
        print(end.told, file=sys.stderr)
    return end.code


async def _talk(client: Client, request: StreamRequest) -> SessionEnd:
    descriptor = sys.stdin.fileno() if request.stdin else -1
    terminal = Terminal(descriptor) if request.tty else None
    stdout, stderr = FileWriter(sys.stdout.fileno()), FileWriter(sys.stderr.fileno())
    local = LocalStreams(
        stdin=FileReader(descriptor) if request.stdin else None,
        stdout=stdout,
        stderr=stderr,
        terminal=terminal,
        redraw=request.verb == "attach",
    )
    try:
        with terminal.raw() if terminal else contextlib.nullcontext():
            return await run_session(client, request, local)
    except BrokenPipeError:
        raise
    except OSError as err:
        raise CommandError(f"cannot write what the command says: {err.strerror}") from err
    finally:
        stdout.close()
        stderr.close()


async def run_session(client: Client, request: StreamRequest, local: LocalStreams) -> SessionEnd:
    """Raises CommandError, and OSError when output cannot be written."""
    streams = PodStreams(client.cluster, client.timeout)
    path = f"{request.path}/{request.verb}"
    async with streams.open(path, request.query, PROTOCOL) as ws:
        return await Session(ws, local, SystemClock()).run()


def run_until_signal(work: Coroutine[Any, Any, SessionEnd]) -> SessionEnd | int:
    """Its result, or the exit code after a signal, by which it is cancelled."""
    return asyncio.run(_until_signal(work))


async def _until_signal(work: Coroutine[Any, Any, SessionEnd]) -> SessionEnd | int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def on_signal(number: int) -> None:
        received.append(number)
        task.cancel()

    # Who was started with a signal ignored, as by nohup, goes on ignoring it.
    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await work
    except asyncio.CancelledError:
        if not received:
            raise
        task.uncancel()
        return 128 + received[0]
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


def input_and_tty(*, stdin: bool, tty: bool, quiet: bool) -> tuple[bool, bool]:
    """Whether there is input, and whether a terminal: that needs one here."""
    if not stdin or not tty:
        return stdin, False
    if sys.stdin is not None and os.isatty(sys.stdin.fileno()):
        return True, True
    if not quiet:
        print(
            "Unable to use a TTY - input is not a terminal or the right kind of file",
            file=sys.stderr,
        )
    return True, False
