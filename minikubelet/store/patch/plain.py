"""Patches that know nothing of Kubernetes: JSON Patch and JSON Merge Patch.

Role: RFC 6902 and RFC 7386 over JSON documents. Pure.
Invariants: neither the document nor the patch is changed or shared with the result; the result is
an object without nulls, as objects of the API are.
Upstream: apiserver pkg/endpoints/handlers/patch.go. Differs: an index below zero is an error, as
the RFC wants it, and errors say which operation failed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.patch.errors import PatchError, PatchTooLargeError, refuse_deep_nesting

MAX_OPERATIONS = 10_000
MAX_COPIED_BYTES = 1024 * 1024
"""What `copy` operations of one patch may add: each could double the document."""

_INDEX = re.compile(r"0|[1-9][0-9]*")
_ABSENT: Any = object()


@refuse_deep_nesting
def merge_patch(document: Json, patch: Any) -> Json:
    """RFC 7386 (K-39)."""
    if not isinstance(patch, Mapping):
        raise PatchError("error decoding patch: a JSON merge patch is an object")
    merged: Json = copy_json(_merged(document, patch))
    return merged


def _merged(target: Any, patch: Mapping[str, Any]) -> Json:
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merged(merged.get(name), value)
        else:
            merged[name] = value
    return merged


@refuse_deep_nesting
def json_patch(document: Json, operations: list[Any]) -> Json:
    """RFC 6902: all operations in order, or an error."""
    if not isinstance(operations, list):
        raise PatchError("error decoding patch: a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchTooLargeError(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
            f"got {len(operations)}"
        )
    patched = _Patched(copy_json(document))
    for operation in operations:
        patched.apply(operation)
    if not isinstance(patched.root, dict):
        raise PatchError("the patch leaves something that is not an object", invalid=True)
    result: Json = copy_json(patched.root)
    return result


class _Patched:
    """A document between two operations."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._copied = 0
        self._operations: Mapping[str, Callable[[Mapping[str, Any], str], None]] = {
            "add": self._add,
            "remove": self._remove,
            "replace": self._replace,
            "move": self._move,
            "copy": self._copy,
            "test": self._test,
        }

    def apply(self, operation: Any) -> None:
        if not isinstance(operation, Mapping):
            raise PatchError("error decoding patch: an operation is an object")
        for member in ("op", "path", "from"):
            if not isinstance(operation.get(member, ""), str):
                raise PatchError(f"error decoding patch: {member} of an operation is a string")
        name = operation.get("op", "")
        run = self._operations.get(name)
        if run is None:
            raise PatchError(f"Unexpected kind: {json.dumps(name)}", invalid=True)
        path = operation.get("path")
        if path is None:
            raise PatchError(f"{name} operation lacks its path", invalid=True)
        if name in ("add", "replace", "test") and "value" not in operation:
            raise PatchError(f"{name} {path} lacks its value", invalid=True)
        if name in ("move", "copy") and "from" not in operation:
            raise PatchError(f'{name} {path} lacks its "from"', invalid=True)
        run(operation, path)

    def _add(self, operation: Mapping[str, Any], path: str) -> None:
        self._put("add", path, _copy_all(operation["value"]))

    def _remove(self, operation: Mapping[str, Any], path: str) -> None:
        self._take("remove", path)

    def _replace(self, operation: Mapping[str, Any], path: str) -> None:
        value = _copy_all(operation["value"])
        if not path:
            self.root = value
            return
        parent, key = self._place("replace", path, existing=True)
        parent[key] = value

    def _move(self, operation: Mapping[str, Any], path: str) -> None:
        source = operation["from"]
        if path.startswith(source + "/"):
            raise _unfit("move", path, f"it lies in {source}, which is to be moved")
        if path == source:
            self._value("move", source)
            return
        self._put("move", path, self._take("move", source))

    def _copy(self, operation: Mapping[str, Any], path: str) -> None:
        value = self._value("copy", operation["from"])
        self._copied += len(json.dumps(value, ensure_ascii=False))
        if self._copied > MAX_COPIED_BYTES:
            raise _unfit("copy", path, f"copies add more than {MAX_COPIED_BYTES} bytes")
        self._put("copy", path, _copy_all(value))

    def _test(self, operation: Mapping[str, Any], path: str) -> None:
        wanted = operation["value"]
        try:
            actual = self._value("test", path)
        except PatchError:
            # Objects of the API have no nulls: a test for null asks whether the field is absent.
            if wanted is None:
                return
            raise
        if not equal_json(actual, wanted):
            raise _unfit("test", path, "the value is another")

    def _value(self, name: str, path: str) -> Any:
        if not path:
            return self.root
        parent, key = self._place(name, path, existing=True)
        return parent[key]

    def _take(self, name: str, path: str) -> Any:
        if not path:
            raise _unfit(name, path, "the whole object cannot be taken away")
        parent, key = self._place(name, path, existing=True)
        return parent.pop(key)

    def _put(self, name: str, path: str, value: Any) -> None:
        if not path:
            self.root = value
            return
        parent, key = self._place(name, path, existing=False)
        if isinstance(parent, list):
            parent.insert(key, value)
        else:
            parent[key] = value

    def _place(self, name: str, path: str, *, existing: bool) -> tuple[Any, Any]:
        """The container that the last part of a path names something in, and its key there."""
        if not path.startswith("/"):
            raise PatchError(f"error decoding patch: {name}: {json.dumps(path)} is not a pointer")
        parts = [_unescaped(part) for part in path[1:].split("/")]
        parent = self.root
        for part in parts[:-1]:
            key = _key_in(parent, part, existing=True)
            if key is _ABSENT:
                raise _unfit(name, path, "a part of the path does not exist")
            parent = parent[key]
        key = _key_in(parent, parts[-1], existing=existing)
        if key is _ABSENT:
            raise _unfit(name, path, "it does not exist" if existing else "there is no such place")
        return parent, key


def _key_in(parent: Any, part: str, *, existing: bool) -> Any:
    """The key or index; `-` and the length are places to add at, not values."""
    if isinstance(parent, dict):
        return part if part in parent or not existing else _ABSENT
    if not isinstance(parent, list):
        return _ABSENT
    if part == "-":
        return _ABSENT if existing else len(parent)
    if not _INDEX.fullmatch(part) or len(part) > len(str(len(parent))):
        return _ABSENT
    index = int(part)
    return index if index < len(parent) or (index == len(parent) and not existing) else _ABSENT


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _unfit(name: str, path: str, why: str) -> PatchError:
    return PatchError(f"cannot {name} {path or 'the object'}: {why}", invalid=True)


def _copy_all(value: Any) -> Any:
    """With its nulls: a later operation may look at them."""
    if isinstance(value, Mapping):
        return {str(key): _copy_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy_all(item) for item in value]
    return value


def equal_json(one: Any, other: Any) -> bool:
    """Python takes true for 1, JSON does not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal_json, one, other))
    return bool(one == other)
