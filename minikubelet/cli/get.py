"""`minikubelet get`: objects of the API, in the columns of kubectl.

Role: arguments, requests, printing; the columns come from the server as Tables.
Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from minikubelet.cli.api_options import (
    Scope,
    Target,
    UsageError,
    add_all_namespaces,
    add_connection_options,
    add_selectors,
    name_prefix,
    say_error,
    with_client,
)
from minikubelet.cli.client import JSON, TABLE, Client, CommandError
from minikubelet.cli.get_output import ColumnsPrinter, columns_printer, output_form
from minikubelet.cli.get_requests import Requests, asked_targets
from minikubelet.cli.table_text import AlignedText, TableOptions, heading, row_cells
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource

_PAGE = 500
_EVENT = "EVENT"
_EVENT_WIDTH = len("MODIFIED")
"""So that the column need not grow."""

_EPILOG = """\
examples:
  minikubelet get pods                      the Pods of the namespace
  minikubelet get pod web -o yaml           one Pod, all of it
  minikubelet get pods,cm -A                Pods and ConfigMaps of all namespaces
  minikubelet get pod/web cm/settings       objects of several kinds
  minikubelet get pods -l app=web -w        with a label, and what becomes of them
  minikubelet get pods --field-selector status.phase=Running -o name
  minikubelet get pod web -o jsonpath='{.status.podIP}'
  minikubelet get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName
  minikubelet get pods -L app,tier --sort-by=.metadata.creationTimestamp
  minikubelet get --raw /readyz?verbose

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
    parser.add_argument("words", nargs="*", metavar="TYPE[/NAME] [NAME …]", help="what to print")
    parser.add_argument(
        "-o",
        "--output",
        type=output_form,
        metavar="FORMAT",
        help="json, yaml, name, wide, jsonpath=…, jsonpath-file=…, jsonpath-as-json=…, "
        "custom-columns=…, custom-columns-file=…",
    )
    parser.add_argument("-w", "--watch", action="store_true", help="and every change, until Ctrl-C")
    parser.add_argument("--watch-only", action="store_true", help="changes only, until Ctrl-C")
    parser.add_argument(
        "--output-watch-events", action="store_true", help="with -w: what kind of change it was"
    )
    parser.add_argument("--no-headers", action="store_true", help="rows only")
    parser.add_argument("--show-labels", action="store_true", help="labels as the last column")
    parser.add_argument(
        "-L",
        "--label-columns",
        action="append",
        default=[],
        metavar="KEYS",
        help="a column for each of these labels",
    )
    parser.add_argument("--sort-by", metavar="PATH", help="sort rows: .metadata.creationTimestamp")
    parser.add_argument(
        "--show-managed-fields", action="store_true", help="who manages what, in json and yaml"
    )
    parser.add_argument(
        "--ignore-not-found", action="store_true", help="a missing object is no error"
    )
    parser.add_argument(
        "-f", "--filename", action="append", metavar="FILE", help="the objects of a manifest"
    )
    parser.add_argument("--show-kind", action="store_true", help="the kind before each name")
    parser.add_argument("--subresource", default="", metavar="NAME", help="status, scale or resize")
    parser.add_argument(
        "--chunk-size",
        type=int,
        default=_PAGE,
        metavar="N",
        help="objects per request (500); 0: all",
    )
    parser.add_argument("--raw", metavar="PATH", help="what the server answers at a path, as it is")
    add_selectors(parser)
    add_all_namespaces(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    if args.raw:
        return with_client(args, lambda client, scope: _print_raw(args, client))
    return with_client(args, lambda client, scope: _Get(args, client, scope).run())


def _print_raw(args: argparse.Namespace, client: Client) -> int:
    if args.words:
        raise UsageError("arguments may not be passed when --raw is specified")
    if not args.raw.startswith("/"):
        raise UsageError(f"--raw wants a path that begins with /, not {args.raw!r}")
    for data in client.stream(args.raw):
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


class _Get:
    """One run of the command."""

    def __init__(self, args: argparse.Namespace, client: Client, scope: Scope) -> None:
        self._args = args
        self._scope = scope
        self._code = 0
        self._requests = Requests(args, client, scope)
        self._targets = asked_targets(args, scope)
        self._watches = args.watch or args.watch_only
        self._with_namespace = False
        several = len({target.resource for target in self._targets}) > 1
        self._with_kind = several or args.show_kind or "all" in ",".join(args.words[:1]).split(",")
        if args.all_namespaces and any(target.names for target in self._targets):
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        if args.output_watch_events and not self._watches:
            raise UsageError(
                "--output-watch-events option can only be used with --watch or --watch-only"
            )
        if self._watches and (len(self._targets) > 1 or len(self._targets[0].names) > 1):
            raise UsageError("you may only watch one object, or the objects of one type, at a time")

    def run(self) -> int:
        if self._args.output in (None, "wide"):
            self._print_tables()
        elif printer := columns_printer(self._args.output, no_headers=self._args.no_headers):
            self._print_columns(printer)
        else:
            self._print_objects()
        return self._code or self._requests.code

    def _print_tables(self) -> None:
        printed = found = False
        for group in _by_resource(self._targets):
            resource = group[0].resource
            options, text = self._options(resource), AlignedText()
            tables = [table for target in group for table in self._requests.answers(target, TABLE)]
            tables = [_as_table(table) for table in tables]
            rows = [row for table in tables for row in table.get("rows") or ()]
            if self._args.sort_by:
                rows = sorted(rows, key=lambda row: self._sort_key(row.get("object") or {}))
            found = found or bool(rows)
            shown = bool(rows) and not self._args.watch_only
            if shown:
                if printed and not self._args.no_headers:
                    print()
                lines = [self._event("ADDED", row_cells(tables[0], row, options)) for row in rows]
                _print_lines(text.lines([*self._heading(tables[0], options), *lines]))
                printed = True
            if self._watches:
                self._watch_table(group[0], tables, text, options, headed=shown)
                return
        if not found and self._requests.code == 0 and not self._args.ignore_not_found:
            self._say_nothing_found()

    def _heading(self, table: Json, options: TableOptions) -> list[list[str]]:
        return [] if self._args.no_headers else [self._event(_EVENT, heading(table, options))]

    def _event(self, kind: str, cells: list[str]) -> list[str]:
        return [kind.ljust(_EVENT_WIDTH), *cells] if self._args.output_watch_events else cells

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
            label_columns=tuple(
                key for keys in self._args.label_columns for key in keys.split(",") if key
            ),
            show_labels=self._args.show_labels,
            name_prefix=name_prefix(resource) if self._with_kind else "",
        )

    def _watch_table(
        self,
        target: Target,
        tables: list[Json],
        text: AlignedText,
        options: TableOptions,
        *,
        headed: bool,
    ) -> None:
        for event in self._requests.changes(target, tables, TABLE):
            table = _as_table(event["object"])
            known = tables[0] if tables else table
            if not table.get("columnDefinitions"):
                table["columnDefinitions"] = known["columnDefinitions"]
            head = [] if headed else self._heading(table, options)
            headed = True
            rows = [
                self._event(event["type"], row_cells(table, row, options))
                for row in table.get("rows") or ()
            ]
            _print_lines(text.lines([*head, *rows]))

    def _print_objects(self) -> None:
        from minikubelet.cli.get_objects import as_list

        answers = self._requests.whole_objects(self._targets)
        if answers is None:
            return
        if self._args.watch_only:
            pass
        elif self._is_single():
            if answers:
                self._print_object(self._as_event("ADDED", answers[0]))
        elif self._args.output_watch_events:
            for item in as_list(answers)["items"]:
                self._print_object(self._as_event("ADDED", item))
        else:
            self._print_object(as_list(answers))
        if self._watches:
            for event in self._requests.changes(self._targets[0], answers, JSON):
                self._print_object(self._as_event(event["type"], event["object"]))

    def _is_single(self) -> bool:
        return len(self._targets) == 1 and len(self._targets[0].names) == 1

    def _as_event(self, kind: str, document: Json) -> Json:
        if not self._args.output_watch_events or self._args.output == "name":
            return document
        return {"type": kind, "object": document}

    def _print_columns(self, printer: ColumnsPrinter) -> None:
        from minikubelet.cli.get_objects import as_list
        from minikubelet.cli.jsonpath import JsonPathError

        def show(*documents: Json) -> None:
            try:
                sys.stdout.write(printer.lines(documents))
            except JsonPathError as err:
                sys.stdout.write(printer.rest())
                raise CommandError(f"error: {err}") from err
            finally:
                sys.stdout.flush()

        answers = self._requests.whole_objects(self._targets)
        if answers is None:
            return
        items = as_list(answers)["items"]
        if self._args.sort_by:
            items = sorted(items, key=self._sort_key)
        if not self._watches:
            if items or not self._is_single():
                show(*items)
            return
        if items and not self._args.watch_only:
            show(*(self._as_event("ADDED", item) for item in items))
        for event in self._requests.changes(self._targets[0], answers, JSON):
            show(self._as_event(event["type"], event["object"]))

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
