"""`minikubelet port-forward`: local ports that lead to a Pod.

Exit codes: 1 the server refused, is not there, or went away, or no port could be listened on; 2
usage; 130 and others beyond 128 when a signal ended it.
"""

from __future__ import annotations

import argparse

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.forwarded_ports import PortError, forwarded_ports
from minikubelet.cli.stream_pods import find_object, pod_path

_EPILOG = """\
examples:
  minikubelet port-forward web 8080              local port 8080 to port 8080 of the Pod
  minikubelet port-forward web 8080:80 5432      several
  minikubelet port-forward web :80               a free local port, which it prints
  minikubelet port-forward web 8080:http         by the port's name
  minikubelet port-forward svc/web 8080:80       to a Pod of a Service, by the Service's port
  minikubelet port-forward --address 0.0.0.0 web 8080

A port that nobody in the Pod listens on breaks that connection, not the others: the app may come
back. It ends when the Pod or the daemon is gone.

Exit codes: 1 the server refused or went away, or no port was free; 2 usage; 130 after Ctrl-C"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "port-forward",
        help="forward local ports to a Pod",
        description="Listen on local ports, and forward their connections to a Pod.",
        usage="minikubelet port-forward (POD | TYPE/NAME) [LOCAL:]REMOTE … [options]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="POD [LOCAL:]REMOTE", help="where to")
    parser.add_argument(
        "--address",
        default="localhost",
        metavar="IP[,IP]",
        help="where to listen (localhost: 127.0.0.1 and ::1)",
    )
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _port_forward(args, client, scope))


def _port_forward(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    if len(args.words) < 2:
        raise UsageError("TYPE/NAME and list of ports are required for port-forward")
    target, *words = args.words
    pod, named = find_object(client, scope, target)
    phase = (pod.get("status") or {}).get("phase", "")
    if phase != "Running":
        raise CommandError(
            f"unable to forward port because pod is not running. Current status={phase}"
        )
    try:
        ports = forwarded_ports(words, pod, named if named["kind"] == "Service" else None)
    except PortError as err:
        raise CommandError(str(err)) from err
    from minikubelet.cli.stream_forward import forward

    return forward(client, pod_path(pod), ports, args.address.split(","))
