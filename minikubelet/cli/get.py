"""`minikubelet get`: objects of the API, in the columns of kubectl.

Role: arguments, requests, printing; the columns come from the server as Tables.
Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from minikubelet.cli.api_options import (
    Scope,
    Target,
    UsageError,
    add_all_namespaces,
    add_connection_options,
    add_selectors,
    error_line,
    name_prefix,
    parse_targets,
    say_error,
    selectors,
    with_client,
)
from minikubelet.cli.client import JSON, TABLE, Client, ServerError
from minikubelet.cli.table_text import AlignedText, TableOptions, heading, row_cells
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource

_PAGE = "500"
_FORMATS = ("json", "yaml", "name", "wide")
_JSONPATH = "jsonpath="

_EPILOG = """\
examples:
  minikubelet get pods                      the Pods of the namespace
  minikubelet get pod web -o yaml           one Pod, all of it
  minikubelet get pods,cm -A                Pods and ConfigMaps of all namespaces
  minikubelet get pod/web cm/settings       objects of several kinds
  minikubelet get pods -l app=web -w        with a label, and what becomes of them
  minikubelet get pods --field-selector status.phase=Running -o name
  minikubelet get pod web -o jsonpath='{.status.podIP}'

Types: pods (po), nodes (no), configmaps (cm), secrets, events (ev), namespaces (ns), services
(svc), endpoints (ep), serviceaccounts (sa), all, and others. Of JSONPath there are names, indexes,
slices, filters, .. and {range}…{end}.

Exit codes: 0; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "get",
        help="print objects in columns, as YAML or as JSON",
        description="Print objects of the API as kubectl does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="TYPE[/NAME] [NAME …]", help="what to print")
    parser.add_argument(
        "-o", "--output", type=_output, metavar="FORMAT", help="json, yaml, name, wide, jsonpath=…"
    )
    parser.add_argument("-w", "--watch", action="store_true", help="and every change, until Ctrl-C")
    parser.add_argument("--no-headers", action="store_true", help="rows only")
    parser.add_argument("--show-labels", action="store_true", help="labels as the last column")
    parser.add_argument("--sort-by", metavar="PATH", help="sort rows: .metadata.creationTimestamp")
    parser.add_argument(
        "--show-managed-fields", action="store_true", help="who manages what, in json and yaml"
    )
    parser.add_argument(
        "--ignore-not-found", action="store_true", help="a missing object is no error"
    )
    add_selectors(parser)
    add_all_namespaces(parser)
    add_connection_options(parser)


def _output(text: str) -> str:
    if text in _FORMATS or text.startswith(_JSONPATH):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not one of json, yaml, name, wide, jsonpath=…")


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _Get(args, client, scope).run())


class _Get:
    """One run of the command."""

    def __init__(self, args: argparse.Namespace, client: Client, scope: Scope) -> None:
        self._args = args
        self._client = client
        self._scope = scope
        self._code = 0
        self._targets = parse_targets(args.words)
        self._with_namespace = False
        several = len({target.resource for target in self._targets}) > 1
        self._with_kind = several or "all" in args.words[0].split(",")
        if args.all_namespaces and any(target.names for target in self._targets):
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        if args.watch and (several or any(len(target.names) > 1 for target in self._targets)):
            raise UsageError("you may only watch one object, or the objects of one type, at a time")

    def run(self) -> int:
        if self._args.output in (None, "wide"):
            self._print_tables()
        else:
            self._print_objects()
        return self._code

    def _print_tables(self) -> None:
        printed = found = False
        for group in _by_resource(self._targets):
            resource = group[0].resource
            options, text = self._options(resource), AlignedText()
            tables = [table for target in group for table in self._answers(target, TABLE)]
            tables = [_as_table(table) for table in tables]
            rows = [row for table in tables for row in table.get("rows") or ()]
            if self._args.sort_by:
                rows = sorted(rows, key=lambda row: self._sort_key(row.get("object") or {}))
            found = found or bool(rows)
            if rows:
                if printed and not self._args.no_headers:
                    print()
                lines = [row_cells(tables[0], row, options) for row in rows]
                head = [] if self._args.no_headers else [heading(tables[0], options)]
                _print_lines(text.lines([*head, *lines]))
                printed = True
            if self._args.watch:
                self._watch_table(group[0], tables, text, options, headed=bool(rows))
                return
        if not found and self._code == 0 and not self._args.ignore_not_found:
            self._say_nothing_found()

    def _sort_key(self, document: Json) -> tuple[int, Any]:
        from minikubelet.cli.get_objects import sort_key

        try:
            return sort_key(document, self._args.sort_by)
        except ValueError as err:
            raise UsageError(f"cannot sort by {self._args.sort_by}: {err}") from err

    def _options(self, resource: Resource) -> TableOptions:
        # As kubectl: once it is there, kinds without a namespace keep the column.
        self._with_namespace |= self._args.all_namespaces and resource.namespaced
        return TableOptions(
            wide=self._args.output == "wide",
            no_headers=self._args.no_headers,
            with_namespace=self._with_namespace,
            show_labels=self._args.show_labels,
            name_prefix=name_prefix(resource) if self._with_kind else "",
        )

    def _answers(self, target: Target, accept: str) -> Iterator[Json]:
        """The list, or each object that was named; what is missing is said and counts as failed."""
        query = selectors(self._args)
        if accept == TABLE and self._args.sort_by:
            query["includeObject"] = "Object"
        if not target.names:
            if not self._args.sort_by:
                query["limit"] = _PAGE
            yield self._whole_list(self._scope.path(target.resource), query, accept)
            return
        if query.keys() & {"labelSelector", "fieldSelector"}:
            raise UsageError("selectors may not be used with names")
        for name in target.names:
            try:
                yield self._client.get(self._scope.path(target.resource, name), query, accept)
            except ServerError as err:
                if err.reason == "NotFound" and self._args.ignore_not_found:
                    continue
                self._code = say_error(error_line(err))

    def _whole_list(self, path: str, query: dict[str, str], accept: str) -> Json:
        """All pages as one."""
        answer = self._client.get(path, query, accept)
        entries = "rows" if answer.get("kind") == "Table" else "items"
        while following := (answer.get("metadata") or {}).get("continue"):
            page = self._client.get(path, query | {"continue": following}, accept)
            answer[entries] = (answer.get(entries) or []) + (page.get(entries) or [])
            answer["metadata"] = page.get("metadata")
        return answer

    def _watch_table(
        self,
        target: Target,
        tables: list[Json],
        text: AlignedText,
        options: TableOptions,
        *,
        headed: bool,
    ) -> None:
        for event in self._changes(target, tables, TABLE):
            table = _as_table(event["object"])
            known = tables[0] if tables else table
            if not table.get("columnDefinitions"):
                table["columnDefinitions"] = known["columnDefinitions"]
            head = [] if headed or self._args.no_headers else [heading(table, options)]
            headed = True
            rows = [row_cells(table, row, options) for row in table.get("rows") or ()]
            _print_lines(text.lines([*head, *rows]))

    def _changes(self, target: Target, answers: list[Json], accept: str) -> Iterator[Json]:
        query = selectors(self._args)
        if target.names:
            query["fieldSelector"] = f"metadata.name={target.names[0]}"
        versions = [(answer.get("metadata") or {}).get("resourceVersion") for answer in answers]
        if versions and versions[0]:
            query["resourceVersion"] = versions[0]
        for event in self._client.watch(self._scope.path(target.resource), query, accept):
            if event.get("type") != "BOOKMARK":
                yield event

    def _print_objects(self) -> None:
        from minikubelet.cli.get_objects import as_list

        answers = [answer for target in self._targets for answer in self._answers(target, JSON)]
        single = len(self._targets) == 1 and len(self._targets[0].names) == 1
        if single:
            if answers:
                self._print_object(answers[0])
        else:
            self._print_object(as_list(answers))
        if self._args.watch:
            for event in self._changes(self._targets[0], answers, JSON):
                self._print_object(event["object"])

    def _print_object(self, document: Json) -> None:
        from minikubelet.cli.get_objects import objects_text
        from minikubelet.cli.jsonpath import JsonPathError

        try:
            sys.stdout.write(
                objects_text(
                    document,
                    self._args.output,
                    sort_by=self._args.sort_by or "",
                    managed_fields=self._args.show_managed_fields,
                )
            )
        except JsonPathError as err:
            self._code = say_error(f"error: error executing jsonpath: {err}")
        sys.stdout.flush()

    def _say_nothing_found(self) -> None:
        namespaced = any(target.resource.namespaced for target in self._targets)
        where = (
            f" in {self._scope.namespace} namespace."
            if namespaced and self._scope.namespace is not None
            else ""
        )
        print(f"No resources found{where}", file=sys.stderr)


def _by_resource(targets: list[Target]) -> list[list[Target]]:
    """Neighbors of one kind print as one table."""
    groups: list[list[Target]] = []
    for target in targets:
        if groups and groups[-1][0].resource == target.resource:
            groups[-1].append(target)
        else:
            groups.append([target])
    return groups


def _as_table(answer: Json) -> Json:
    """A server without Tables sends objects: name and nothing else can be said of them."""
    if answer.get("kind") == "Table":
        return answer
    items = answer.get("items") if isinstance(answer.get("items"), list) else [answer]
    return {
        "metadata": answer.get("metadata") or {},
        "columnDefinitions": [{"name": "Name", "format": "name"}],
        "rows": [
            {"cells": [(item.get("metadata") or {}).get("name")], "object": item}
            for item in items or ()
        ],
    }


def _print_lines(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
