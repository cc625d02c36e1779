"""The subcommands of agnhost (registry.k8s.io/e2e-test-images/agnhost) that documentation uses.

Upstream: kubernetes test/images/agnhost.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import FrameType
from urllib.parse import unquote

from minikubelet.mock.connection import Listener
from minikubelet.mock.http import Handler, HTTPReceiver, Request, Response
from minikubelet.mock.loop import Loop
from minikubelet.mock.server import say
from minikubelet.mock.web_images import host_name

Bind = tuple[str, ...]

_LIVE_SECONDS = 10.0
_CODE_DIGITS = 18


def run_agnhost(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
    """The exit code. Raises ListenError."""
    name, *rest = arguments or ["pause"]
    command = _COMMANDS.get(name)
    if command is None:
        known = ", ".join(_COMMANDS)
        print(f"error: the mock of agnhost knows {known}; not {name!r}", file=sys.stderr)
        return 1
    return command(loop, rest, bind)


def liveness_handler(elapsed: Callable[[], float], started: datetime) -> Handler:
    """Well for ten seconds. `elapsed` tells the seconds since `started`."""

    def handle(request: Request) -> Response:
        if request.path == "/healthz":
            seconds = elapsed()
            if seconds > _LIVE_SECONDS:
                return Response(500, f"error: {seconds:.9f}")
            return Response(200, "ok")
        if request.path == "/redirect":
            return Response(302, headers={"Location": unquote(request.query("loc"))})
        return Response(200, f"{started:%Y-%m-%d %H:%M:%S.%f} +0000 UTC")

    return handle


def _liveness(loop: Loop, _arguments: Sequence[str], bind: Bind) -> int:
    return _serve(loop, bind, 8080, liveness_handler(loop.elapsed, datetime.now(UTC)))


def _netexec(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
    parser = _parser("netexec")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--udp-port", type=int, help="taken and not listened on")
    options = parser.parse_args(arguments)

    def handle(request: Request) -> Response:
        match request.path:
            case "/echo":
                return Response(200, request.query("msg"))
            case "/hostname" | "/hostName":
                return Response(200, host_name())
            case "/clientip":
                host, port = request.peer
                return Response(200, f"{host}:{port}")
            case "/healthz":
                return Response(200)
            case "/exit":
                code = request.query("code", "0")
                if not code.isdecimal() or len(code) > _CODE_DIGITS:
                    return Response(400, f"argument 'code' must be an integer, got {code!r}\n")
                loop.after(0, lambda: loop.stop(int(code) & 0xFF))
                return Response(200)
        return Response(200, f"NOW: {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} +0000 UTC")

    say(f"Started HTTP server on port {options.http_port}")
    return _serve(loop, bind, options.http_port, handle)


def _grpc_health_checking(loop: Loop, arguments: Sequence[str], bind: Bind) -> int:
    parser = _parser("grpc-health-checking")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--delay-unhealthy-sec", type=float, default=-1)
    parser.add_argument("--service", default="")
    options = parser.parse_args(arguments)
    # h2 takes longer to import than everything else together.
    from minikubelet.mock.h2_import import ensure_h2

    ensure_h2()
    from minikubelet.mock.grpc_health import NOT_SERVING, SERVING, GRPCHealthReceiver

    status = NOT_SERVING if options.delay_unhealthy_sec == 0 else SERVING

    def become(new: int) -> None:
        nonlocal status
        status = new

    def check(service: str) -> tuple[int, float]:
        if service not in ("", options.service):
            raise KeyError(service)
        return status, 0.0

    def handle(request: Request) -> Response:
        match request.path:
            case "/make-serving":
                become(SERVING)
            case "/make-not-serving":
                become(NOT_SERVING)
            case _:
                return Response(404, "404 page not found\n")
        return Response(200)

    if options.delay_unhealthy_sec > 0:
        loop.at(options.delay_unhealthy_sec, lambda: become(NOT_SERVING))
    Listener(loop, bind, options.port, lambda client: GRPCHealthReceiver(loop, client, check))
    say(f"Http server starting to listen on :{options.http_port}")
    say(f"gRPC server starting to listen on :{options.port}")
    return _serve(loop, bind, options.http_port, handle)


def _pause(loop: Loop, _arguments: Sequence[str], _bind: Bind) -> int:
    def stop(signum: int, _frame: FrameType | None) -> None:
        code = 1 if signum == signal.SIGINT else 2
        say(f"exiting {code}")
        raise SystemExit(code)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    say("Paused")
    while True:
        signal.pause()


def _connect(_loop: Loop, arguments: Sequence[str], _bind: Bind) -> int:
    parser = _parser("connect")
    parser.add_argument("destination", metavar="HOST:PORT")
    parser.add_argument("--timeout", default="0s")
    parser.add_argument("--protocol", choices=["tcp"], default="tcp")
    options = parser.parse_args(arguments)
    host, _, port = options.destination.rpartition(":")
    try:
        seconds = float(options.timeout.removesuffix("s"))
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds or None).close()
    except socket.gaierror as err:
        failure = f"DNS: {err.strerror}"
    except ConnectionRefusedError:
        failure = "REFUSED"
    except TimeoutError:
        failure = "TIMEOUT"
    except (OSError, ValueError) as err:
        failure = f"OTHER: {err}"
    else:
        return 0
    print(failure, file=sys.stderr)
    return 1


def _entrypoint_tester(_loop: Loop, arguments: Sequence[str], _bind: Bind) -> int:
    say(f"[{' '.join(('/agnhost', 'entrypoint-tester', *arguments))}]")
    return 0


_COMMANDS: dict[str, Callable[[Loop, Sequence[str], Bind], int]] = {
    "liveness": _liveness,
    "netexec": _netexec,
    "pause": _pause,
    "grpc-health-checking": _grpc_health_checking,
    "connect": _connect,
    "entrypoint-tester": _entrypoint_tester,
}


def _serve(loop: Loop, bind: Bind, port: int, handler: Handler) -> int:
    Listener(loop, bind, port, lambda client: HTTPReceiver(loop, client, handler))
    return loop.run()


def _parser(name: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"agnhost {name}", allow_abbrev=False)
