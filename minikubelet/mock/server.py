"""The scripted server: ports whose health follows a script.

Role: build listeners for `ServerOptions` and answer by `HealthScript`. Every HTTP path answers;
`/readyz` and `/ready` ask for readiness, all others whether it is alive. A TCP port is open while
the script is well. gRPC tells readiness.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import field
from types import FrameType

from minikubelet.mock.connection import Connection, Listener
from minikubelet.mock.health import Health, HealthScript, http_answer
from minikubelet.mock.http import HTTPReceiver, Request, Response
from minikubelet.mock.loop import Loop
from minikubelet.value_class import dataclass

_READINESS_PATHS = ("/readyz", "/ready")
LOOPBACK = ("127.0.0.1",)


@dataclass(frozen=True)
class ServerOptions:
    """All that the scripted server can be told. Seconds throughout."""

    http: tuple[int, ...] = ()
    tcp: tuple[int, ...] = ()
    grpc: tuple[int, ...] = ()
    grpc_services: tuple[str, ...] = ()
    bind: tuple[str, ...] = LOOPBACK
    script: HealthScript = field(default_factory=HealthScript)
    unready_file: str = ""
    ignore_term: bool = False
    term_delay: float | None = None
    exit_after: tuple[float, int] | None = None
    log_every: float | None = None
    verbose: bool = False


def say(text: str) -> None:
    """One line on stdout, unbuffered: a signal handler may speak while the loop does."""
    os.write(1, f"{text}\n".encode())


class ScriptedServer:
    """The server of one process."""

    def __init__(self, loop: Loop, options: ServerOptions) -> None:
        self._loop = loop
        self._options = options
        self._script = options.script
        self._counts: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        self._tcp: list[Listener] = []

    def run(self) -> int:
        """The exit code. Raises ListenError when a port cannot be had."""
        options, script, loop = self._options, self._script, self._loop
        self._handle_term()
        if script.listen_after:
            say(f"listening in {script.listen_after:g}s")
            loop.at(script.listen_after, self._listen)
        else:
            self._listen()
        for when, change in script.changes():
            self._say_at(when, change)
        if options.exit_after is not None:
            seconds, code = options.exit_after
            loop.at(seconds, lambda: self._exit(code))
        if options.log_every is not None:
            self._log_line(options.log_every, 1)
        return loop.run()

    def _listen(self) -> None:
        options = self._options
        for port in options.http:
            Listener(self._loop, options.bind, port, self._http_receiver)
        if options.grpc:
            self._listen_grpc()
        self._follow_script_by_tcp()
        ports = [
            f"{kind} {port}"
            for kind, numbers in (
                ("http", options.http),
                ("tcp", options.tcp),
                ("grpc", options.grpc),
            )
            for port in numbers
        ]
        if ports:
            say(f"listening: {', '.join(ports)}")

    def _listen_grpc(self) -> None:
        # h2 takes longer to import than everything else together.
        from minikubelet.mock.h2_import import ensure_h2

        ensure_h2()
        from minikubelet.mock.grpc_health import GRPCHealthReceiver

        for port in self._options.grpc:
            Listener(
                self._loop,
                self._options.bind,
                port,
                lambda connection: GRPCHealthReceiver(self._loop, connection, self._check),
            )

    def _http_receiver(self, connection: Connection) -> HTTPReceiver:
        return HTTPReceiver(self._loop, connection, self._handle)

    def _handle(self, request: Request) -> Response | None:
        readiness = request.path in _READINESS_PATHS
        response = self._response(request.path, readiness)
        if self._options.verbose:
            status = "no answer" if response is None else response.status
            say(f"{request.method} {request.target} {status}")
        return response

    def _response(self, path: str, readiness: bool) -> Response | None:
        health = self._health(path, readiness=readiness)
        answer = http_answer(health, self._loop.elapsed())
        if answer is None:
            return None
        status, body = answer
        return Response(status, body, delay=self._script.slow)

    def _check(self, service: str) -> tuple[int, float] | None:
        from minikubelet.mock.grpc_health import NOT_SERVING, SERVING

        if service and service not in self._options.grpc_services:
            raise KeyError(service)
        health = self._health(f"grpc {service}", readiness=True)
        if self._options.verbose:
            say(f"Check {service!r}: {health.value}")
        if health is Health.HANGING:
            return None
        return (SERVING if health is Health.OK else NOT_SERVING), self._script.slow

    def _health(self, question: str, *, readiness: bool) -> Health:
        number = next(self._counts[question])
        health = self._script.answer(self._loop.elapsed(), number, readiness=readiness)
        unready = self._options.unready_file
        if health is Health.OK and readiness and unready and os.path.exists(unready):
            return Health.NOT_READY
        return health

    def _follow_script_by_tcp(self) -> None:
        """Open the TCP ports, close them when the script fails, open them again when it
        recovers."""
        script, elapsed = self._script, self._loop.elapsed()
        failing = script.failing(elapsed)
        if failing:
            for listener in self._tcp:
                listener.close()
            self._tcp.clear()
        elif not self._tcp:
            self._tcp = [
                Listener(self._loop, self._options.bind, port, lambda _: _Silent())
                for port in self._options.tcp
            ]
        if script.fail_after is None or not self._options.tcp:
            return
        if not failing and elapsed < script.fail_after:
            self._loop.at(script.fail_after, self._follow_script_by_tcp)
        elif failing and script.fail_for is not None:
            self._loop.at(script.fail_after + script.fail_for, self._follow_script_by_tcp)

    def _log_line(self, period: float, number: int) -> None:
        say(f"line {number}")
        self._loop.at(number * period, lambda: self._log_line(period, number + 1))

    def _say_at(self, when: float, change: str) -> None:
        self._loop.at(when, lambda: say(f"{change}, {self._loop.elapsed():.1f}s after the start"))

    def _exit(self, code: int) -> None:
        say(f"exiting with code {code}")
        self._loop.stop(code)

    def _handle_term(self) -> None:
        if self._options.ignore_term:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif self._options.term_delay is not None:
            signal.signal(signal.SIGTERM, self._stop_slowly)

    def _stop_slowly(self, _signal: int, _frame: FrameType | None) -> None:
        delay = self._options.term_delay or 0.0
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(f"asked to stop: stopping takes {delay:g}s")
        if delay == 0:
            raise SystemExit(0)
        # A signal, since the loop may just be waiting without a deadline.
        signal.signal(signal.SIGALRM, _exit_in_peace)
        signal.setitimer(signal.ITIMER_REAL, delay)


def _exit_in_peace(_signal: int, _frame: FrameType | None) -> None:
    say("stopped")
    raise SystemExit(0)


class _Silent:
    """Takes what is sent and says nothing."""

    def receive(self, data: bytes) -> None:
        pass
