"""The options of the mock server, as `minikubelet mock` and as a program of its own.

Role: arguments → a server with scripted health, or the behavior of a known image.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from minikubelet.durations import duration
from minikubelet.mock.connection import ListenError
from minikubelet.mock.health import HealthScript
from minikubelet.mock.images import IMAGES, is_image, run_image
from minikubelet.mock.loop import Loop
from minikubelet.mock.server import LOOPBACK, ScriptedServer, ServerOptions

SUMMARY = "a small server with scripted health, to try probes on"

_EPILOG = """\
durations: 10s, 1m30s, 500ms or plain seconds, counted from the start

what answers how:
  /readyz, /ready    is it ready? 503 until --ready-after, and while --unready-file exists
  all other paths    is it alive? 200; 500 while it fails
  gRPC               as /readyz, for the empty service name and each --grpc-service
  TCP                the port is open while the server is alive

examples:
  minikubelet mock --http 18080
      always well: curl http://127.0.0.1:18080/healthz
  minikubelet mock --http 18080 --ready-after 7s --fail-after 60s
      ready after 7 seconds, broken after 60: shows a readiness and a liveness probe at work
  minikubelet mock --http 18080 --flap 3/10
      three of ten answers in a row fail: is your failureThreshold high enough?
  minikubelet mock --http 18080 --hang-after 20s      it lives but answers no more
  minikubelet mock --http 18080 --listen-after 30s    a slow start, for a startup probe
  minikubelet mock --grpc 15000 --grpc-service db     for a grpc probe with a service
  minikubelet mock --http 18080 --ignore-term         ends when the grace period is over
  minikubelet mock luksa/kubia --port 18080           behaves as this image
  minikubelet mock agnhost netexec --http-port 18080  subcommands of agnhost

In a manifest it is what an image does that images.yaml maps so:
  mycompany/api: {mock: [--http, "18080", --ready-after, 7s]}"""


def main(arguments: Sequence[str]) -> int:
    """The server as a program of its own, as containers run it."""
    parser = argparse.ArgumentParser(prog="minikubelet mock")
    add_options(parser)
    return run(parser.parse_args(arguments))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = f"{SUMMARY[0].upper()}{SUMMARY[1:]}."
    parser.epilog = _EPILOG
    _add_ports(parser.add_argument_group("ports (each may be repeated)"))
    _add_health(parser.add_argument_group("health"))
    _add_process(parser.add_argument_group("process"))
    parser.add_argument(
        "image",
        metavar="IMAGE [ARG …]",
        nargs=argparse.REMAINDER,
        help=f"behave as this image instead: {', '.join(IMAGES)}",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; the answer is the exit code."""
    bind = tuple(args.bind or LOOPBACK)
    if args.image:
        if not is_image(args.image[0]):
            print(
                f"error: the mock server knows no image {args.image[0]!r}; known are"
                f" {', '.join(IMAGES)}",
                file=sys.stderr,
            )
            return 2
        return run_image(args.image, bind)
    options = _server_options(args, bind)
    if options == ServerOptions(bind=bind):
        print("error: nothing to do; see `minikubelet mock --help` for examples", file=sys.stderr)
        return 2
    try:
        return ScriptedServer(Loop(), options).run()
    except ListenError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


def _server_options(args: argparse.Namespace, bind: tuple[str, ...]) -> ServerOptions:
    script = HealthScript(
        listen_after=args.listen_after,
        ready_after=args.ready_after,
        fail_after=args.fail_after,
        fail_for=args.fail_for,
        hang_after=args.hang_after,
        flap=args.flap,
        slow=args.slow,
    )
    return ServerOptions(
        http=tuple(args.http),
        tcp=tuple(args.tcp),
        grpc=tuple(args.grpc),
        grpc_services=tuple(args.grpc_service),
        bind=bind,
        script=script,
        unready_file=args.unready_file,
        ignore_term=args.ignore_term,
        term_delay=args.term_delay,
        exit_after=args.exit_after,
        log_every=args.log_every,
        verbose=args.verbose,
    )


def _add_ports(ports: argparse._ArgumentGroup) -> None:
    for name in ("http", "tcp", "grpc"):
        ports.add_argument(f"--{name}", metavar="PORT", type=_port, action="append", default=[])
    ports.add_argument(
        "--grpc-service",
        metavar="NAME",
        action="append",
        default=[],
        help="a service that gRPC health knows, besides the empty name",
    )
    ports.add_argument(
        "--bind",
        metavar="ADDRESS",
        action="append",
        help="an address to listen on (default: 127.0.0.1)",
    )


def _add_health(health: argparse._ArgumentGroup) -> None:
    def add(name: str, text: str, default: float | None = None) -> None:
        health.add_argument(name, metavar="D", type=duration, default=default, help=text)

    add("--listen-after", "open the ports after D", 0.0)
    add("--ready-after", "not ready until D", 0.0)
    add("--fail-after", "fail from D on")
    add("--fail-for", "with --fail-after: be well again after failing for D")
    add("--hang-after", "from D on take requests and never answer")
    add("--slow", "delay each answer by D", 0.0)
    health.add_argument(
        "--flap", metavar="K/N", type=_flap, help="of each N answers on a path the last K fail"
    )
    health.add_argument(
        "--unready-file", metavar="PATH", default="", help="not ready while this file exists"
    )


def _add_process(process: argparse._ArgumentGroup) -> None:
    process.add_argument("--ignore-term", action="store_true", help="do not stop on SIGTERM")
    process.add_argument(
        "--term-delay", metavar="D", type=duration, help="on SIGTERM go on for D, then exit 0"
    )
    process.add_argument(
        "--exit-after", metavar="D[:CODE]", type=_exit_after, help="exit after D (default code: 0)"
    )
    process.add_argument(
        "--log-every", metavar="D", type=duration, help="print a line now and after each D"
    )
    process.add_argument("-v", "--verbose", action="store_true", help="print each request")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1 to 65535")
    return int(text)


def _flap(text: str) -> tuple[int, int]:
    failures, _, of = text.partition("/")
    if not (failures.isdecimal() and of.isdecimal() and int(failures) <= int(of) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not K/N, such as 3/10")
    return int(failures), int(of)


def _exit_after(text: str) -> tuple[float, int]:
    seconds, _, code = text.partition(":")
    if code and not (code.isdecimal() and int(code) <= 255):
        raise argparse.ArgumentTypeError(f"{code} is not an exit code from 0 to 255")
    return duration(seconds), int(code or 0)
