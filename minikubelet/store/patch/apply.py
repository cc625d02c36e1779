"""Server-side apply.

Role: merge what a manager wants into the object, take away what it wanted before and wants no
longer, and find whose fields that would overrule (K-40). Pure.
Invariants: applying the same again returns the same object; a field without an owner, such as a
default of the server, is no conflict and stays.
Upstream: sigs.k8s.io/structured-merge-diff, merge.Updater.Apply. Differs: an object that nobody has
applied yet has no owners, so that the first apply conflicts with nobody.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.patch.errors import (
    ApplyConflict,
    FieldConflict,
    PatchError,
    refuse_deep_nesting,
)
from minikubelet.store.patch.field_sets import FieldPath, owned_fields, with_parents
from minikubelet.store.patch.managed_fields import (
    APPLY,
    UPDATE,
    Owner,
    Owners,
    Ownership,
    owners_of,
    with_owners,
)
from minikubelet.store.patch.ownership import Keys, is_whole, item_element, list_keys, path_text
from minikubelet.store.patch.places import Place
from minikubelet.store.patch.plain import equal_json
from minikubelet.value_class import dataclass


@refuse_deep_nesting
def server_side_apply(
    live: Json | None,
    applied: Json,
    *,
    manager: str,
    force: bool,
    message: str,
    now: str,
    subresource: str = "",
) -> Json:
    """The object after `manager` has applied; `now` is RFC 3339. Raises ApplyConflict."""
    _check(applied)
    wanted = owned_fields(applied, message, unique=True)
    me = Owner(manager, APPLY, subresource)
    mine = frozenset(wanted)
    api_version = str(applied.get("apiVersion", ""))
    if live is None:
        return with_owners(copy_json(applied), {me: Ownership(api_version, now, mine)})
    owners = owners_of(live)
    last = owners.pop(me, None)
    place = Place(message)
    merged: Json = copy_json(_merge(live, applied, place))
    if last:
        others = (ownership.fields for ownership in owners.values())
        owned = with_parents(mine.union(*others))
        merged = _without(merged, place, (), _Gone(last.fields, with_parents(last.fields), owned))
    conflicts = _conflicts(owned_fields(live, message), owned_fields(merged, message), owners)
    if conflicts and not force:
        raise ApplyConflict(
            FieldConflict(
                owner.manager,
                path_text(path),
                owners[owner].api_version if owner.operation == UPDATE else "",
                owner.subresource,
            )
            for owner, path in conflicts
        )
    if last and last.fields == mine and not conflicts and _same(live, merged):
        return with_owners(merged, owners | {me: last})
    for owner, path in conflicts:
        owners[owner] = replace(owners[owner], fields=owners[owner].fields - {path})
    return with_owners(merged, owners | {me: Ownership(api_version, now, mine)})


def _check(applied: Any) -> None:
    if not isinstance(applied, dict):
        raise PatchError("error decoding YAML: an object is wanted")
    metadata = applied.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise PatchError("metadata.managedFields must be nil")


def _merge(live: Any, applied: Any, place: Place) -> Any:
    if is_whole(applied, place) or type(live) is not type(applied):
        return applied
    if isinstance(applied, dict):
        merged = dict(live)
        for name, value in applied.items():
            below = place.member(name)
            # An empty list of owned items says nothing: it is no field of its own.
            if value is not None and (name in live or value != [] or is_whole(value, below)):
                merged[name] = _merge(live.get(name), value, below)
        return merged
    return _merge_lists(live, applied, place, list_keys(place) or {})


def _merge_lists(live: list[Any], applied: list[Any], place: Place, keys: Keys) -> list[Any]:
    """In the order of `applied`; what only the object has stays before what it stood before."""
    wanted = {item_element(item, keys, place.name): item for item in applied}
    present: dict[str, Any] = {}
    for item in live:
        present.setdefault(item_element(item, keys, place.name), item)
    merged: list[Any] = []
    rest = list(live)
    rest.reverse()

    def take_live_only() -> None:
        while rest and item_element(rest[-1], keys, place.name) not in wanted:
            merged.append(rest.pop())

    done: set[str] = set()
    for element, item in wanted.items():
        take_live_only()
        old = present.get(element)
        merged.append(_merge(old, item, place.item()) if keys and old is not None else item)
        done.add(element)
        while rest and item_element(rest[-1], keys, place.name) in done:
            rest.pop()
    while rest:
        take_live_only()
        if rest:
            rest.pop()
    return merged


@dataclass(frozen=True, slots=True)
class _Gone:
    """What a manager applied before and nobody owns now; the latter two with their parents."""

    last: AbstractSet[FieldPath]
    around_last: AbstractSet[FieldPath]
    owned: AbstractSet[FieldPath]

    def takes(self, path: FieldPath, value: Any, place: Place) -> bool:
        """Of objects on the way, optional ones go with all that is in them (a probe with its
        defaults); such as always exist (spec) and maps lose their fields only."""
        if path in self.owned or path not in self.around_last:
            return False
        if path[-1].startswith("k:") or (place.optional and not place.shape):
            return True
        return path in self.last and (not value or is_whole(value, place))


def _without(value: Any, place: Place, path: FieldPath, gone: _Gone) -> Any:
    """The value without what is gone; lists and maps that it empties go too."""
    if is_whole(value, place):
        return value
    if isinstance(value, dict):
        kept: Json = {}
        for name, member in value.items():
            child, below = (*path, f"f:{name}"), place.member(name)
            if gone.takes(child, member, below):
                continue
            left = _without(member, below, child, gone)
            emptied = not left and bool(member) and (below.is_map or below.is_list)
            if not emptied or child in gone.owned:
                kept[name] = left
        return kept
    keys = list_keys(place) or {}
    items: list[Any] = []
    for item in value:
        child = (*path, item_element(item, keys, place.name))
        if not gone.takes(child, item, place.item()):
            left = _without(item, place.item(), child, gone)
            # An item that stays for the sake of others keeps what it is known by.
            items.append({k: item[k] for k in keys if k in item} | left if keys else left)
    return items


def _conflicts(
    before: dict[FieldPath, Any], after: dict[FieldPath, Any], owners: Owners
) -> list[tuple[Owner, FieldPath]]:
    """The fields of others that get another value."""
    return [
        (owner, path)
        for owner, ownership in owners.items()
        for path in ownership.fields
        if path in after and (path not in before or not equal_json(before[path], after[path]))
    ]


def _same(live: Json, merged: Json) -> bool:
    return equal_json(with_owners(live, {}), with_owners(merged, {}))
