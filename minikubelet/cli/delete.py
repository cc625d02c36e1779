"""`minikubelet delete`: delete objects, gracefully.

Role: which objects; the request; waiting until they are gone.
Exit codes: 0; 1 the server refused or is not there, or they did not go in time; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from minikubelet.cli.api_options import (
    FAILED,
    Scope,
    Target,
    UsageError,
    add_connection_options,
    add_selectors,
    error_line,
    parse_targets,
    say_error,
    selectors,
    with_client,
)
from minikubelet.cli.client import Client, CommandError, ServerError
from minikubelet.durations import duration
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource
from minikubelet.value_class import dataclass

_FORCE_WARNING = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has "
    "been terminated. The resource may continue to run on the cluster indefinitely."
)

_EPILOG = """\
examples:
  minikubelet delete pod web                stop it gracefully, and wait until it is gone
  minikubelet delete pod/web cm/settings
  minikubelet delete -f pod.yaml            the objects of manifests
  minikubelet delete pods -l app=web        by label; --all for all of the namespace
  minikubelet delete pod web --now          with a second of grace
  minikubelet delete pod web --force        do not wait for its processes

Exit codes: 0; 1 the server refused or is not there, or they did not go in time; 2 usage"""


@dataclass(frozen=True, slots=True)
class _Doomed:
    resource: Resource
    name: str
    namespace: str | None


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "delete",
        help="delete objects, gracefully",
        description="Delete objects, and wait until they are gone.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="TYPE[/NAME] [NAME …]", help="what to delete")
    parser.add_argument(
        "-f", "--filename", action="append", metavar="FILE", help="the objects of a manifest"
    )
    parser.add_argument("--all", action="store_true", help="all of the type in the namespace")
    add_selectors(parser)
    parser.add_argument("--grace-period", type=int, metavar="S", help="seconds to end in")
    parser.add_argument("--now", action="store_true", help="a second to end in")
    parser.add_argument("--force", action="store_true", help="do not wait for the processes")
    parser.add_argument(
        "--wait",
        choices=("true", "false"),
        nargs="?",
        const="true",
        default="true",
        help="until it is gone (true)",
    )
    parser.add_argument("--timeout", type=duration, metavar="D", help="how long to wait")
    parser.add_argument(
        "--cascade",
        choices=("background", "foreground", "orphan"),
        default="background",
        help="what becomes of objects that it owns (background)",
    )
    parser.add_argument(
        "--ignore-not-found", action="store_true", help="a missing object is no error"
    )
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _Delete(args, client, scope).run())


class _Delete:
    """One run of the command."""

    def __init__(self, args: argparse.Namespace, client: Client, scope: Scope) -> None:
        self._args = args
        self._client = client
        self._scope = scope
        self._options = _options(args)

    def run(self) -> int:
        if self._args.force:
            print(_FORCE_WARNING, file=sys.stderr)
        code = 0
        waiting: list[tuple[_Doomed, str]] = []
        doomed = list(self._doomed())
        for one in doomed:
            try:
                uid = self._delete(one)
            except ServerError as err:
                if err.reason != "NotFound" or not self._args.ignore_not_found:
                    code = say_error(error_line(err))
                continue
            waiting.append((one, uid))
        if not doomed:
            print("No resources found", file=sys.stderr)
        if self._args.wait == "true":
            for one, uid in waiting:
                code = max(code, self._wait(one, uid))
        return code

    def _doomed(self) -> Iterator[_Doomed]:
        args, namespace = self._args, self._scope.namespace
        if args.filename:
            if args.words:
                raise UsageError("name objects, or give manifests, not both")
            from minikubelet.cli.manifest_files import read_objects

            forced = bool(args.namespace)
            for written in read_objects(args.filename, namespace or "default", forced=forced):
                yield _Doomed(written.resource, written.name, written.namespace)
            return
        for target in parse_targets(args.words):
            yield from self._of_target(target)

    def _of_target(self, target: Target) -> Iterator[_Doomed]:
        resource, query = target.resource, selectors(self._args)
        if target.names:
            if query or self._args.all:
                raise UsageError("give names, or --all or a selector, not both")
            for name in target.names:
                yield _Doomed(resource, name, self._scope.namespace)
            return
        if not query and not self._args.all:
            raise UsageError("resource(s) were provided, but no name was specified")
        for item in self._client.get(self._scope.path(resource), query).get("items") or ():
            metadata = item["metadata"]
            yield _Doomed(resource, metadata["name"], metadata.get("namespace"))

    def _delete(self, one: _Doomed) -> str:
        """Ask for the deletion; the UID of what goes, where the answer tells it."""
        path = Scope(one.namespace).path(one.resource, one.name)
        _, answer = self._client.request("DELETE", path, body=self._options)
        group = f".{one.resource.group}" if one.resource.group else ""
        how = "force deleted" if self._args.force else "deleted"
        print(f'{one.resource.singular_name}{group} "{one.name}" {how}', flush=True)
        details = (
            answer.get("details") if answer.get("kind") == "Status" else answer.get("metadata")
        )
        uid: str = (details or {}).get("uid") or ""
        return uid

    def _wait(self, one: _Doomed, uid: str) -> int:
        """Until no object of this name and UID is left; 1 when it takes too long."""
        path = Scope(one.namespace).path(one.resource)
        query = {"fieldSelector": f"metadata.name={one.name}"}
        found = self._client.get(path, query)
        if not any(_is(item, uid) for item in found.get("items") or ()):
            return 0
        version = (found.get("metadata") or {}).get("resourceVersion")
        if version:
            query["resourceVersion"] = version
        if self._args.timeout:
            query["timeoutSeconds"] = str(max(1, round(self._args.timeout)))
        watching = Client(self._client.cluster)
        try:
            for event in watching.watch(path, query):
                item = event.get("object") or {}
                if event.get("type") == "DELETED" or not _is(item, uid):
                    return 0
        finally:
            watching.close()
        if self._args.timeout:
            print(
                f"error: timed out waiting for the condition on {one.resource.plural}/{one.name}",
                file=sys.stderr,
            )
            return FAILED
        raise CommandError("the server ended while the deletion was under way")


def _is(item: Json, uid: str) -> bool:
    return not uid or (item.get("metadata") or {}).get("uid") == uid


def _options(args: argparse.Namespace) -> Json:
    grace: int | None = args.grace_period
    if grace is not None and args.now:
        raise UsageError("--now and --grace-period cannot be specified together")
    if grace is not None and grace > 0 and args.force:
        raise UsageError("--force and --grace-period greater than 0 cannot be specified together")
    if args.now:
        grace = 1
    if args.force:
        grace = 0
    elif grace == 0:
        grace = 1  # as kubectl: only --force leaves processes behind
    options: Json = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": args.cascade.capitalize(),
    }
    return options if grace is None or grace < 0 else options | {"gracePeriodSeconds": grace}
