"""`minikubelet apply`: make objects as manifests say.

Role: server-side apply for each object, in order. Everything is read and checked before anything
is sent. Exit codes: 0; 1 a manifest is not right, the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse

from minikubelet.cli.api_options import (
    FAILED,
    Scope,
    add_connection_options,
    error_line,
    name_prefix,
    say_error,
    with_client,
)
from minikubelet.cli.client import APPLY, Client, ServerError
from minikubelet.cli.manifest_files import WrittenObject, read_objects
from minikubelet.manifest.json_tree import Json

_MANAGER = "minikubelet"
_BOOKKEEPING = ("resourceVersion", "managedFields", "generation")

_EPILOG = """\
examples:
  minikubelet apply -f pod.yaml             make it so, or change it
  minikubelet apply -f manifests/ -f cm.yaml
  cat pod.yaml | minikubelet apply -f -
  minikubelet apply --dry-run -f pod.yaml   what would happen

Fields that somebody else manages are a conflict: --force-conflicts takes them over.
Exit codes: 0; 1 a manifest is not right, or the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "apply",
        help="make objects as manifests say (server-side apply)",
        description="Make objects as manifests say, by server-side apply.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        required=True,
        metavar="FILE",
        help="a manifest, a directory of them, or - for stdin; may be repeated",
    )
    parser.add_argument(
        "--force-conflicts", action="store_true", help="take over fields that others manage"
    )
    parser.add_argument("--dry-run", action="store_true", help="let the server only check")
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _apply(args, client, scope))


def _apply(args: argparse.Namespace, client: Client, scope: Scope) -> int:
    namespace = scope.namespace or "default"
    objects = read_objects(args.filename, namespace, forced=bool(args.namespace))
    query = {"fieldManager": _MANAGER, "force": "true" if args.force_conflicts else "false"}
    if args.dry_run:
        query["dryRun"] = "All"
    code = 0
    for written in objects:
        try:
            verb = _apply_one(client, written, query)
        except ServerError as err:
            code = _refused(err)
            continue
        suffix = " (server dry run)" if args.dry_run else ""
        print(f"{name_prefix(written.resource)}{written.name} {verb}{suffix}", flush=True)
    return code


def _refused(err: ServerError) -> int:
    say_error(error_line(err))
    if err.reason == "Conflict" and (err.status.get("details") or {}).get("causes"):
        say_error(
            "Use --force-conflicts to take the fields over, or leave them out of the manifest"
        )
    return FAILED


def _apply_one(client: Client, written: WrittenObject, query: dict[str, str]) -> str:
    """What happened: created, configured or unchanged."""
    before = _found(client, written)
    code, after = client.request(
        "PATCH", written.path, query, _with_namespace(written), content_type=APPLY
    )
    if code == 201 or before is None:
        return "created"
    return "unchanged" if _wanted(after) == _wanted(before) else "configured"


def _wanted(document: Json) -> Json:
    """What people say of an object; its status goes on changing meanwhile."""
    metadata = document.get("metadata") or {}
    kept = {key: value for key, value in metadata.items() if key not in _BOOKKEEPING}
    return {**document, "metadata": kept, "status": None}


def _found(client: Client, written: WrittenObject) -> Json | None:
    try:
        return client.get(written.path)
    except ServerError as err:
        if err.reason == "NotFound":
            return None
        raise


def _with_namespace(written: WrittenObject) -> Json:
    if written.namespace is None:
        return written.document
    metadata = {**written.document["metadata"], "namespace": written.namespace}
    return {**written.document, "metadata": metadata}
