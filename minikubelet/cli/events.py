"""`minikubelet events`: what happened, in order.

Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from minikubelet.cli.api_options import (
    Scope,
    UsageError,
    add_all_namespaces,
    add_connection_options,
    find_resource,
    with_client,
)
from minikubelet.cli.client import Client
from minikubelet.cli.event_text import in_order, interval_text, message_text
from minikubelet.cli.table_text import AlignedText, cell_text
from minikubelet.manifest.json_tree import Json

_TYPES = {"normal": "Normal", "warning": "Warning"}

_EPILOG = """\
examples:
  minikubelet events                        of the namespace, the newest last
  minikubelet events --for pod/web          of one object
  minikubelet events --types Warning -A     warnings of all namespaces
  minikubelet events -w                     and what happens from now on

Exit codes: 0; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "events",
        help="print events in the order in which they happened",
        description="Print events in the order in which they happened.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--for", dest="about", metavar="TYPE/NAME", help="only of this object")
    parser.add_argument("--types", metavar="TYPE,…", help="only Normal, or only Warning")
    parser.add_argument("-w", "--watch", action="store_true", help="and what follows, until Ctrl-C")
    parser.add_argument("--no-headers", action="store_true", help="rows only")
    add_all_namespaces(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _events(args, client, scope))


def _events(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    types = _types(args.types)
    query = _query(args.about)
    path = scope.path(find_resource("events"))
    answer = client.get(path, query)
    events = [event for event in in_order(answer.get("items") or ()) if _wanted(event, types)]
    text = AlignedText()
    heading = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    if scope.namespace is None:
        heading.insert(0, "NAMESPACE")
    if not events and not args.watch:
        where = f" in {scope.namespace} namespace" if scope.namespace is not None else ""
        print(f"No events found{where}.", file=sys.stderr)
        return 0
    head = [] if args.no_headers else [heading]
    _print(text, [*head, *(_row(event, scope) for event in events)])
    if args.watch:
        version = (answer.get("metadata") or {}).get("resourceVersion") or "0"
        for change in client.watch(path, query | {"resourceVersion": version}):
            event = change.get("object") or {}
            if change.get("type") in ("ADDED", "MODIFIED") and _wanted(event, types):
                _print(text, [_row(event, scope)])
    return 0


def _row(event: Json, scope: Scope) -> list[str]:
    about = event.get("involvedObject") or {}
    cells = [
        interval_text(event, datetime.now(UTC)),
        event.get("type"),
        event.get("reason"),
        f"{about.get('kind', '')}/{about.get('name', '')}",
        message_text(event),
    ]
    if scope.namespace is None:
        cells.insert(0, (event.get("metadata") or {}).get("namespace"))
    return [cell_text(cell) for cell in cells]


def _print(text: AlignedText, rows: list[list[str]]) -> None:
    for line in text.lines(rows):
        print(line)
    sys.stdout.flush()


def _types(given: str | None) -> set[str]:
    words = [word.strip().lower() for word in (given or "").split(",") if word.strip()]
    if unknown := [word for word in words if word not in _TYPES]:
        raise UsageError(f"valid --types are Normal or Warning, not {unknown[0]}")
    return {_TYPES[word] for word in words}


def _query(about: str | None) -> dict[str, str]:
    if not about:
        return {}
    kind, slash, name = about.partition("/")
    if not slash or not name:
        raise UsageError("--for must be in resource/name form")
    resource = find_resource(kind)
    return {"fieldSelector": f"involvedObject.kind={resource.kind},involvedObject.name={name}"}


def _wanted(event: Json, types: set[str]) -> bool:
    return not types or event.get("type") in types
