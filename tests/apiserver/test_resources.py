"""The verbs, as a client sees them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from tests.apiserver.api import CORE, TABLE, Api, a_config_map, a_pod, serving_api

MAPS = f"{CORE}/configmaps"
PODS = f"{CORE}/pods"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


async def test_create_gives_identity_and_stores(api: Api) -> None:  # K-33
    created = await api("POST", MAPS, a_config_map())
    assert created.status == 201
    meta = created.body["metadata"]
    assert meta["creationTimestamp"] == "2026-01-01T12:00:00Z"
    assert meta["namespace"] == "default"
    assert meta["resourceVersion"] == str(api.store.resource_version)
    assert (await api("GET", f"{MAPS}/settings")).body == created.body


async def test_list_is_the_bytes_of_the_objects(api: Api) -> None:  # K-26, K-29
    first = await api.ok("POST", MAPS, a_config_map("a"))
    second = await api.ok("POST", MAPS, a_config_map("b"))
    assert await api.ok("GET", MAPS) == {
        "kind": "ConfigMapList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": str(api.store.resource_version)},
        "items": [first, second],
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("labelSelector=app%3Da", ["a"], id="by label"),
        pytest.param("labelSelector=app%20notin%20(a)", ["b"], id="notin"),
        pytest.param("fieldSelector=metadata.name%3Db", ["b"], id="by field"),
        pytest.param("limit=1&resourceVersion=0", ["a", "b"], id="a limit may be ignored"),
    ],
)
async def test_selectors(api: Api, query: str, names: list[str]) -> None:  # K-27, K-28, K-30, K-31
    for name in ("a", "b"):
        await api.ok("POST", MAPS, a_config_map(name, metadata={"labels": {"app": name}}))
    items = (await api.ok("GET", f"{MAPS}?{query}"))["items"]
    assert [item["metadata"]["name"] for item in items] == names


@pytest.mark.parametrize(
    ("method", "path", "code", "reason", "message"),
    [
        pytest.param(
            "GET",
            f"{PODS}/x",
            404,
            "NotFound",
            'pods "x" not found',
            id="no such object",  # K-48
        ),
        pytest.param(
            "GET",
            "/apis/batch/v1/namespaces/default/jobs/x",
            404,
            "NotFound",
            'jobs.batch "x" not found',
            id="with its group",
        ),
        pytest.param(
            "GET",
            f"{PODS}?fieldSelector=spec.bogus%3D1",
            400,
            "BadRequest",
            "field label not supported: spec.bogus",
            id="unknown field",  # K-31
        ),
        pytest.param(
            "GET",
            f"{CORE}/flowers",
            404,
            "NotFound",
            "the server could not find the requested resource",
            id="no such kind",
        ),
        pytest.param(
            "POST",
            f"{PODS}/x",
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            id="no such verb",
        ),
        pytest.param(
            "GET",
            "/nowhere",
            404,
            "NotFound",
            "the server could not find the requested resource",
            id="no such path",
        ),
        pytest.param(
            "GET",
            f"{MAPS}?fieldSelector=spec.bogus%3D1",
            400,
            "BadRequest",
            '"spec.bogus" is not a known field selector: only "metadata.name", '
            '"metadata.namespace"',
            id="unknown field of a kind without any",
        ),
        pytest.param(
            "PATCH",
            PODS,
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            id="change of a collection",
        ),
    ],
)
async def test_refusals(
    api: Api, method: str, path: str, code: int, reason: str, message: str
) -> None:
    answer = await api(method, path)
    assert (answer.status, answer.body["code"]) == (code, code)
    assert (answer.body["reason"], answer.message) == (reason, message)


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        pytest.param(
            "/api/v1/namespaces/nowhere/configmaps",
            a_config_map(),
            404,
            'namespaces "nowhere" not found',
            id="namespace missing",  # K-34
        ),
        pytest.param(
            MAPS,
            a_config_map(metadata={"namespace": "other"}),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
            id="another namespace",  # K-32
        ),
        pytest.param(
            MAPS,
            a_config_map("Bad_Name"),
            422,
            'ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": ',
            id="bad name",
        ),
        pytest.param(
            MAPS,
            a_config_map(metadata={"resourceVersion": "7"}),
            400,
            "resourceVersion should not be set on objects to be created",
            id="with a version",
        ),
        pytest.param(
            MAPS,
            a_pod(),
            400,
            'Pod in version "v1" cannot be handled as a ConfigMap: ',
            id="another kind",
        ),
        pytest.param(
            PODS,
            a_pod(containers=[{"name": "a", "image": "x", "ports": "80"}]),
            400,
            'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go '
            "struct field Container.spec.containers.ports of type []v1.ContainerPort",
            id="wrong type",
        ),
        pytest.param(
            PODS, {**a_pod(), "metadata": {}}, 422, "metadata.name: Required value", id="no name"
        ),
    ],
)
async def test_create_refuses(api: Api, path: str, body: object, code: int, message: str) -> None:
    answer = await api("POST", path, body)
    assert answer.status == code
    assert message in answer.message


async def test_a_second_object_of_a_name_is_refused(api: Api) -> None:  # K-32
    await api.ok("POST", MAPS, a_config_map())
    answer = await api("POST", MAPS, a_config_map())
    assert answer.status == 409
    assert answer.body["reason"] == "AlreadyExists"
    assert answer.message == 'configmaps "settings" already exists'
    assert answer.body["details"] == {"name": "settings", "kind": "configmaps"}


async def test_generated_names_differ(api: Api) -> None:  # K-32, L-34
    body = {**a_config_map(), "metadata": {"generateName": "set-"}}
    names = {(await api.ok("POST", MAPS, body))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) == 9 and name.startswith("set-") for name in names)


async def test_invalid_names_all_causes(api: Api) -> None:  # K-49, L-38
    pod = a_pod(containers=[{"name": "a", "image": ""}], restartPolicy="Perhaps")
    answer = await api("POST", PODS, pod)
    assert answer.status == 422
    assert answer.message == (
        'Pod "web" is invalid: [spec.containers[0].image: Required value, spec.restartPolicy: '
        'Unsupported value: "Perhaps": supported values: "Always", "OnFailure", "Never"]'
    )
    assert answer.body["details"] == {
        "name": "web",
        "kind": "Pod",
        "causes": [
            {
                "reason": "FieldValueRequired",
                "message": "Required value",
                "field": "spec.containers[0].image",
            },
            {
                "reason": "FieldValueNotSupported",
                "message": 'Unsupported value: "Perhaps": supported values: "Always", "OnFailure", '
                '"Never"',
                "field": "spec.restartPolicy",
            },
        ],
    }


async def test_dry_run_changes_nothing(api: Api) -> None:
    before = api.store.resource_version
    answer = await api("POST", f"{PODS}?dryRun=All", a_pod())
    assert answer.status == 201
    assert answer.body["spec"]["restartPolicy"] == "Always"
    assert api.store.resource_version == before
    assert (await api("POST", f"{PODS}?dryRun=Some", a_pod())).status == 422
    await api.ok("POST", PODS, a_pod())
    before = api.store.resource_version
    for method, body in (("PUT", a_pod()), ("DELETE", {"dryRun": ["All"]})):
        assert (await api(method, f"{PODS}/web?dryRun=All", body)).status == 200
    await api.patch(f"{PODS}/web?dryRun=All", {"metadata": {"labels": {"a": "b"}}})
    assert api.store.resource_version == before


async def test_update_with_a_stale_version_conflicts(api: Api) -> None:
    first = await api.ok("POST", MAPS, a_config_map())
    second = await api.ok("PUT", f"{MAPS}/settings", {**first, "data": {"color": "red"}})
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    stale = await api("PUT", f"{MAPS}/settings", first)
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")
    assert stale.message == (
        'Operation cannot be fulfilled on configmaps "settings": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    unconditional = await api("PUT", f"{MAPS}/settings", a_config_map())
    assert unconditional.body["data"] == {"color": "blue"}


async def test_an_update_that_changes_nothing_keeps_the_version(api: Api) -> None:  # K-36
    first = await api.ok("POST", MAPS, a_config_map())
    assert await api.ok("PUT", f"{MAPS}/settings", first) == first


@pytest.mark.parametrize(
    ("metadata", "code", "message"),
    [
        pytest.param({"uid": "other"}, 409, "Precondition failed: UID in precondition", id="uid"),
        pytest.param({"name": "other"}, 400, "does not match the name on the URL", id="name"),
        pytest.param({"namespace": "other"}, 400, "the namespace of the provided", id="namespace"),
        pytest.param({"name": ""}, 400, "was undeterminable: name must be provided", id="no name"),
    ],
)
async def test_what_identifies_an_object_stays(
    api: Api, metadata: dict[str, str], code: int, message: str
) -> None:
    await api.ok("POST", MAPS, a_config_map())
    answer = await api("PUT", f"{MAPS}/settings", a_config_map(metadata=metadata))
    assert (answer.status, message in answer.message) == (code, True), answer.body


async def test_table_and_metadata_forms(api: Api) -> None:  # K-21, K-60
    created = await api.ok("POST", MAPS, a_config_map())
    table = (await api("GET", MAPS, Accept=TABLE)).body
    assert (table["kind"], [row["cells"][0] for row in table["rows"]]) == ("Table", ["settings"])
    assert table["metadata"] == {"resourceVersion": str(api.store.resource_version)}
    one = (await api("GET", f"{MAPS}/settings?includeObject=Object", Accept=TABLE)).body
    assert one["rows"][0]["object"] == created
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    items = (await api("GET", MAPS, Accept=partial)).body["items"]
    assert items == [
        {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": created["metadata"],
        }
    ]
    assert (await api("GET", MAPS, Accept="text/html")).status == 406
    protobuf = "application/vnd.kubernetes.protobuf, */*"
    assert (await api("GET", MAPS, Accept=protobuf)).body["kind"] == "ConfigMapList"  # K-22


async def test_delete_answers_with_status_or_object(api: Api) -> None:
    created = await api.ok("POST", MAPS, a_config_map())
    uid = created["metadata"]["uid"]
    wrong = await api("DELETE", f"{MAPS}/settings", {"preconditions": {"uid": "other"}})
    assert wrong.status == 409  # K-41
    assert await api.ok("DELETE", f"{MAPS}/settings") == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "settings", "kind": "configmaps", "uid": uid},
    }
    await api.ok("POST", PODS, a_pod())
    assert (await api.ok("DELETE", f"{PODS}/web"))["kind"] == "Pod"
    assert (await api("DELETE", f"{PODS}/web")).status == 404


async def test_delete_collection_with_a_selector(api: Api) -> None:  # K-44
    for name in ("a", "b"):
        await api.ok("POST", MAPS, a_config_map(name, metadata={"labels": {"app": name}}))
    gone = await api.ok("DELETE", f"{MAPS}?labelSelector=app%3Da")
    assert [item["metadata"]["name"] for item in gone["items"]] == ["a"]
    assert [i["metadata"]["name"] for i in (await api.ok("GET", MAPS))["items"]] == ["b"]


async def test_finalizers_hold_an_object(api: Api) -> None:
    held = a_config_map(metadata={"finalizers": ["example.com/hold"]})
    await api.ok("POST", MAPS, held)
    marked = await api.ok("DELETE", f"{MAPS}/settings")
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T12:00:00Z"
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    assert (await api.patch(f"{MAPS}/settings", more, "merge-patch")).status == 422
    await api.patch(f"{MAPS}/settings", {"metadata": {"finalizers": None}}, "merge-patch")
    assert (await api("GET", f"{MAPS}/settings")).status == 404


async def test_kinds_that_are_not_run_are_quiet(api: Api) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    assert (await api.ok("GET", path))["items"] == []
    assert (await api("GET", f"{path}/x")).status == 404
    assert (await api("DELETE", f"{path}/x")).status == 404
    answer = await api("POST", path, {"metadata": {"name": "x"}})
    assert (answer.status, answer.body["reason"]) == (501, "NotImplemented")
    assert answer.message.startswith("minikubelet does not run deployments.apps yet: ")


async def test_secrets_take_text_and_keep_bytes(api: Api) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"a": "ä"}, "data": {"b": "eA=="}}
    stored = await api.ok("POST", f"{CORE}/secrets", body)
    assert stored["data"] == {"a": base64.b64encode("ä".encode()).decode(), "b": "eA=="}
    assert stored["type"] == "Opaque"
    assert "stringData" not in stored


@pytest.mark.parametrize(
    ("path", "name", "detail"),
    [
        pytest.param("/api/v1/namespaces", "T_4", "a lowercase RFC 1123 label", id="namespace"),
        pytest.param(f"{CORE}/services", "A_b", "a DNS-1035 label must", id="service"),
    ],
)
async def test_names_by_the_rule_of_their_kind(api: Api, path: str, name: str, detail: str) -> None:
    spec = {"ports": [{"port": 80}]} if path.endswith("services") else {}
    answer = await api("POST", path, {"metadata": {"name": name}, "spec": spec})
    assert len(answer.body["details"]["causes"]) == 1
    assert f'metadata.name: Invalid value: "{name}": {detail}' in answer.message


async def test_an_apply_with_a_uid_creates_nothing(api: Api) -> None:
    applied = a_config_map(metadata={"uid": "u"})
    path = f"{MAPS}/settings?fieldManager=me"
    answer = await api("PATCH", path, applied, "application/apply-patch+yaml")
    assert (answer.status, answer.message) == (
        409,
        'Operation cannot be fulfilled on configmaps "settings": uid mismatch: the provided object '
        "specified uid u, and no existing object was found",
    )


async def test_a_slash_at_the_end_changes_nothing(api: Api) -> None:  # K-11
    made = await api.ok("POST", f"{MAPS}/", a_config_map())
    assert (await api.ok("GET", f"{MAPS}/"))["items"] == [made]
    assert await api.ok("GET", f"{MAPS}/settings/") == made
    assert (await api.ok("GET", "/api/v1/namespaces/default/"))["kind"] == "Namespace"
    assert (await api.ok("GET", "/apis/apps/v1/deployments/"))["items"] == []
    assert (await api("GET", f"{MAPS}//settings")).status == 404
