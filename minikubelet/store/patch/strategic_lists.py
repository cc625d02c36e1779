"""The order of merged lists, and lists of plain values.

Role: the list rules of strategic merge patches (K-37). Pure.
Invariants: linear in the lengths of the lists; keys are compared by type and value.
Upstream: k8s.io/apimachinery pkg/util/strategicpatch, normalizeElementOrder.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from minikubelet.store.patch.errors import PatchError


def key_of(item: Any, merge_key: str) -> Hashable:
    """What tells an item from the others: its merge key, or itself in a list of plain values."""
    value = item
    if merge_key:
        if not isinstance(item, Mapping):
            raise PatchError(f"a list by {merge_key} holds objects only", invalid=True)
        if item.get(merge_key) is None:
            raise PatchError(f"an item of the patch lacks its merge key: {merge_key}", invalid=True)
        value = item[merge_key]
    if isinstance(value, dict | list):
        raise PatchError("an object or a list is not the key of an item", invalid=True)
    return isinstance(value, bool), value


def merged_primitives(original: Sequence[Any], patch: Sequence[Any]) -> list[Any]:
    """Both, each value once."""
    return list({key_of(value, ""): value for value in (*original, *patch)}.values())


def without_primitives(original: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    doomed = {key_of(value, "") for value in values}
    return [value for value in original if key_of(value, "") not in doomed]


def check_order(changes: Sequence[Any], order: Sequence[Any], merge_key: str) -> None:
    """The items of a patch are all in the wanted order, one after the other."""
    if not changes or not order:
        return
    wanted = iter([key_of(item, merge_key) for item in order])
    if not all(key_of(item, merge_key) in wanted for item in changes):
        raise PatchError(
            "the order in the patch list does not match its $setElementOrder list", invalid=True
        )


def in_order(
    merged: Sequence[Any], order: Sequence[Any], original: Sequence[Any], merge_key: str
) -> list[Any]:
    """Items of `order` as it says; the others as they were, before what they stood before."""
    wanted = _positions(order, merge_key)
    before = _positions(original, merge_key)
    named: list[tuple[int, Any]] = []
    others: list[tuple[int, Any]] = []
    for item in merged:
        key = key_of(item, merge_key)
        if key in wanted:
            named.append((wanted[key], item))
        else:
            others.append((before.get(key, len(original)), item))
    named.sort(key=lambda entry: entry[0])
    others.sort(key=lambda entry: entry[0])
    result: list[Any] = []
    rest = iter(others)
    other = next(rest, None)
    for _, item in named:
        position = before.get(key_of(item, merge_key), -1)
        while other is not None and other[0] < position:
            result.append(other[1])
            other = next(rest, None)
        result.append(item)
    if other is not None:
        result += [other[1], *(item for _, item in rest)]
    return result


def _positions(items: Sequence[Any], merge_key: str) -> dict[Hashable, int]:
    positions: dict[Hashable, int] = {}
    for index, item in enumerate(items):
        positions.setdefault(key_of(item, merge_key), index)
    return positions
