"""Strategic merge patch: JSON Merge Patch that knows how lists of Kubernetes objects merge.

Role: K-37 and K-38 over JSON documents; lists are in `strategic_lists.py`. Pure.
Invariants: neither argument is changed or shared with the result; no directive is in the result.
Upstream: k8s.io/apimachinery pkg/util/strategicpatch, MergeMap. Differs: `$patch: merge` says what
happens anyway and is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.patch.errors import PatchError, refuse_deep_nesting
from minikubelet.store.patch.places import Place
from minikubelet.store.patch.strategic_lists import (
    check_order,
    in_order,
    key_of,
    merged_primitives,
    without_primitives,
)

DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_SET_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"


@refuse_deep_nesting
def strategic_merge_patch(document: Json, patch: Json, message: str) -> Json:
    """`message` names the object's kind in the field table; empty for a kind that it lacks."""
    if not isinstance(patch, Mapping):
        raise PatchError("error decoding patch: a strategic merge patch is an object")
    merged: Json = copy_json(_merge_map(document, patch, Place(message)))
    return merged


def _merge_map(original: Mapping[str, Any], patch: Mapping[str, Any], place: Place) -> Json:
    match patch.get(DIRECTIVE):
        case "replace":
            return _plain_map(patch)
        case "delete":
            return {}
        case None | "merge":
            merged = _retained(original, patch)
        case other:
            raise PatchError(f"unknown patch type [{other}] in map", invalid=True)
    ordered = {name.removeprefix(_SET_ORDER) for name in patch if name.startswith(_SET_ORDER)}
    for name, value in patch.items():
        if not _is_directive(name) and name not in ordered:
            _merge_member(merged, name, value, place.member(name))
    for name in ordered:
        _merge_ordered(merged, name, patch, place.member(name))
    for name, value in patch.items():
        if name.startswith(_DELETE_PRIMITIVES):
            _delete_primitives(merged, name.removeprefix(_DELETE_PRIMITIVES), value)
    return merged


def _retained(original: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """What `$retainKeys` leaves of the original."""
    if _RETAIN_KEYS not in patch:
        return dict(original)
    keys = patch[_RETAIN_KEYS]
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise PatchError("invalid patch format of retainKeys")
    for name, value in patch.items():
        if value is not None and not _is_directive(name) and name not in keys:
            raise PatchError("invalid patch format of retainKeys")
    return {name: value for name, value in original.items() if name in keys}


def _merge_member(merged: Json, name: str, value: Any, place: Place) -> None:
    if value is None:
        merged.pop(name, None)
        return
    old = merged.get(name)
    if isinstance(value, Mapping):
        if "replace" in place.strategies:
            merged[name] = _plain_map(value)
        else:
            merged[name] = _merge_map(old if isinstance(old, Mapping) else {}, value, place)
    elif isinstance(value, list):
        merged[name] = _merge_list(old if isinstance(old, list) else [], value, place)
    else:
        merged[name] = value


def _merge_ordered(merged: Json, name: str, patch: Mapping[str, Any], place: Place) -> None:
    """A list whose order the patch gives (`$setElementOrder/name`)."""
    order = patch[_SET_ORDER + name]
    if not isinstance(order, list):
        raise PatchError("invalid patch format of setElementOrder list")
    changes = patch.get(name)
    if changes is None or not place.merges_list:
        if name in patch:
            _merge_member(merged, name, changes, place)
        changes = []
    if not isinstance(changes, list):
        raise PatchError(f"{name} is a list", invalid=True)
    old = merged.get(name)
    if not place.merges_list or not isinstance(old, list | None) or (old is None and not changes):
        return
    check_order([item for item in changes if not _is_deletion(item)], order, place.merge_key)
    result = _merge_list(old or [], changes, place) if changes else old or []
    merged[name] = in_order(result, order, old or [], place.merge_key)


def _merge_list(original: list[Any], patch: list[Any], place: Place) -> list[Any]:
    if not place.merges_list:
        return [_plain(item) for item in patch]
    if not place.merge_key:
        return in_order(merged_primitives(original, patch), patch, original, "")
    return _merge_objects(original, patch, place)


def _merge_objects(original: list[Any], patch: list[Any], place: Place) -> list[Any]:
    """Merge items by their key; an item `$patch: replace` puts the others in the list's place."""
    key = place.merge_key
    kept: list[Any] = original
    changes: list[Any] = []
    for item in patch:
        match item.get(DIRECTIVE) if isinstance(item, Mapping) else None:
            case None | "merge":
                changes.append(item)
            case "delete":
                doomed = key_of(item, key)
                kept = [old for old in kept if key_of(old, key) != doomed]
            case "replace":
                pass
            case other:
                raise PatchError(f"unknown patch type [{other}] in list", invalid=True)
    if any(isinstance(item, Mapping) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [_plain(item) for item in changes]
    merged = list(kept)
    places: dict[Any, int] = {}
    for index, item in enumerate(kept):
        places.setdefault(key_of(item, key), index)
    for item in changes:
        index = places.setdefault(key_of(item, key), len(merged))
        if index == len(merged):
            merged.append(_merge_map({}, item, place.item()))
        else:
            merged[index] = _merge_map(merged[index], item, place.item())
    return in_order(merged, changes, kept, key)


def _delete_primitives(merged: Json, name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise PatchError("invalid patch format of primitive list")
    if isinstance(old := merged.get(name), list):
        merged[name] = without_primitives(old, values)


def _is_deletion(item: Any) -> bool:
    return isinstance(item, Mapping) and DIRECTIVE in item


def _is_order(item: Any) -> bool:
    """To delete an item or to replace the list: nothing to keep."""
    return _is_deletion(item) and (item[DIRECTIVE] == "delete" or len(item) == 1)


def _is_directive(name: str) -> bool:
    return name in (DIRECTIVE, _RETAIN_KEYS) or name.startswith((_SET_ORDER, _DELETE_PRIMITIVES))


def _plain(value: Any) -> Any:
    """A value that is taken whole, without the directives in it."""
    if isinstance(value, Mapping):
        return _plain_map(value)
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_order(item)]
    return value


def _plain_map(value: Mapping[str, Any]) -> Json:
    return {name: _plain(item) for name, item in value.items() if not _is_directive(name)}
