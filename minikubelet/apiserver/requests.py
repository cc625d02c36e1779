"""What a request asks for: its target and its options.

Role: path and query → values; pure.
Invariants: a target names a kind of the table; booleans come in every spelling of K-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from minikubelet.apiserver import option_rules
from minikubelet.apiserver.responses import bad_request, no_such_path
from minikubelet.store.kinds import Resource, Serving, resource_at
from minikubelet.store.objects import Key
from minikubelet.store.selectors import (
    FieldSelector,
    LabelSelector,
    SelectorError,
    parse_field_selector,
    parse_label_selector,
)
from minikubelet.value_class import dataclass

_FALSE = ("0", "false")
EXACT = "Exact"


class Query(Protocol):
    """A query string: aiohttp's, or a mapping in tests."""

    def get(self, name: str, default: str) -> str: ...

    def getall(self, name: str, default: list[str]) -> list[str]: ...


class FieldValidation(StrEnum):
    IGNORE = "Ignore"
    WARN = "Warn"
    STRICT = "Strict"


@dataclass(frozen=True, slots=True)
class Target:
    resource: Resource
    namespace: str = ""
    """Empty for cluster scope, and for a list over all namespaces."""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        return self.key_of(self.name)

    def key_of(self, name: str) -> Key:
        return Key(*self.resource.storage, self.namespace, name)

    @property
    def list_namespace(self) -> str | None:
        """As the store takes it: None for all."""
        return self.namespace or None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    dry_run: bool = False
    field_validation: FieldValidation = FieldValidation.WARN
    field_manager: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class ListOptions:
    labels: LabelSelector
    fields: FieldSelector
    resource_version: str = ""
    match: str = ""
    """How the version is meant: `Exact`, `NotOlderThan`, or empty for the default."""
    watch: bool = False
    timeout_seconds: int | None = None
    bookmarks: bool = False
    send_initial_events: bool | None = None
    """None where the client leaves it to the version."""
    include_object: str = ""
    limit: int = 0
    """0 for no limit."""
    continue_token: str = ""


def find_target(match: Mapping[str, str], subresource: str = "") -> Target:
    """The target of a path's parts; raises ApiError for a kind that is not served there."""
    group, version = match.get("group", ""), match["version"]
    resource = resource_at(group, version, match["plural"])
    namespace, name = match.get("namespace", ""), match.get("name", "")
    if resource is None or resource.serving is Serving.COMPUTED:
        raise no_such_path()
    if resource.namespaced:
        if bool(name) and not namespace:
            raise no_such_path()
    elif namespace:
        raise no_such_path()
    subresource = subresource or match.get("subresource", "")
    if subresource and resource.subresource(subresource) is None:
        raise no_such_path()
    return Target(resource, namespace, name, subresource)


def write_options(
    query: Query, kind: str, *, dry_run: object = None, applies: bool = False
) -> WriteOptions:
    """`kind` is that of the options, as `CreateOptions`; `dry_run` is what a body said about it,
    and `applies` whether this is a server-side apply."""
    validation, manager = query.get("fieldValidation", ""), query.get("fieldManager", "")
    asked_dry = query.getall("dryRun", [])
    forced = kind == "PatchOptions" and bool(query.getall("force", []))
    for asked in (asked_dry, dry_run):
        errors = option_rules.check_write(
            manager=manager, dry_run=asked, validation=validation, forced=forced, applies=applies
        )
        option_rules.refuse(kind, errors)
    return WriteOptions(
        dry_run=is_dry_run(dry_run) or is_dry_run(asked_dry),
        field_validation=FieldValidation(validation or FieldValidation.WARN),
        field_manager=manager,
        force=boolean(query, "force"),
    )


def list_options(query: Query) -> ListOptions:
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    token, watch = query.get("continue", ""), boolean(query, "watch")
    initial_events = None
    if query.getall("sendInitialEvents", []):
        initial_events = boolean(query, "sendInitialEvents")
    errors = option_rules.check_list(
        match=match, version=version, token=token, watch=watch, initial_events=initial_events
    )
    option_rules.refuse("ListOptions", errors)
    return ListOptions(
        *selectors(query),
        resource_version=version,
        match=match,
        watch=watch,
        timeout_seconds=integer(query, "timeoutSeconds"),
        bookmarks=boolean(query, "allowWatchBookmarks"),
        send_initial_events=initial_events,
        include_object=query.get("includeObject", ""),
        limit=max(integer(query, "limit") or 0, 0),
        continue_token=token,
    )


def selectors(query: Query) -> tuple[LabelSelector, FieldSelector]:
    try:
        labels = parse_label_selector(query.get("labelSelector", ""))
        return labels, parse_field_selector(query.get("fieldSelector", ""))
    except SelectorError as err:
        raise bad_request(str(err)) from err


def is_dry_run(values: object) -> bool:
    """`dryRun` of a query or a body that `option_rules` passed."""
    return isinstance(values, list) and "All" in values


def boolean(query: Query, name: str) -> bool:
    """As upstream reads it: what is there is true (`?watch`), unless it says false (K-12)."""
    values = query.getall(name, [])
    return bool(values) and values[0].lower() not in _FALSE


def integer(query: Query, name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def version_number(text: str) -> int | None:
    """A resourceVersion of a query; None for "any" (absent, empty or 0)."""
    if text in ("", "0"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise bad_request(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
    return int(text)
