"""What clients give as empty is as if they had not given it (K-36, K-97)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from minikubelet.apiserver.empty_values import without_empty_values
from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import CORE, Api, a_config_map, a_pod, serving_api

PODS = f"{CORE}/pods"
MAPS = f"{CORE}/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


@pytest.mark.parametrize(
    ("message", "document", "written"),
    [
        pytest.param(
            "core.Pod",
            {"metadata": {"labels": {}, "finalizers": [], "annotations": {"a": ""}}},
            {"metadata": {"annotations": {"a": ""}}},
            id="lists and maps, but not the values of a map",
        ),
        pytest.param(
            "core.Pod",
            {"spec": {"containers": [{"name": "a", "env": [{"name": "E", "value": ""}]}]}},
            {"spec": {"containers": [{"name": "a", "env": [{"name": "E"}]}]}},
            id="texts of the spec",
        ),
        pytest.param(
            "core.Pod",
            {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "securityContext": {}}},
            {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "securityContext": {}}},
            id="objects say something",
        ),
        pytest.param(
            "core.Pod",
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/a", "type": ""}}]}},
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/a", "type": ""}}]}},
            id="what is behind a pointer stays",
        ),
        pytest.param(
            "core.Pod",
            {"status": {"containerStatuses": [{"imageID": "", "image": ""}]}},
            {"status": {"containerStatuses": [{"imageID": "", "image": ""}]}},
            id="the status is the node's",
        ),
        pytest.param(
            "discovery.EndpointSlice",
            {"endpoints": [], "ports": [], "metadata": {"labels": {}}},
            {"endpoints": [], "ports": [], "metadata": {}},
            id="lists that clients count on",
        ),
    ],
)
def test_without_empty_values(message: str, document: Json, written: Json) -> None:
    assert without_empty_values(document, message) == written


async def test_an_empty_text_has_its_default(api: Api) -> None:
    container = {"name": "app", "image": "busybox:1", "imagePullPolicy": "", "args": []}
    pod = await api.ok("POST", PODS, a_pod(restartPolicy="", containers=[container]))
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert "args" not in pod["spec"]["containers"][0]


async def test_writing_nothing_as_empty_is_no_change(api: Api) -> None:
    pod = await api.ok("POST", PODS, a_pod())
    nothing = {"metadata": {"labels": {}}, "spec": {"hostname": "", "volumes": []}}
    assert (await api.patch(f"{PODS}/web", nothing, "merge-patch")).body == pod


async def test_applying_nothing_as_empty_is_no_change(api: Api) -> None:
    kind, path = "application/apply-patch+yaml", f"{MAPS}/settings?fieldManager=me"
    applied = a_config_map(data={}, metadata={"labels": {}})
    made = (await api("PATCH", path, applied, kind)).body
    assert "data" not in made
    assert "labels" not in made["metadata"]
    assert (await api("PATCH", path, applied, kind)).body == made


async def test_the_last_label_takes_the_labels_with_it(api: Api) -> None:
    await api.ok("POST", MAPS, a_config_map(metadata={"labels": {"a": "b"}}))
    gone = {"metadata": {"labels": {"a": None}}, "data": {"color": None}}
    changed = (await api.patch(f"{MAPS}/settings", gone, "merge-patch")).body
    assert "labels" not in changed["metadata"]
    assert "data" not in changed
