"""`minikubelet describe`: all about objects, with their events, in the layout of kubectl.

Role: which objects; what is asked besides (events, pods of a node, endpoints); the texts are made
in `describe_*.py`. Exit codes: 0; 1 the server refused or is not there; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from minikubelet.cli.api_options import (
    Scope,
    Target,
    UsageError,
    add_all_namespaces,
    add_connection_options,
    add_selectors,
    error_line,
    find_resource,
    parse_targets,
    say_error,
    selectors,
    with_client,
)
from minikubelet.cli.client import Client, ServerError
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import Resource, known_resource

_LEASES = "kube-node-lease"
_SERVICE_NAME = "kubernetes.io/service-name"

_EPILOG = """\
examples:
  minikubelet describe pod web              states, last exits, probes, conditions, events
  minikubelet describe pods -l app=web      all with a label
  minikubelet describe pod/web cm/settings
  minikubelet describe node                 conditions, capacity, what runs on it

A name that does not exist stands for all names that begin with it.
Exit codes: 0; 1 the server refused or is not there; 2 usage"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "describe",
        help="tell all about objects, with their events",
        description="Tell all about objects, with their events.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="TYPE[/NAME] [NAME …]", help="what to tell of")
    parser.add_argument(
        "--show-events", choices=("true", "false"), default="true", help="with events (true)"
    )
    add_selectors(parser)
    add_all_namespaces(parser)
    add_connection_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_client(args, lambda client, scope: _Describe(args, client, scope).run())


class _Describe:
    """One run of the command."""

    def __init__(self, args: argparse.Namespace, client: Client, scope: Scope) -> None:
        self._args = args
        self._client = client
        self._scope = scope
        self._now = datetime.now(UTC)

    def run(self) -> int:
        code, told = 0, 0
        targets = parse_targets(self._args.words)
        if self._args.all_namespaces and any(target.names for target in targets):
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        for target in targets:
            try:
                documents = self._documents(target)
            except ServerError as err:
                code = say_error(error_line(err))
                continue
            for document in documents:
                exact = not target.names or document["metadata"]["name"] in target.names
                sys.stdout.write("\n\n" if told and exact else "")
                # As kubectl: what begins with the name ends with an empty line.
                sys.stdout.write(self._text(target.resource, document) + ("" if exact else "\n"))
                told += 1
        sys.stdout.flush()
        if not told and not code:
            where = f" in {self._scope.namespace} namespace." if self._scope.namespace else ""
            return say_error(f"No resources found{where}", 0)
        return code

    def _documents(self, target: Target) -> list[Json]:
        """Those that are named, or begin with a name; without names all."""
        resource = target.resource
        if not target.names:
            return self._list(resource, selectors(self._args))
        found: list[Json] = []
        for name in target.names:
            try:
                found.append(self._client.get(self._scope.path(resource, name)))
            except ServerError as err:
                if err.reason != "NotFound":
                    raise
                listed = self._list(resource, {})
                alike = [one for one in listed if one["metadata"]["name"].startswith(name)]
                if not alike:
                    raise
                found += alike
        return found

    def _list(self, resource: Resource, query: dict[str, str]) -> list[Json]:
        answer = self._client.get(self._scope.path(resource), query)
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [kind | item for item in answer.get("items") or ()]

    def _text(self, resource: Resource, document: Json) -> str:
        now = self._now
        if resource.kind == "Pod" and not resource.group:
            from minikubelet.cli.describe_pod import describe_pod

            return describe_pod(document, self._events(document), now)
        if resource.kind == "Node" and not resource.group:
            return self._node(document)
        from minikubelet.cli import describe_objects as objects

        match resource.kind:
            case "ConfigMap":
                return objects.describe_config_map(document, self._events(document), now)
            case "Secret":
                return objects.describe_secret(document)
            case "ServiceAccount":
                return objects.describe_service_account(document, self._events(document), now)
            case "Namespace":
                return objects.describe_namespace(document)
            case "Service":
                slices = self._slices(document)
                return objects.describe_service(document, slices, self._events(document), now)
            case _:
                return objects.describe_other(document, self._events(document), now)

    def _events(self, document: Json) -> list[Json]:
        """Of this very object: a namesake's are not shown."""
        if self._args.show_events == "false":
            return []
        metadata = document.get("metadata") or {}
        terms = {
            "involvedObject.name": metadata.get("name"),
            "involvedObject.namespace": metadata.get("namespace"),
            "involvedObject.uid": metadata.get("uid"),
        }
        return self._events_by(terms, metadata.get("namespace"))

    def _events_by(self, terms: dict[str, str | None], namespace: str | None) -> list[Json]:
        selector = ",".join(f"{field}={value}" for field, value in terms.items() if value)
        path = Scope(namespace).path(find_resource("events"))
        return list(self._client.get(path, {"fieldSelector": selector}).get("items") or ())

    def _node(self, document: Json) -> str:
        from minikubelet.cli.describe_node import describe_node

        name, uid = document["metadata"]["name"], document["metadata"].get("uid")
        fields = f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"
        pods = self._client.get(Scope(None).path(find_resource("pods")), {"fieldSelector": fields})
        events: list[Json] = []
        if self._args.show_events == "true":
            # The kubelet writes the node's name where its UID belongs.
            for one in dict.fromkeys((uid, name)):
                about = {"involvedObject.kind": "Node", "involvedObject.name": name}
                events += self._events_by(about | {"involvedObject.uid": one}, None)
        return describe_node(
            document, list(pods.get("items") or ()), self._lease(name), events, self._now
        )

    def _lease(self, name: str) -> Json | str:
        leases = known_resource("coordination.k8s.io", "v1", "leases")
        try:
            return self._client.get(Scope(_LEASES).path(leases, name))
        except ServerError as err:
            return str(err.status.get("message") or err)

    def _slices(self, document: Json) -> list[Json]:
        slices = known_resource("discovery.k8s.io", "v1", "endpointslices")
        metadata = document["metadata"]
        query = {"labelSelector": f"{_SERVICE_NAME}={metadata['name']}"}
        answer = self._client.get(Scope(metadata.get("namespace")).path(slices), query)
        return list(answer.get("items") or ())
