"""`minikubelet why`: why a Pod is as it is, and why its containers were restarted.

Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime

from minikubelet.cli.api_options import Scope, UsageError, add_connection_options, with_client
from minikubelet.cli.client import Client, CommandError, ServerError, segment
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

_NOT_FOUND = 404
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
    namespace = scope.namespace or "default"
    path = f"/minikubelet/v1/namespaces/{segment(namespace)}/pods/{segment(pod)}/why"
    try:
        answer = client.get(path, query)
    except ServerError as err:
        if err.code != _NOT_FOUND:
            raise
        raise CommandError(f"{err}{_meant(client, pod, namespace)}") from err
    print(
        json.dumps(answer, indent=2, ensure_ascii=False) if args.output == "json" else text(answer)
    )
    return 0


def _meant(client: Client, name: str, namespace: str) -> str:
    """A hint at a pod that there is, in brackets; empty where none is like it."""
    from minikubelet.manifest.suggest import nearest_name  # seldom needed

    try:
        pods = [item["metadata"] for item in client.get("/api/v1/pods").get("items") or ()]
    except CommandError:
        return ""  # what went wrong at first is told anyway
    here = [meta["name"] for meta in pods if meta["namespace"] == namespace]
    # A static pod has the name of its node at the end, and others often a hash.
    longer = [known for known in here if known.startswith(f"{name}-")]
    if near := nearest_name(name, here) or next(iter(longer), ""):
        return f" (did you mean {near}?)"
    there = [meta["namespace"] for meta in pods if meta["name"] == name]
    return f" (there is one in namespace {there[0]}: -n {there[0]})" if there else ""


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
