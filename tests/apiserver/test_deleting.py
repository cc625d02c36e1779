"""Deletion of pods (L-241 … L-244, K-41, K-43), and what follows owners (K-45)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from minikubelet.apiserver.deleting import DeleteOptions, plan_deletion
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import resource_at
from tests.apiserver.api import CORE, NODE, Api, a_config_map, a_pod, key_of, serving_api

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PODS = f"{CORE}/pods"
MAPS = f"{CORE}/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


def a_bound_pod(*, phase: str = "Running", grace: int | None = None, **metadata: Any) -> Json:
    spec: Json = {"nodeName": NODE}
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = grace
    return {"metadata": {"name": "web", **metadata}, "spec": spec, "status": {"phase": phase}}


def marked(seconds: int, at: str) -> Json:
    return {"deletionTimestamp": at, "deletionGracePeriodSeconds": seconds}


@pytest.mark.parametrize(
    ("pod", "asked", "mark"),
    [
        pytest.param(
            a_bound_pod(), None, marked(30, "2026-01-01T12:00:30Z"), id="the pod's own grace"
        ),
        pytest.param(a_bound_pod(grace=5), None, marked(5, "2026-01-01T12:00:05Z"), id="as given"),
        pytest.param(a_bound_pod(), 3, marked(3, "2026-01-01T12:00:03Z"), id="as asked"),
        pytest.param(a_bound_pod(), -1, marked(1, "2026-01-01T12:00:01Z"), id="negative is 1"),
        pytest.param(
            a_bound_pod(grace=2**63 - 1), None, marked(2**31, "2094-01-19T15:14:08Z"), id="for ever"
        ),
        pytest.param(
            a_bound_pod(), 2**63, marked(2**31, "2094-01-19T15:14:08Z"), id="asked for ever"
        ),
        pytest.param(a_bound_pod(), 0, None, id="forced: at once"),
        pytest.param(a_bound_pod(phase="Succeeded"), 9, None, id="finished: at once"),
        pytest.param(a_bound_pod(phase="Failed"), None, None, id="failed: at once"),
        pytest.param({**a_bound_pod(), "spec": {}}, 9, None, id="not bound: at once"),
        pytest.param(
            a_bound_pod(**marked(30, "2026-01-01T12:00:10Z")),
            10,
            marked(10, "2026-01-01T12:00:00Z"),
            id="a second one shortens, not before now",
        ),
        pytest.param(
            a_bound_pod(**marked(30, "2026-01-01T12:00:25Z")),
            10,
            marked(10, "2026-01-01T12:00:05Z"),
            id="counted from the first",
        ),
        pytest.param(
            a_bound_pod(**marked(10, "2026-01-01T12:00:05Z")),
            30,
            marked(10, "2026-01-01T12:00:05Z"),
            id="never longer",
        ),
        pytest.param(
            a_bound_pod(grace=2, **marked(10, "2026-01-01T12:00:05Z")),
            None,
            marked(10, "2026-01-01T12:00:05Z"),
            id="without a wish nothing changes",
        ),
        pytest.param(
            a_bound_pod(finalizers=["a/b"]), 0, marked(0, "2026-01-01T12:00:00Z"), id="held"
        ),
    ],
)
def test_grace_of_pods(pod: Json, asked: int | None, mark: Json | None) -> None:  # L-241
    pods = resource_at("", "v1", "pods")
    assert pods is not None
    options = DeleteOptions(grace_period_seconds=asked)
    planned = plan_deletion(pods, pod, options, NOW, foreign=False)
    assert planned == (mark and {**pod, "metadata": {**pod["metadata"], **mark}})


async def test_a_bound_pod_waits_for_its_node(api: Api) -> None:  # K-43, L-242
    await api.ok("POST", PODS, a_pod(nodeName=NODE))
    deleted = await api.ok("DELETE", f"{PODS}/web?gracePeriodSeconds=7")
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 7
    assert deleted["metadata"]["generation"] == 2
    assert (await api("GET", f"{PODS}/web")).status == 200
    forced = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
    await api.ok("DELETE", f"{PODS}/web", forced)  # L-244
    assert (await api("GET", f"{PODS}/web")).status == 404


async def test_pods_of_a_node_that_is_not_there_go_at_once(api: Api) -> None:
    await api.ok("POST", PODS, a_pod(nodeName="elsewhere"))
    await api.ok("DELETE", f"{PODS}/web")
    assert (await api("GET", f"{PODS}/web")).status == 404


async def test_eviction_is_a_deletion(api: Api) -> None:  # K-46
    await api.ok("POST", PODS, a_pod(nodeName=NODE))
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "web"},
        "deleteOptions": {"gracePeriodSeconds": 4},
    }
    answer = await api("POST", f"{PODS}/web/eviction", body)
    assert (answer.status, answer.body["status"]) == (201, "Success")
    pod = await api.ok("GET", f"{PODS}/web")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 4
    assert (await api("POST", f"{PODS}/other/eviction", {})).status == 404


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param({"gracePeriodSeconds": "x"}, 400, "a number", id="grace as text"),
        pytest.param(
            {"propagationPolicy": "Sideways"},
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: '
            '"Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
            id="unknown policy",
        ),
        pytest.param({"propagationPolicy": 1}, 400, "a string", id="policy as number"),
        pytest.param(
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            422,
            "orphanDependents and deletionPropagation cannot be both set",
            id="two policies",
        ),
        pytest.param({"preconditions": []}, 400, "an object", id="preconditions as list"),
        pytest.param([], 400, "an object", id="a list"),
        pytest.param({"dryRun": "All"}, 400, "a list", id="dry run as text"),
        pytest.param(
            {"dryRun": ["Some"]},
            422,
            'dryRun: Unsupported value: ["Some"]: supported values: "All"',
            id="unknown dry run",
        ),
        pytest.param(
            {"kind": "Pod"}, 400, "cannot be converted to DeleteOptions", id="another kind"
        ),
        pytest.param(  # K-41
            {"preconditions": {"uid": "other"}},
            409,
            'Operation cannot be fulfilled on ConfigMap "settings": the UID in the precondition '
            "(other) does not match the UID in record (",
            id="another object",
        ),
        pytest.param(
            {"preconditions": {"resourceVersion": "1"}},
            409,
            "the ResourceVersion in the precondition (1) does not match the ResourceVersion in "
            "record (",
            id="another version",
        ),
    ],
)
async def test_bad_options_are_refused(api: Api, options: object, code: int, message: str) -> None:
    await api.ok("POST", MAPS, a_config_map())
    answer = await api("DELETE", f"{MAPS}/settings", options)
    assert (answer.status, message in answer.message) == (code, True), answer.body
    assert (await api("GET", f"{MAPS}/settings")).status == 200


def owned_by(owner: Json, **more: Any) -> Json:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **more,
    }


async def settled(api: Api) -> None:
    """Keepers run right after the writes that concern them: one more request comes later."""
    await api.ok("GET", "/version")


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        pytest.param({"propagationPolicy": "Background"}, [], id="background"),
        pytest.param({"propagationPolicy": "Foreground"}, [], id="foreground"),
        pytest.param({"propagationPolicy": "Orphan"}, ["child"], id="orphan"),
        pytest.param({"orphanDependents": True}, ["child"], id="the old name of orphan"),
        pytest.param(None, [], id="by default"),
    ],
)
async def test_dependents(api: Api, policy: Json | None, left: list[str]) -> None:  # K-45
    owner = await api.ok("POST", MAPS, a_config_map("owner"))
    reference = owned_by(owner, blockOwnerDeletion=True)
    await api.ok("POST", MAPS, a_config_map("child", metadata={"ownerReferences": [reference]}))
    await api.ok("DELETE", f"{MAPS}/owner", policy)
    await settled(api)
    items = (await api.ok("GET", MAPS))["items"]
    assert [item["metadata"]["name"] for item in items] == left
    assert all("ownerReferences" not in item["metadata"] for item in items)


async def test_one_of_two_owners_is_enough(api: Api) -> None:
    owners = [await api.ok("POST", MAPS, a_config_map(name)) for name in ("a", "b")]
    references = [owned_by(owner) for owner in owners]
    await api.ok("POST", MAPS, a_config_map("child", metadata={"ownerReferences": references}))
    await api.ok("DELETE", f"{MAPS}/a")
    await settled(api)
    child = await api.ok("GET", f"{MAPS}/child")
    assert child["metadata"]["ownerReferences"] == [references[1]]
    await api.ok("DELETE", f"{MAPS}/b")
    await settled(api)
    assert (await api("GET", f"{MAPS}/child")).status == 404


async def test_an_owner_that_never_was_takes_the_child_along(api: Api) -> None:
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"}
    other = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "2"}
    for name, reference in (("child", gone), ("copy", other)):
        body = a_config_map(name, metadata={"ownerReferences": [reference]})
        await api.ok("POST", MAPS, body)
    await settled(api)
    items = (await api.ok("GET", MAPS))["items"]
    # Of kinds that are not run here nobody can say that they are gone.
    assert [item["metadata"]["name"] for item in items] == ["copy"]


async def test_foreground_waits_for_dependents(api: Api) -> None:  # K-45
    owner = await api.ok("POST", MAPS, a_config_map("owner"))
    reference = owned_by(owner, blockOwnerDeletion=True)
    pod = a_pod("child", metadata={"ownerReferences": [reference]}, nodeName=NODE)
    await api.ok("POST", PODS, pod)
    deleted = await api.ok("DELETE", f"{MAPS}/owner?propagationPolicy=Foreground")
    assert deleted["metadata"]["finalizers"] == ["foregroundDeletion"]
    await settled(api)
    child = await api.ok("GET", f"{PODS}/child")
    assert child["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await api("GET", f"{MAPS}/owner")).status == 200
    api.store.remove(key_of("pods", "child"))  # as the node does when its containers are gone
    await settled(api)
    assert (await api("GET", f"{MAPS}/owner")).status == 404


async def test_a_dependent_that_may_not_go_holds_up_no_other(api: Api) -> None:  # K-45
    namespaces = "/api/v1/namespaces"
    owner = await api.ok("POST", namespaces, {"metadata": {"name": "owner"}})
    owned = {"ownerReferences": [owned_by(owner)]}
    await api.patch(f"{namespaces}/kube-public", {"metadata": owned}, "merge-patch")
    await api.ok("POST", PODS, a_pod("child", metadata=owned))
    await api.ok("DELETE", f"{namespaces}/owner")
    await settled(api)
    assert (await api("GET", f"{PODS}/child")).status == 404
    assert (await api("GET", f"{namespaces}/kube-public")).status == 200


async def test_nothing_of_the_cluster_goes_with_an_owner_in_a_namespace(api: Api) -> None:
    owner = await api.ok("POST", MAPS, a_config_map("owner"))
    shop = {"metadata": {"name": "shop", "ownerReferences": [owned_by(owner)]}}
    await api.ok("POST", "/api/v1/namespaces", shop)
    await api.ok("DELETE", f"{MAPS}/owner")
    await settled(api)
    found = await api.ok("GET", "/api/v1/namespaces/shop")
    assert "deletionTimestamp" not in found["metadata"]


async def test_what_the_server_marks_keeps_its_null_times(api: Api) -> None:
    await api.ok("POST", PODS, a_pod(nodeName=NODE))
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": None}
    status = {"status": {"conditions": [condition]}}
    ready = await api.ok("PUT", f"{PODS}/web/status", {**a_pod(), **status})
    marked = await api.ok("DELETE", f"{PODS}/web")
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["status"] == ready["status"]
    assert "lastProbeTime" in marked["status"]["conditions"][0]
