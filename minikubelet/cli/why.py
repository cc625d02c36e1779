"""`minikubelet why`: why a Pod is as it is, and why its containers were restarted.

Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client, segment
from minikubelet.cli.colors import printable
from minikubelet.explain.text import explanation_lines
from minikubelet.manifest.json_tree import Json

_EPILOG = """\
examples:
  minikubelet why web                  the Pod, and the newest restarts of its containers
  minikubelet why web/app              one container
  minikubelet why web/app --restart 3  one restart, as RESTARTS of `get pods` counts them
  minikubelet why web -o json          for programs

Also for Pods that are gone, as long as the daemon's journal knows them.

Exit codes: 0; 1 the server refused or is not there; 2 usage"""

_KINDS = frozenset({"pod", "pods", "po"})


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "why",
        help="why a Pod is as it is, and why it was restarted",
        description="Tell why a Pod is as it is, and what led to each restart of its containers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pod", metavar="POD[/CONTAINER]")
    parser.add_argument(
        "--restart", type=int, metavar="N", help="only what led to this restart (1 is the first)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _why(args, client, scope))


def _why(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    pod, container = parse_pod(args.pod)
    query = {"container": container} if container else {}
    if args.restart is not None:
        query["restart"] = str(args.restart)
    namespace = segment(scope.namespace or "default")
    path = f"/minikubelet/v1/namespaces/{namespace}/pods/{segment(pod)}/why"
    answer = client.get(path, query)
    print(
        json.dumps(answer, indent=2, ensure_ascii=False) if args.output == "json" else text(answer)
    )
    return 0


def parse_pod(word: str) -> tuple[str, str]:
    """`web`, `web/app`; also `pod/web` and `pod/web/app`, as kubectl's users write it. Raises
    UsageError."""
    kind, slash, rest = word.partition("/")
    if slash and kind in _KINDS:
        word = rest
    pod, slash, container = word.partition("/")
    if not pod or (slash and not container) or "/" in container:
        raise UsageError(f"POD or POD/CONTAINER is wanted, not {word!r}")
    return pod, container


def text(answer: Json) -> str:
    """Times are those of the reader's zone."""
    return "\n".join(printable(line) for line in explanation_lines(answer, datetime.astimezone))
