"""`minikubelet attach`: see what a container's process writes, and write to it.

Exit codes: 0 when the container has ended; 1 the server refused, is not there, or went away; 2
usage; 130 and others beyond 128 when a signal ended the session.
"""

from __future__ import annotations

import argparse
import sys

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client
from minikubelet.cli.stream_pods import (
    add_session_options,
    chosen_container,
    find_running_pod,
    known_container,
    pod_path,
)
from minikubelet.manifest.json_tree import Json

_EPILOG = """\
examples:
  minikubelet attach web               what its process writes from now on; Ctrl-C leaves it
  minikubelet attach -it web -c app    with your terminal, for a container with stdin and tty

Exit codes: 0 when the container has ended; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "attach",
        help="see what a running container writes, and write to it",
        description="Attach to the process that runs in a container.",
        usage="minikubelet attach (POD | TYPE/NAME) [-c NAME] [-i] [-t] [options]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="POD", help="POD or TYPE/NAME")
    add_session_options(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _attach(args, client, scope))


def _attach(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    if not args.words:
        raise UsageError("at least 1 argument is required for attach")
    if len(args.words) > 1:
        raise UsageError(f"one POD or TYPE/NAME is wanted, not {' '.join(args.words)}")
    from minikubelet.cli.stream_command import StreamRequest, input_and_tty, talk

    pod = find_running_pod(client, scope, args.words[0], "attach")
    name = chosen_container(pod, args.container, quiet=args.quiet)
    container = known_container(pod, name)
    wanted = _wants_tty(args, container)
    stdin, tty = input_and_tty(stdin=args.stdin, tty=wanted, quiet=args.quiet)
    if not args.quiet:
        print("If you don't see a command prompt, try pressing enter.", file=sys.stderr)
    code = talk(
        client,
        StreamRequest(path=pod_path(pod), verb="attach", container=name, stdin=stdin, tty=tty),
    )
    if code == 0 and tty and (pod["spec"].get("restartPolicy") or "Always") == "Always":
        print(
            f"Session ended, resume using 'minikubelet attach {pod['metadata']['name']} -c {name} "
            "-i -t' command when the pod is running"
        )
    return code


def _wants_tty(args: argparse.Namespace, container: Json) -> bool:
    """A container with a terminal is always met with one, if there is input at all."""
    if args.tty and not container.get("tty"):
        if not args.quiet:
            print(
                f"error: Unable to use a TTY - container {container['name']} did not allocate one",
                file=sys.stderr,
            )
        return False
    return bool(container.get("tty"))
