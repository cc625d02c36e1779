"""Lists in parts: `limit` and `continue` (K-27).

Role: a list request → the objects of one part, and where the next one begins.
Invariants: all parts of a list show the state that the first one saw; when the history does not
reach back to it any more the client is told 410, with a token that goes on with the present state.
Upstream: apiserver pkg/storage, continue tokens and the etcd3 store's list.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import orjson

from minikubelet.apiserver.requests import EXACT, ListOptions, Target, version_number
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    expired,
    too_large_version,
)
from minikubelet.apiserver.selecting import Selection
from minikubelet.manifest.json_tree import Json
from minikubelet.store.objects import Expired, Key, StoredObject
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass

_TOKEN_VERSION = "meta.k8s.io/v1"
_ANY_STATE = -1
_TOO_OLD_LIST = "The resourceVersion for the provided list is too old."
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class Page:
    objects: Sequence[StoredObject]
    resource_version: int
    next: str = ""
    """The token that the next part is asked with; empty at the end."""
    remaining: int | None = None
    """How many follow; None where the selectors leave that open, as upstream."""

    @property
    def metadata(self) -> Json:
        meta: Json = {"resourceVersion": str(self.resource_version)}
        if self.next:
            meta["continue"] = self.next
            if self.remaining is not None:
                meta["remainingItemCount"] = self.remaining
        return meta


def page_of(store: ObjectStore, target: Target, selection: Selection, options: ListOptions) -> Page:
    """Raises ApiError 400 for a token that is none, 410 for one that is too old, 504 for a version
    from the future."""
    asked = version_number(options.resource_version)
    if not options.continue_token:
        objects, version = _first(store, target, options, asked)
        # A list at version 0 is one from upstream's cache, which always answers in one part.
        limit = 0 if options.resource_version == "0" else options.limit
        return _cut(objects, selection, limit, version)
    if options.resource_version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    version, after = _read_token(options.continue_token)
    try:
        objects = _objects_at(store, target, version)
    except Expired as err:
        error = expired(_TOO_OLD)
        error.list_metadata = {"continue": _token(_ANY_STATE, after)}
        raise error from err
    rest = [stored for stored in objects if _place(stored.key) > after]
    shown = store.resource_version if version == _ANY_STATE else version
    return _cut(rest, selection, options.limit, shown)


def _first(
    store: ObjectStore, target: Target, options: ListOptions, asked: int | None
) -> tuple[Sequence[StoredObject], int]:
    """The state that a list begins with: the present one, which is as new as any that a client
    can know, but for a version that is asked for as it was (K-28)."""
    now = store.resource_version
    if asked is not None:
        require_known(asked, now)
        if asked < now and (options.match == EXACT or (options.limit > 0 and not options.match)):
            try:
                return _objects_at(store, target, asked), asked
            except Expired as err:
                raise expired(_TOO_OLD_LIST) from err
    return store.list(target.resource.storage, target.list_namespace), now


def require_known(asked: int | None, now: int) -> None:
    """Nobody can be shown a state that has not been; a client waits and asks again."""
    if asked is not None and asked > now:
        raise too_large_version(asked, now)


def _cut(objects: Sequence[StoredObject], selection: Selection, limit: int, version: int) -> Page:
    selected = [stored for stored in objects if selection.matches(stored)]
    if limit <= 0 or len(selected) <= limit:
        return Page(selected, version)
    token = _token(version, _place(selected[limit - 1].key))
    remaining = len(selected) - limit if selection.is_everything else None
    return Page(selected[:limit], version, token, remaining)


def _objects_at(store: ObjectStore, target: Target, version: int) -> Sequence[StoredObject]:
    """As they were at an earlier version: what has changed since is taken back."""
    storage, namespace = target.resource.storage, target.list_namespace
    current = store.list(storage, namespace)
    if version == _ANY_STATE:
        return current
    before: dict[Key, StoredObject | None] = {}
    with store.watch(storage, namespace, since=version) as watch:
        while changes := watch.ready():
            for change in changes:
                before.setdefault(change.object.key, change.before)
    if not before:
        return current
    kept = [stored for stored in current if stored.key not in before]
    return sorted([*kept, *filter(None, before.values())], key=lambda stored: stored.key)


def _place(key: Key) -> tuple[str, str]:
    return key.namespace, key.name


def _token(version: int, after: tuple[str, str]) -> str:
    content = {"v": _TOKEN_VERSION, "rv": version, "start": list(after)}
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def _read_token(text: str) -> tuple[int, tuple[str, str]]:
    try:
        content = orjson.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as err:
        raise _no_token(str(err)) from err
    match content:
        case {"v": str(version)} if version != _TOKEN_VERSION:
            raise _no_token(f"server does not recognize this encoded version {version}")
        case {"rv": int(number), "start": [str(namespace), str(name)]} if number >= _ANY_STATE:
            return number, (namespace, name)
    raise _no_token("unexpected content")


def _no_token(why: str) -> ApiError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
