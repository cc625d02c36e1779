"""`minikubelet top`: what Pods or the node use of CPU and memory now.

Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from minikubelet.cli.api_options import (
    Scope,
    UsageError,
    add_all_namespaces,
    add_connection_options,
    find_resource,
    with_client,
)
from minikubelet.cli.client import Client, segment
from minikubelet.cli.table_text import AlignedText
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.store.kinds import known_resource

_PODS = ("pod", "pods", "po")
_NODES = ("node", "nodes", "no")
_MEBIBYTE = 1 << 20

_EPILOG = """\
examples:
  minikubelet top pod                       the Pods of the namespace
  minikubelet top pod web --containers      one Pod, by container
  minikubelet top pod -A --sort-by memory
  minikubelet top node                      all of the machine

Exit codes: 0; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "top",
        help="print what Pods or the node use of CPU and memory",
        description="Print what Pods or the node use of CPU and memory now.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=(*_PODS, *_NODES), metavar="pod|node", help="of what")
    parser.add_argument("name", nargs="?", metavar="NAME", help="only of this one")
    parser.add_argument("--containers", action="store_true", help="by container")
    parser.add_argument("--sort-by", choices=("cpu", "memory"), help="the largest first")
    parser.add_argument("--no-headers", action="store_true", help="rows only")
    parser.add_argument("-l", "--selector", metavar="LABELS", help="with these labels: app=web")
    add_all_namespaces(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _top(args, client, scope))


def _top(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    of_nodes = args.kind in _NODES
    if of_nodes and args.containers:
        raise UsageError("--containers is for Pods")
    if args.name and args.selector:
        raise UsageError("give a name or a selector, not both")
    if args.name and args.all_namespaces and not of_nodes:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    metrics = _metrics(args, client, scope, "nodes" if of_nodes else "pods")
    if not metrics:
        where = "" if of_nodes or scope.namespace is None else f" in {scope.namespace} namespace."
        print(f"No resources found{where}", file=sys.stderr)
        return 0
    if args.sort_by:
        metrics.sort(key=lambda one: -_usage(one)[args.sort_by == "memory"])
    if of_nodes:
        heading, rows = _node_rows(metrics, client)
    else:
        heading, rows = _pod_rows(args, metrics, with_namespace=scope.namespace is None)
    # As kubectl, which ends every cell: the last column is padded too.
    rows = [[*row, ""] for row in ([] if args.no_headers else [heading]) + rows]
    for line in AlignedText().lines(rows):
        print(line)
    return 0


def _metrics(args: argparse.Namespace, client: Client, scope: Scope, plural: str) -> list[Json]:
    path = scope.path(known_resource("metrics.k8s.io", "v1beta1", plural))
    if args.name:
        return [client.get(f"{path}/{segment(args.name)}")]
    query = {"labelSelector": args.selector} if args.selector else {}
    return list(client.get(path, query).get("items") or ())


def _pod_rows(
    args: argparse.Namespace, metrics: Iterable[Json], *, with_namespace: bool
) -> tuple[list[str], list[list[str]]]:
    heading = ["POD", "NAME"] if args.containers else ["NAME"]
    heading = [*(["NAMESPACE"] if with_namespace else []), *heading]
    rows = []
    for one in metrics:
        metadata = one.get("metadata") or {}
        named = [metadata.get("namespace", "")] if with_namespace else []
        named.append(metadata.get("name", ""))
        if args.containers:
            containers = one.get("containers") or ()
            rows += [[*named, c.get("name", ""), *_cells(_amounts(c))] for c in containers]
        else:
            rows.append([*named, *_cells(_usage(one))])
    return [*heading, "CPU(cores)", "MEMORY(bytes)"], rows


def _node_rows(metrics: Iterable[Json], client: Client) -> tuple[list[str], list[list[str]]]:
    nodes = client.get(Scope(None).path(find_resource("nodes"))).get("items") or ()
    whole = {
        node["metadata"]["name"]: (node.get("status") or {}).get("allocatable") or {}
        for node in nodes
    }
    rows = []
    for one in metrics:
        name = (one.get("metadata") or {}).get("name", "")
        all_of_it = _amounts({"usage": whole.get(name) or {}})
        used = _usage(one)
        cells = []
        for text, part, total in zip(_cells(used), used, all_of_it, strict=True):
            cells += [text, f"{int(part / total * 100)}%" if total else "<unknown>"]
        rows.append([name, *cells])
    return ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"], rows


def _usage(metrics: Json) -> tuple[int, int]:
    """Thousandths of a core and bytes: of a node, or of all containers of a Pod."""
    parts = [_amounts(c) for c in metrics.get("containers") or ()] or [_amounts(metrics)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def _amounts(entry: Json) -> tuple[int, int]:
    usage = entry.get("usage") or {}
    cpu, memory = (parse_quantity(str(usage.get(name, "0"))) for name in ("cpu", "memory"))
    return cpu.milli_value(), memory.value()


def _cells(amounts: tuple[int, int]) -> list[str]:
    return [f"{amounts[0]}m", f"{amounts[1] // _MEBIBYTE}Mi"]
