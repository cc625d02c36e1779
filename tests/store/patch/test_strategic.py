"""Strategic merge patches (K-37, K-38)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.store.patch import PatchError, strategic_merge_patch

Json = dict[str, Any]


def pod(**spec: Any) -> Json:
    return {"metadata": {"name": "p"}, "spec": spec}


def names(*items: str) -> list[Json]:
    return [{"name": item} for item in items]


def patched(old: Json, patch: Json, message: str = "core.Pod") -> Json:
    before = repr((old, patch))
    result = strategic_merge_patch(old, patch, message)
    assert repr((old, patch)) == before
    assert "$" not in repr(result)
    return result


def spec_after(old: Json, patch: Json) -> Json:
    spec: Json = patched(pod(**old), {"spec": patch})["spec"]
    return spec


@pytest.mark.parametrize(
    ("old", "patch", "result"),
    [
        pytest.param(
            {"containers": [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b"}]},
            {"containers": [{"name": "a", "image": "y"}]},
            {"containers": [{"name": "a", "image": "y", "args": ["1"]}, {"name": "b"}]},
            id="containers merge by name",
        ),
        pytest.param(
            {"containers": names("a", "b")},
            {"containers": [{"name": "b", "$patch": "delete"}]},
            {"containers": names("a")},
            id="an item is deleted",
        ),
        pytest.param(
            {"containers": names("a", "b")},
            {"containers": [{"$patch": "replace"}, {"name": "c"}]},
            {"containers": names("c")},
            id="a list is replaced",
        ),
        pytest.param(
            {"containers": [{"name": "a", "tty": True}]},
            {"containers": [{"$patch": "merge", "name": "a", "stdin": True}]},
            {"containers": [{"name": "a", "tty": True, "stdin": True}]},
            id="an item says that it merges",
        ),
        pytest.param(
            {"containers": [{"name": "a", "args": ["1", "2"]}]},
            {"containers": [{"name": "a", "args": ["3"]}]},
            {"containers": [{"name": "a", "args": ["3"]}]},
            id="args are replaced whole",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "b"}]},
            id="tolerations are replaced whole",
        ),
        pytest.param(
            {
                "containers": [
                    {"name": "a", "ports": [{"containerPort": 80, "name": "w"}]},
                ]
            },
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]},
            {
                "containers": [
                    {"name": "a", "ports": [{"containerPort": 80, "name": "w", "protocol": "TCP"}]}
                ]
            },
            id="ports of containers merge by containerPort",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]},
            {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {}}]},
            {"volumes": [{"name": "v", "hostPath": {}}]},
            id="retainKeys drops the other source of a volume",
        ),
        pytest.param(
            {"nodeSelector": {"a": "1", "b": "2"}},
            {"nodeSelector": {"a": None, "c": "3"}},
            {"nodeSelector": {"b": "2", "c": "3"}},
            id="null deletes from a map",
        ),
        pytest.param(
            {"securityContext": {"runAsUser": 1}},
            {"securityContext": {"$patch": "replace", "runAsGroup": 2}},
            {"securityContext": {"runAsGroup": 2}},
            id="a map is replaced",
        ),
        pytest.param(
            {"securityContext": {"runAsUser": 1}},
            {"securityContext": {"$patch": "delete"}},
            {"securityContext": {}},
            id="a map is emptied",
        ),
        pytest.param(
            {"containers": names("a")},
            {
                "containers": [
                    {"$patch": "replace"},
                    {"name": "b", "env": [{"name": "E", "$patch": "delete"}, {"name": "F"}]},
                ]
            },
            {"containers": [{"name": "b", "env": names("F")}]},
            id="a list in the place of another keeps no directive",
        ),
        pytest.param(
            {},
            {
                "$setElementOrder/containers": names("a"),
                "containers": [
                    {
                        "name": "a",
                        "image": None,
                        "$setElementOrder/env": names("E"),
                        "env": [{"name": "E", "value": "1", "valueFrom": None}],
                    }
                ],
            },
            {"containers": [{"name": "a", "env": [{"name": "E", "value": "1"}]}]},
            id="new items keep no directive and no null",
        ),
    ],
)
def test_pod_spec(old: Json, patch: Json, result: Json) -> None:
    assert spec_after(old, patch) == result


@pytest.mark.parametrize(
    ("old", "patch", "order"),
    [
        # As the reference clients see it: `kubectl patch` puts a new container first.
        pytest.param("ab", {"containers": names("c")}, "cab", id="new items come first"),
        pytest.param("abc", {"containers": names("c", "a")}, "bca", id="the patch's own order"),
        pytest.param(
            "abc",
            {"$setElementOrder/containers": names("c", "b", "a")},
            "cba",
            id="an order without changes",
        ),
        pytest.param(
            "abx",
            {"$setElementOrder/containers": names("b", "n", "a"), "containers": names("n")},
            "bnax",
            id="unmentioned items stay behind what they followed",
        ),
        pytest.param(
            "xab",
            {"$setElementOrder/containers": names("b", "a")},
            "xba",
            id="unmentioned items stay before what they preceded",
        ),
        pytest.param(
            "abc",
            {
                "$setElementOrder/containers": names("c", "a"),
                "containers": [{"name": "b", "$patch": "delete"}],
            },
            "ca",
            id="deleted items are not in the order",
        ),
    ],
)
def test_order_of_merged_lists(old: str, patch: Json, order: str) -> None:
    result = spec_after({"containers": names(*old)}, patch)
    assert result["containers"] == names(*order)


def test_primitive_lists() -> None:
    # K-37, K-38
    old = {"metadata": {"finalizers": ["a", "b", "c"]}}
    patch = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["b"],
            "$setElementOrder/finalizers": ["d", "c", "a"],
            "finalizers": ["d"],
        }
    }
    assert patched(old, patch) == {"metadata": {"finalizers": ["d", "c", "a"]}}
    assert patched({"metadata": {}}, patch) == {"metadata": {"finalizers": ["d"]}}
    again = patched(old, {"metadata": {"finalizers": ["c", "a"]}})
    assert sorted(again["metadata"]["finalizers"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("message", "old", "patch", "result"),
    [
        pytest.param(
            "apps.Deployment",
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
            id="the strategy of a Deployment",
        ),
        pytest.param(
            "core.Service",
            {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}]}},
            {"spec": {"ports": [{"port": 81, "$patch": "delete"}]}},
            {"spec": {"ports": [{"port": 80, "name": "a"}]}},
            id="ports of services merge by port",
        ),
        pytest.param(
            "core.Node",
            {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"status": {"conditions": [{"type": "X", "status": "True"}]}},
            {
                "status": {
                    "conditions": [
                        {"type": "X", "status": "True"},
                        {"type": "Ready", "status": "True"},
                    ]
                }
            },
            id="conditions merge by type",
        ),
        pytest.param(
            "",
            {"spec": {"containers": names("a"), "x": {"y": 1}}},
            {"spec": {"containers": names("b"), "x": {"z": 2}}},
            {"spec": {"containers": names("b"), "x": {"y": 1, "z": 2}}},
            id="an unknown kind merges by value",
        ),
    ],
)
def test_other_kinds(message: str, old: Json, patch: Json, result: Json) -> None:
    assert patched(old, patch, message) == result


@pytest.mark.parametrize(
    ("patch", "invalid"),
    [
        pytest.param({"containers": [{"image": "x"}]}, True, id="no merge key"),
        pytest.param({"containers": ["x"]}, True, id="no objects"),
        pytest.param({"containers": [{"name": {"a": 1}}]}, True, id="an object as a key"),
        pytest.param({"containers": [{"name": "a", "$patch": "x"}]}, True, id="unknown in a list"),
        pytest.param({"securityContext": {"$patch": "x"}}, True, id="unknown in a map"),
        pytest.param({"$setElementOrder/containers": "a"}, False, id="the order is no list"),
        pytest.param(
            {"$setElementOrder/containers": names("b"), "containers": names("a")},
            True,
            id="an item is not in the order",
        ),
        pytest.param({"$retainKeys": ["a"], "hostname": "x"}, False, id="a key is not retained"),
        pytest.param({"$retainKeys": "a"}, False, id="retainKeys is no list"),
    ],
)
def test_patches_that_make_no_sense(patch: Json, invalid: bool) -> None:
    with pytest.raises(PatchError) as caught:
        strategic_merge_patch(pod(containers=names("a")), {"spec": patch}, "core.Pod")
    assert caught.value.invalid is invalid


def test_long_lists_take_linear_time() -> None:
    many = [{"name": f"n{index}"} for index in range(20_000)]
    result = spec_after({"volumes": many}, {"$setElementOrder/volumes": many, "volumes": many})
    assert result == {"volumes": many}
