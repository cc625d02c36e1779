"""`minikubelet exec`: run a command in a container.

Exit codes: the command's; 1 the server refused, is not there, or went away; 2 usage; 130 and others
beyond 128 when a signal ended the session.
"""

from __future__ import annotations

import argparse

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client
from minikubelet.cli.stream_pods import (
    add_session_options,
    chosen_container,
    find_running_pod,
    pod_path,
)

TAKES_COMMAND = True

_EPILOG = """\
examples:
  minikubelet exec web -- date                 in the default container
  minikubelet exec web -c app -- printenv      in this one
  minikubelet exec -it web -- sh               a shell, with your terminal
  minikubelet exec -i web -- psql < dump.sql   with input
  minikubelet exec svc/web -- date             in one of the Pods of a Service

The command has the namespaces, user, directory and environment of its container. The exit code is
the command's.

Exit codes: the command's; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "exec",
        help="run a command in a container",
        description="Run a command in a container, and pass its exit code on.",
        usage="minikubelet exec (POD | TYPE/NAME) [-c NAME] [-i] [-t] [options] -- COMMAND [ARG …]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="POD", help="POD or TYPE/NAME")
    add_session_options(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _exec(args, client, scope))


def _exec(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    if not args.words:
        raise UsageError("pod or type/name must be specified")
    if len(args.words) > 1:
        raise UsageError(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"
        )
    if not args.command_line:
        raise UsageError("you must specify at least one command for the container")
    from minikubelet.cli.stream_command import StreamRequest, input_and_tty, talk

    pod = find_running_pod(client, scope, args.words[0], "exec into")
    container = chosen_container(pod, args.container, quiet=args.quiet)
    stdin, tty = input_and_tty(stdin=args.stdin, tty=args.tty, quiet=args.quiet)
    request = StreamRequest(
        path=pod_path(pod),
        verb="exec",
        container=container,
        stdin=stdin,
        tty=tty,
        command=tuple(args.command_line),
    )
    return talk(client, request)
