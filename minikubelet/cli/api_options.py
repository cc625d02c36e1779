"""What commands that talk to the API have in common: options, words for kinds, paths.

Role: `pods,cm`, `pod/web`, `po web` → what to ask for; a client for the chosen server.
Invariants: kinds come from the table that the server was made from, so that no command has to ask
for them first.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from minikubelet.cli.client import Client, CommandError, segment
from minikubelet.cli.kubeconfig_file import KubeconfigError, find_cluster
from minikubelet.durations import duration
from minikubelet.manifest.fieldpath import go_quote
from minikubelet.store.kinds import RESOURCES, Resource, Serving
from minikubelet.value_class import dataclass

FAILED = 1
USAGE = 2


class UsageError(Exception):
    """The command line is not right; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind, and the names that are asked for; none for all."""

    resource: Resource
    names: tuple[str, ...] = ()
    namespace: str = ""
    """Where, if not in the chosen one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which namespace; None for all of them."""

    namespace: str | None

    def path(self, resource: Resource, name: str = "", subresource: str = "") -> str:
        return resource_path(resource, self.namespace, name, subresource)


def resource_path(
    resource: Resource, namespace: str | None, name: str = "", subresource: str = ""
) -> str:
    root = f"/apis/{resource.group}" if resource.group else "/api"
    path = f"{root}/{resource.version}"
    if resource.namespaced and namespace is not None:
        path += f"/namespaces/{segment(namespace)}"
    path += f"/{resource.plural}"
    if name:
        path += f"/{segment(name)}"
    return f"{path}/{subresource}" if subresource else path


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="which server ($KUBECONFIG, else what the daemon wrote)",
    )
    parser.add_argument("-n", "--namespace", metavar="NAME", help="the namespace (default)")
    parser.add_argument(
        "--request-timeout",
        type=duration,
        default=30.0,
        metavar="D",
        help="how long to wait for an answer (30s)",
    )


def add_all_namespaces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")


def add_selectors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-l", "--selector", metavar="LABELS", help="with these labels: app=web")
    parser.add_argument(
        "--field-selector", metavar="FIELDS", help="only with these fields: status.phase=Running"
    )


def selectors(args: argparse.Namespace) -> dict[str, str]:
    """The query that `add_selectors` stands for."""
    query = {"labelSelector": args.selector, "fieldSelector": getattr(args, "field_selector", None)}
    return {name: text for name, text in query.items() if text}


def with_client(args: argparse.Namespace, command: Callable[[Client, Scope], int]) -> int:
    """Run a command against the chosen server; what goes wrong is said on standard error."""
    try:
        cluster = find_cluster(args.kubeconfig, os.environ)
    except KubeconfigError as err:
        return say_error(f"error: {err}")
    namespace: str | None = args.namespace or cluster.namespace
    if getattr(args, "all_namespaces", False):
        namespace = None
    client = Client(cluster, args.request_timeout)
    try:
        return command(client, Scope(namespace))
    except UsageError as err:
        return say_error(f"error: {err}", USAGE)
    except CommandError as err:
        return say_error(error_line(err))
    finally:
        client.close()


def error_line(err: CommandError) -> str:
    """Failures of the server have kubectl's wording already."""
    text = str(err)
    worded = ("Error from server", "error: ", "The ")
    return text if text.startswith(worded) else f"error: {text}"


def say_error(text: str, code: int = FAILED) -> int:
    sys.stdout.flush()
    print(text, file=sys.stderr)
    return code


def parse_targets(words: Sequence[str]) -> list[Target]:
    """The TYPE and NAME words of a command line, as kubectl reads them; raises UsageError."""
    if not words:
        raise UsageError("you must specify the type of resource, for example pods")
    if any("/" in word for word in words):
        return [_target_of_pair(word) for word in words]
    for name in words[1:]:
        check_name(name)
    resources = [resource for word in words[0].split(",") for resource in _resources(word)]
    return [Target(resource, tuple(words[1:])) for resource in dict.fromkeys(resources)]


def _target_of_pair(word: str) -> Target:
    kind, slash, name = word.partition("/")
    if not slash or not name or "/" in name:
        raise UsageError(
            "there is no need to specify a resource type as a separate argument when passing "
            f"arguments in resource/name form (got {word!r})"
        )
    check_name(name)
    return Target(find_resource(kind), (name,))


def check_name(name: str) -> None:
    """Raises UsageError for a name with which a path would mean something else: without one, all
    objects of the kind."""
    if not name:
        raise UsageError("resource name may not be empty")
    if name in (".", ".."):
        raise UsageError(f"invalid resource name {go_quote(name)}: [may not be '{name}']")
    for char in "/%":
        if char in name:
            raise UsageError(f"invalid resource name {go_quote(name)}: [may not contain '{char}']")


def find_resource(word: str) -> Resource:
    """One kind by plural, singular, kind or short name, with or without `.group`; raises
    CommandError."""
    wanted, _, group = word.lower().partition(".")
    for resource in RESOURCES:
        if "list" not in resource.verbs:
            continue
        if group and not f"{resource.group}.".startswith(f"{group}."):
            version_and_group = f"{resource.version}.{resource.group}"
            if group != version_and_group:
                continue
        names = (resource.plural, resource.singular_name, *resource.short_names)
        if wanted in names:
            return resource
    raise CommandError(f'the server doesn\'t have a resource type "{word}"')


def _resources(word: str) -> list[Resource]:
    in_category = [
        resource
        for resource in RESOURCES
        if word in resource.categories and resource.serving is not Serving.COMPUTED
    ]
    return in_category or [find_resource(word)]


def name_prefix(resource: Resource) -> str:
    """`pod/`, `job.batch/`: how kubectl names an object of the kind."""
    group = f".{resource.group}" if resource.group else ""
    return f"{resource.singular_name}{group}/"
