"""What `get` asks the server for: lists in pages, objects by name, and what becomes of them.

Invariants: a named object that is missing is said and counts as failed; the others are printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from minikubelet.cli.api_options import (
    Scope,
    Target,
    UsageError,
    error_line,
    parse_targets,
    say_error,
    selectors,
)
from minikubelet.cli.client import JSON, TABLE, Client, ServerError
from minikubelet.manifest.json_tree import Json


def asked_targets(args: argparse.Namespace, scope: Scope) -> list[Target]:
    """By the words of the command line, or the objects of manifests. Raises UsageError."""
    if not args.filename:
        if not args.words:
            raise UsageError("which type of object? For example: minikubelet get pods")
        return parse_targets(args.words)
    if args.words:
        raise UsageError("name objects, or give manifests, not both")
    from minikubelet.cli.manifest_files import read_objects

    forced = bool(args.namespace)
    return [
        Target(written.resource, (written.name,), written.namespace or "")
        for written in read_objects(args.filename, scope.namespace or "default", forced=forced)
    ]


class Requests:
    """`code` is the exit code that the answers so far call for."""

    def __init__(self, args: argparse.Namespace, client: Client, scope: Scope) -> None:
        self._args = args
        self._client = client
        self._scope = scope
        self.code = 0

    def whole_objects(self, targets: list[Target]) -> list[Json] | None:
        """None where the objects of a manifest are wanted and one of them is missing: as kubectl,
        which then prints none."""
        found = [answer for target in targets for answer in self.answers(target, JSON)]
        return None if self._args.filename and self.code else found

    def answers(self, target: Target, accept: str) -> Iterator[Json]:
        """The list, or each object that was named; what is missing is said and counts as failed."""
        query = selectors(self._args)
        if accept == TABLE and self._args.sort_by:
            query["includeObject"] = "Object"
        if not target.names:
            if not self._args.sort_by and self._args.chunk_size:
                query["limit"] = str(self._args.chunk_size)
            yield self._whole_list(self._path(target), query, accept)
            return
        if query.keys() & {"labelSelector", "fieldSelector"}:
            raise UsageError("selectors may not be used with names")
        for name in target.names:
            try:
                path = self._path(target, name, self._args.subresource)
                yield self._client.get(path, query, accept)
            except ServerError as err:
                if err.reason == "NotFound" and self._args.ignore_not_found:
                    continue
                self.code = say_error(error_line(err))

    def _whole_list(self, path: str, query: dict[str, str], accept: str) -> Json:
        """All pages as one."""
        answer = self._client.get(path, query, accept)
        entries = "rows" if answer.get("kind") == "Table" else "items"
        while following := (answer.get("metadata") or {}).get("continue"):
            page = self._client.get(path, query | {"continue": following}, accept)
            answer[entries] = (answer.get(entries) or []) + (page.get(entries) or [])
            answer["metadata"] = page.get("metadata")
        return answer

    def changes(self, target: Target, answers: list[Json], accept: str) -> Iterator[Json]:
        query = selectors(self._args)
        if target.names:
            query["fieldSelector"] = f"metadata.name={target.names[0]}"
        versions = [(answer.get("metadata") or {}).get("resourceVersion") for answer in answers]
        if versions and versions[0]:
            query["resourceVersion"] = versions[0]
        for event in self._client.watch(self._path(target), query, accept):
            if event.get("type") != "BOOKMARK":
                yield event

    def _path(self, target: Target, name: str = "", subresource: str = "") -> str:
        scope = Scope(target.namespace) if target.namespace else self._scope
        return scope.path(target.resource, name, subresource)
