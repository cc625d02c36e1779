"""Patches, and what they leave (K-35 … K-40)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from minikubelet.store.objects import Key
from tests.apiserver.api import CORE, Api, a_config_map, a_pod, serving_api

MAPS = f"{CORE}/configmaps"
PODS = f"{CORE}/pods"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        pytest.param("merge-patch", {"data": {"color": None, "size": "1"}}, id="merge"),
        pytest.param("strategic-merge-patch", {"data": {"color": None, "size": "1"}}, id="smp"),
        pytest.param(
            "json-patch",
            [
                {"op": "test", "path": "/data/color", "value": "blue"},
                {"op": "remove", "path": "/data/color"},
                {"op": "add", "path": "/data/size", "value": "1"},
            ],
            id="json",
        ),
    ],
)
async def test_patches(api: Api, kind: str, patch: object) -> None:  # K-35 … K-39
    await api.ok("POST", MAPS, a_config_map())
    answer = await api.patch(f"{MAPS}/settings", patch, kind)
    assert (answer.status, answer.body["data"]) == (200, {"size": "1"})


async def test_patches_that_are_refused(api: Api) -> None:
    path = f"{MAPS}/settings"
    assert (await api.patch(path, {}, "merge-patch")).status == 404
    created = await api.ok("POST", MAPS, a_config_map())
    test = [{"op": "test", "path": "/data/color", "value": "red"}]
    assert (await api.patch(path, test, "json-patch")).status == 422
    assert (await api.patch(path, {}, "other-patch")).status == 415
    assert (await api.patch(path, [1], "merge-patch")).status == 400
    many = await api.patch(path, test * 10_001, "json-patch")
    assert (many.status, many.body["reason"]) == (413, "RequestEntityTooLarge")
    assert many.message == "The allowed maximum operations in a JSON patch is 10000, got 10001"
    await api.patch(path, {"data": {"a": "b"}}, "merge-patch")
    stale = {"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}}
    assert (await api.patch(path, stale, "merge-patch")).status == 409  # K-35


async def test_unknown_field_in_a_patch(api: Api) -> None:  # K-47
    await api.ok("POST", PODS, a_pod())
    path = f"{PODS}/web?fieldValidation=Strict"
    answer = await api.patch(path, {"spec": {"bogus": 1, "hostname": "a"}})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[bogus:1 hostname:a]]": strict '
        'decoding error: unknown field "spec.bogus"'
    )


async def test_unknown_members_of_an_operation(api: Api) -> None:  # K-47
    await api.ok("POST", MAPS, a_config_map())
    patch = b'[{"op":"add","op":"add","path":"/data/size","value":"1","note":"x"}]'
    kind = "application/json-patch+json"
    warned = await api("PATCH", f"{MAPS}/settings?dryRun=All", patch, kind)
    assert warned.warnings == (
        '299 - "json patch duplicate field \\"[0].op\\""',
        '299 - "json patch unknown field \\"[0].note\\""',
    )
    refused = await api("PATCH", f"{MAPS}/settings?fieldValidation=Strict", patch, kind)
    assert refused.status == 422
    assert refused.message.endswith(
        'strict decoding error: json patch duplicate field "[0].op", json patch unknown field '
        '"[0].note"'
    )


@pytest.mark.parametrize("kind", ["merge-patch", "strategic-merge-patch"])
async def test_the_status_stays_as_it_was(api: Api, kind: str) -> None:  # K-36
    """With the times that are null: else a change of nothing would be one."""
    created = await api.ok("POST", PODS, a_pod())
    key = Key("", "pods", "default", "web")
    condition = {"type": "Ready", "status": "True", "lastProbeTime": None}
    stored = api.store.replace(key, {**created, "status": {"conditions": [condition]}})
    same = (await api.patch(f"{PODS}/web", {"spec": {"hostname": None}}, kind)).body
    assert same["metadata"]["resourceVersion"] == str(stored.resource_version)
    changed = (await api.patch(f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}}, kind)).body
    assert changed["status"]["conditions"] == [condition]
    status = await api.ok("PUT", f"{PODS}/web/status", changed)
    assert status["status"]["conditions"] == [{**condition, "lastTransitionTime": None}]


APPLY = "application/apply-patch+yaml"


async def test_server_side_apply_creates_and_conflicts(api: Api) -> None:  # K-40
    path = f"{MAPS}/settings"
    created = await api("PATCH", f"{path}?fieldManager=one", a_config_map(), APPLY)
    assert created.status == 201
    again = await api("PATCH", f"{path}?fieldManager=one", a_config_map(), APPLY)
    assert (again.status, again.body) == (200, created.body)
    other = a_config_map(data={"color": "red"})
    refused = await api("PATCH", f"{path}?fieldManager=two", other, APPLY)
    assert (refused.status, refused.body["reason"]) == (409, "Conflict")
    assert refused.message.startswith('Apply failed with 1 conflict: conflict with "one"')
    assert refused.body["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = await api("PATCH", f"{path}?fieldManager=two&force=true", other, APPLY)
    assert forced.body["data"] == {"color": "red"}
    removed = a_config_map(data={})
    answer = await api("PATCH", f"{path}?fieldManager=two", removed, APPLY)
    assert answer.body.get("data") in (None, {})
    assert (await api("PATCH", path, a_config_map(), APPLY)).status == 422


async def test_an_update_takes_applied_fields_over(api: Api) -> None:  # K-40
    path = f"{MAPS}/settings"
    await api.ok("PATCH", f"{path}?fieldManager=one", a_config_map(), APPLY)
    await api.patch(f"{path}?fieldManager=editor", {"data": {"color": "red"}}, "merge-patch")
    refused = await api("PATCH", f"{path}?fieldManager=one", a_config_map(), APPLY)
    assert (refused.status, '"editor"' in refused.message) == (409, True)


async def test_an_applied_status_is_not_the_client_s(api: Api) -> None:  # K-24
    pod = a_pod() | {"status": {"phase": "Failed"}}
    path = f"{PODS}/web?fieldManager=one"
    for _ in range(2):
        applied = await api("PATCH", path, pod, APPLY)
        assert applied.body["status"]["phase"] == "Pending"
        assert "f:status" not in applied.body["metadata"]["managedFields"][0]["fieldsV1"]
    status = await api("PATCH", f"{PODS}/web/status?fieldManager=two", pod, APPLY)
    assert (status.status, status.body["status"]["phase"]) == (200, "Failed")


async def test_an_update_whose_items_have_no_keys(api: Api) -> None:
    path = f"{CORE}/serviceaccounts/robot"
    account = {"metadata": {"name": "robot", "labels": {"a": "b"}}}
    await api.ok("PATCH", f"{path}?fieldManager=one", account, APPLY)
    updated = await api("PUT", path, account | {"secrets": [{}]})
    assert (updated.status, updated.body["secrets"]) == (200, [{}])
    assert updated.body["metadata"]["managedFields"][0]["manager"] == "one"
