"""JSON Patch and JSON Merge Patch (RFC 6902, RFC 7386, K-39)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.store.patch import PatchError, json_patch, merge_patch

Operations = list[Any]


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        pytest.param(
            {"a": 1},
            [{"op": "add", "path": "/b", "value": {"c": [1]}}],
            {"a": 1, "b": {"c": [1]}},
            id="add makes a member",
        ),
        pytest.param(
            {"a": 1}, [{"op": "add", "path": "/a", "value": 2}], {"a": 2}, id="add replaces one"
        ),
        pytest.param(
            {"a": [1, 3]},
            [{"op": "add", "path": "/a/1", "value": 2}],
            {"a": [1, 2, 3]},
            id="add inserts into a list",
        ),
        pytest.param(
            {"a": [1]},
            [{"op": "add", "path": "/a/-", "value": 2}, {"op": "add", "path": "/a/2", "value": 3}],
            {"a": [1, 2, 3]},
            id="add appends by dash or by the length",
        ),
        pytest.param({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}, id="remove"),
        pytest.param(
            {"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}, id="remove from a list"
        ),
        pytest.param(
            {"a": {"b": 1}},
            [{"op": "replace", "path": "/a/b", "value": [2]}],
            {"a": {"b": [2]}},
            id="replace",
        ),
        pytest.param(
            {"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}, id="the whole"
        ),
        pytest.param(
            {"a": {"b": 1}, "c": [0]},
            [{"op": "move", "from": "/a/b", "path": "/c/0"}],
            {"a": {}, "c": [1, 0]},
            id="move",
        ),
        pytest.param(
            {"a": {"b": 1}},
            [
                {"op": "copy", "from": "/a", "path": "/c"},
                {"op": "replace", "path": "/c/b", "value": 2},
            ],
            {"a": {"b": 1}, "c": {"b": 2}},
            id="a copy shares nothing",
        ),
        pytest.param(
            {"a/b": {"m~n": 1}},
            [{"op": "replace", "path": "/a~1b/m~0n", "value": 2}],
            {"a/b": {"m~n": 2}},
            id="escapes of pointers",
        ),
        pytest.param(
            {"~1": 1}, [{"op": "remove", "path": "/~01"}], {}, id="an escaped tilde before a digit"
        ),
        pytest.param(
            {"a": {"b": [1, {"c": 1.0}]}},
            [{"op": "test", "path": "/a", "value": {"b": [1.0, {"c": 1}]}}],
            {"a": {"b": [1, {"c": 1.0}]}},
            id="a test compares numbers by value",
        ),
        pytest.param(
            {"a": 1},
            [{"op": "test", "path": "/b", "value": None}],
            {"a": 1},
            id="a test for null asks for absence",
        ),
        pytest.param(
            {"a": 1}, [{"op": "add", "path": "/b", "value": None}], {"a": 1}, id="null is absence"
        ),
    ],
)
def test_json_patch(document: Any, operations: Operations, result: Any) -> None:
    before = repr(document)
    assert json_patch(document, operations) == result
    assert repr(document) == before


@pytest.mark.parametrize(
    ("operations", "invalid"),
    [
        pytest.param([{"op": "remove", "path": "/x"}], True, id="nothing to remove"),
        pytest.param([{"op": "replace", "path": "/x", "value": 1}], True, id="nothing to replace"),
        pytest.param([{"op": "add", "path": "/x/y", "value": 1}], True, id="no parent"),
        pytest.param([{"op": "add", "path": "/l/3", "value": 1}], True, id="beyond the end"),
        pytest.param([{"op": "add", "path": "/l/01", "value": 1}], True, id="leading zero"),
        pytest.param([{"op": "add", "path": "/l/-1", "value": 1}], True, id="below zero"),
        pytest.param([{"op": "remove", "path": "/l/-"}], True, id="dash is no item"),
        pytest.param([{"op": "remove", "path": "/l/" + "9" * 5000}], True, id="a huge index"),
        pytest.param([{"op": "test", "path": "/a", "value": True}], True, id="true is not 1"),
        pytest.param([{"op": "test", "path": "/x", "value": 1}], True, id="test of nothing"),
        pytest.param([{"op": "move", "from": "/m", "path": "/m/n"}], True, id="into itself"),
        pytest.param([{"op": "remove", "path": ""}], True, id="remove the whole"),
        pytest.param([{"op": "replace", "path": "", "value": []}], True, id="no object is left"),
        pytest.param([{"op": "add", "path": "x", "value": 1}], False, id="no pointer"),
        pytest.param([{"op": "add", "path": "/x"}], True, id="no value"),
        pytest.param([{"op": "copy", "path": "/x"}], True, id="no source"),
        pytest.param([{"op": "shift", "path": "/x"}], True, id="unknown operation"),
        pytest.param([{"op": ["add"], "path": "/x"}], False, id="mistyped operation"),
        pytest.param(["add"], False, id="no object"),
        pytest.param([{}] * 10_001, False, id="too many"),
        pytest.param(
            [{"op": "copy", "from": "/l", "path": "/l/-"}] * 60, True, id="doubling to exhaustion"
        ),
    ],
)
def test_a_json_patch_that_does_not_fit(operations: Operations, invalid: bool) -> None:
    document = {"a": 1, "l": [1, 2], "m": {"n": 1}, "s": "x" * 1000}
    with pytest.raises(PatchError) as caught:
        json_patch(document, operations)
    assert caught.value.invalid is invalid
    assert caught.value.message


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replace"),
        pytest.param({"a": "b", "b": 1}, {"a": None}, {"b": 1}, id="null deletes"),
        pytest.param({"a": ["b"]}, {"a": ["c", "d"]}, {"a": ["c", "d"]}, id="lists are replaced"),
        pytest.param(
            {"a": {"b": "c", "e": 1}},
            {"a": {"b": "d", "c": None}},
            {"a": {"b": "d", "e": 1}},
            id="objects merge",
        ),
        pytest.param({"a": [1]}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}, id="nulls in new"),
    ],
)
def test_merge_patch(document: Any, patch: Any, result: Any) -> None:
    before = repr(document)
    assert merge_patch(document, patch) == result
    assert repr(document) == before


@pytest.mark.parametrize("patch", [[], "x", None, 1])
def test_a_merge_patch_is_an_object(patch: Any) -> None:
    with pytest.raises(PatchError):
        merge_patch({}, patch)


def test_nesting_beyond_measure_is_the_clients_error() -> None:
    patch: Any = {}
    for _ in range(5000):
        patch = {"a": patch}
    with pytest.raises(PatchError, match="too deeply"):
        merge_patch({}, patch)
