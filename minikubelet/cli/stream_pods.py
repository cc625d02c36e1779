"""Which Pod and which container `exec`, `attach` and `port-forward` mean.

Role: POD or TYPE/NAME → the Pod as the API has it; options that the commands share.
Upstream: kubectl pkg/polymorphichelpers attachablepodforobject.go, pkg/cmd/util/podcmd.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from minikubelet.cli.api_options import Scope, UsageError, find_resource, name_prefix
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.pod_containers import container_names, default_container
from minikubelet.manifest.json_tree import Json

PODS = find_resource("pods")
_FINISHED = ("Succeeded", "Failed")
_OPERATORS = {"In": "in", "NotIn": "notin"}


def add_session_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--container", metavar="NAME", help="in this container")
    parser.add_argument("-i", "--stdin", action="store_true", help="pass our input on")
    parser.add_argument(
        "-t", "--tty", action="store_true", help="our input is a terminal (with -i)"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing but what the session prints"
    )


def find_object(client: Client, scope: Scope, word: str) -> tuple[Json, Json]:
    """The Pod that a word means, and the object that was named: the same where it is a Pod. Raises
    CommandError, UsageError."""
    kind, slash, name = word.partition("/")
    if not slash:
        kind, name = "pods", word
    if not name or "/" in name:
        raise UsageError(f"POD or TYPE/NAME is wanted, not {word!r}")
    resource = find_resource(kind)
    named = client.get(scope.path(resource, name))
    if resource == PODS:
        return named, named
    selector = _selector(named, f"{name_prefix(resource)}{name}")
    pods = client.get(scope.path(PODS), {"labelSelector": selector}).get("items") or []
    if not pods:
        raise CommandError(f"{name_prefix(resource)}{name} has no Pods: none matches {selector}")
    return max(pods, key=_fitness), named


def find_running_pod(client: Client, scope: Scope, word: str, doing: str) -> Json:
    """For a session; `doing` completes the refusal of a Pod that has ended."""
    pod, _ = find_object(client, scope, word)
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in _FINISHED:
        raise CommandError(
            f"cannot {doing} a container in a completed pod; current phase is {phase}"
        )
    return pod


def pod_path(pod: Json) -> str:
    metadata = pod["metadata"]
    return Scope(metadata.get("namespace") or "default").path(PODS, metadata["name"])


def chosen_container(pod: Json, asked: str | None, *, quiet: bool) -> str:
    if asked:
        return asked
    name, told = default_container(pod)
    if told and not quiet:
        print(told, file=sys.stderr)
    return name


def known_container(pod: Json, name: str) -> Json:
    """Raises CommandError."""
    if name not in container_names(pod):
        raise CommandError(
            f"cannot attach to the container: container {name} not found in pod "
            f"{pod['metadata']['name']}"
        )
    spec = pod["spec"]
    lists = ("containers", "initContainers", "ephemeralContainers")
    found: Json = next(c for key in lists for c in spec.get(key) or () if c["name"] == name)
    return found


def _selector(document: Json, named: str) -> str:
    """As the query of a list. Raises CommandError."""
    selector = (document.get("spec") or {}).get("selector") or {}
    if document["kind"] not in ("Service", "ReplicationController"):
        expressions = [_expression(one) for one in selector.get("matchExpressions") or ()]
        return ",".join([*_labels(selector.get("matchLabels") or {}), *expressions])
    if not selector:
        raise CommandError(f"cannot choose a Pod of {named}: it is defined without a selector")
    return ",".join(_labels(selector))


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in sorted(labels.items())]


def _expression(one: Json) -> str:
    key, operator = one["key"], one["operator"]
    if operator in _OPERATORS:
        return f"{key} {_OPERATORS[operator]} ({','.join(one.get('values') or ())})"
    return str(key) if operator == "Exists" else f"!{key}"


def _fitness(pod: Json) -> tuple[bool, bool, bool, int]:
    """The best one is Running and Ready, does not leave, and was restarted least."""
    status = pod.get("status") or {}
    conditions = {c.get("type"): c.get("status") for c in status.get("conditions") or ()}
    restarts = sum(int(c.get("restartCount", 0)) for c in status.get("containerStatuses") or ())
    return (
        status.get("phase") == "Running",
        "deletionTimestamp" not in pod["metadata"],
        conditions.get("Ready") == "True",
        -restarts,
    )
