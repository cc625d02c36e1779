"""The fields of an object as paths, and paths as FieldsV1.

Role: documents ⇄ sets of what somebody owns. Pure.
Invariants: what the server keeps about an object is owned by nobody; a path is the same text in
every object.
Upstream: sigs.k8s.io/structured-merge-diff, fieldpath and typed.ToFieldSet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.store.patch.errors import PatchError
from minikubelet.store.patch.ownership import is_whole, item_element, list_keys, path_text
from minikubelet.store.patch.places import Place

FieldPath = tuple[str, ...]

ITEM: Any = object()
"""Stands for the value of a list item or an object, whose fields have paths of their own."""

_SELF = "."
_UNOWNED_FIELDS = frozenset({"f:apiVersion", "f:kind", "f:metadata"})
_UNOWNED_METADATA = frozenset(
    f"f:{name}"
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)


def owned_fields(document: Json, message: str, *, unique: bool = False) -> dict[FieldPath, Any]:
    """Each field that can be owned apart, with its value; `unique` refuses items given twice."""
    fields: dict[FieldPath, Any] = {}
    for path, value in _walk(document, Place(message), (), unique):
        if not _is_the_servers(path):
            fields.setdefault(path, value)
    return fields


def with_parents(paths: Iterable[FieldPath]) -> set[FieldPath]:
    """The paths and all that they lie in."""
    found: set[FieldPath] = set()
    for path in paths:
        while path and path not in found:
            found.add(path)
            path = path[:-1]
    return found


def to_fields_v1(paths: Iterable[FieldPath]) -> Json:
    """The tree of `managedFields`: `.` where an inner node is a member itself."""
    tree: Json = {}
    members = sorted(paths)
    for path in members:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    for path in members:
        node = tree
        for element in path:
            node = node[element]
        if node:
            node[_SELF] = {}
    ordered: Json = _sorted(tree)
    return ordered


def from_fields_v1(tree: Any) -> frozenset[FieldPath]:
    """Whatever a client put there: what is no tree of fields holds none."""
    return frozenset(_members(tree, ()))


def _walk(
    value: Any, place: Place, path: FieldPath, unique: bool
) -> Iterator[tuple[FieldPath, Any]]:
    if is_whole(value, place):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            if member is None:
                continue
            child = (*path, f"f:{name}")
            inside = list(_walk(member, place.member(name), child, unique))
            yield from inside
            if not inside and isinstance(member, dict):
                # Owned as empty: that it is there says something, as of an emptyDir.
                yield child, {}
    else:
        keys = list_keys(place) or {}
        seen: set[str] = set()
        for item in value:
            element = item_element(item, keys, path_text(path))
            if element in seen and unique:
                raise PatchError(
                    f"{path_text(path)}: duplicate entries for key {path_text((element,))}"
                )
            seen.add(element)
            child, below = (*path, element), place.item()
            if is_whole(item, below):
                yield child, item
            else:
                yield child, ITEM
                yield from _walk(item, below, child, unique)


def _is_the_servers(path: FieldPath) -> bool:
    if len(path) == 1:
        return path[0] in _UNOWNED_FIELDS
    return path[0] == "f:metadata" and path[1] in _UNOWNED_METADATA


def _members(tree: Any, path: FieldPath) -> Iterator[FieldPath]:
    if not isinstance(tree, dict):
        return
    if path and (not tree or _SELF in tree):
        yield path
    for element, below in tree.items():
        if element != _SELF:
            yield from _members(below, (*path, str(element)))


def _sorted(tree: Json) -> Any:
    return {element: _sorted(tree[element]) for element in sorted(tree)}
