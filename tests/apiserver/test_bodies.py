"""Bodies of every media type, and what is wrong with their fields (K-23, K-25, K-47)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.apiserver.api import CORE, Api, a_pod, serving_api

MAPS = f"{CORE}/configmaps"
PODS = f"{CORE}/pods"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


UNKNOWN = 'unknown field "spec.containers[0].bogus"'


@pytest.mark.parametrize(
    ("validation", "code", "warnings"),
    [
        pytest.param("Strict", 400, (), id="strict refuses"),
        pytest.param(
            "Warn", 201, ('299 - "unknown field \\"spec.containers[0].bogus\\""',), id="warn warns"
        ),
        pytest.param("", 201, ('299 - "unknown field \\"spec.containers[0].bogus\\""',), id="same"),
        pytest.param("Ignore", 201, (), id="ignore is silent"),
    ],
)
async def test_field_validation(
    api: Api, validation: str, code: int, warnings: tuple[str, ...]
) -> None:  # K-47
    pod = a_pod(containers=[{"name": "a", "image": "x", "bogus": 1}])
    answer = await api("POST", f"{PODS}?fieldValidation={validation}", pod)
    assert (answer.status, answer.warnings) == (code, warnings)
    if code == 400:
        assert answer.message == (
            f'Pod in version "v1" cannot be handled as a Pod: strict decoding error: {UNKNOWN}'
        )
    else:
        assert "bogus" not in answer.body["spec"]["containers"][0]


async def test_fields_given_twice(api: Api) -> None:  # K-47
    body = b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}'
    strict = await api("POST", f"{MAPS}?fieldValidation=Strict", body)
    assert strict.message.endswith('strict decoding error: duplicate field "data.x"')
    warned = await api("POST", MAPS, body)
    assert warned.warnings == ('299 - "duplicate field \\"data.x\\""',)
    assert warned.body["data"] == {"x": "2"}


@pytest.mark.parametrize("kind", ["json", "yaml", "merge patch"])
async def test_an_object_wider_than_any_of_a_cluster_is_refused(api: Api, kind: str) -> None:
    """20,000 containers would keep everybody else waiting for two seconds."""
    pod = a_pod(containers=[{"name": f"c{n}", "image": "x"} for n in range(20_000)])
    if kind == "merge patch":
        await api("POST", PODS, a_pod("web"))
        answer = await api("PATCH", f"{PODS}/web", pod, "application/merge-patch+json")
    else:
        answer = await api("POST", PODS, json.dumps(pod).encode(), f"application/{kind}")
    assert (answer.status, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    assert answer.message == (
        "Request entity too large: it has more than 20000 objects and lists in it"
    )


async def test_many_plain_values_are_no_matter(api: Api) -> None:
    data = {f"k{n}": "v" for n in range(30_000)}
    answer = await api("POST", MAPS, {"metadata": {"name": "wide"}, "data": data})
    assert answer.status == 201


async def test_large_bodies_name_repeated_fields_without_their_path(api: Api) -> None:
    blob = b"x" * 300_000
    body = b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2","y":"%b"}}' % blob
    assert (await api("POST", MAPS, body)).warnings == ('299 - "duplicate field \\"x\\""',)


async def test_yaml_and_no_content_type(api: Api) -> None:  # K-23, K-25
    text = b"metadata:\n  name: a\ndata:\n  x: 'yes'\n"
    assert (await api("POST", MAPS, text, "application/yaml")).body["data"] == {"x": "yes"}
    unquoted = await api("POST", MAPS, text.replace(b"'", b""), "application/yaml")
    assert unquoted.status == 400
    headers = {"Content-Type": ""}
    async with api.session.post(
        MAPS, data=b'{"metadata":{"name":"b"}}', headers=headers, skip_auto_headers=["Content-Type"]
    ) as response:
        assert response.status == 201
    assert (await api("POST", MAPS, b"x", "application/cbor")).status == 415


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({"args": ["a", None]}, ["a", ""], id="texts"),
        pytest.param({"args": None}, None, id="the list itself"),
    ],
)
async def test_null_items_are_empty(api: Api, spec: dict[str, object], wanted: object) -> None:
    pod = a_pod(containers=[{"name": "a", "image": "x", **spec}])
    made = await api.ok("POST", f"{PODS}?fieldValidation=Strict", pod)
    assert made["spec"]["containers"][0].get("args") == wanted


async def test_null_members_of_maps_are_empty(api: Api) -> None:
    body = {
        "metadata": {"name": "a", "labels": {"l": None}},
        "data": {"k": None},
        "immutable": None,
    }
    made = await api.ok("POST", f"{MAPS}?fieldValidation=Strict", body)
    assert (made["metadata"]["labels"], made["data"]) == ({"l": ""}, {"k": ""})
    assert "immutable" not in made
    gone = await api.patch(f"{MAPS}/a", {"data": {"k": None}}, "merge-patch")
    assert "data" not in gone.body


async def test_null_objects_are_empty(api: Api) -> None:
    refused = await api("POST", PODS, a_pod(containers=[None]))
    assert refused.status == 422
    assert "spec.containers[0].name: Required value" in refused.message
    unknown = await api("POST", f"{PODS}?fieldValidation=Strict", a_pod(bogus=[None]))
    assert 'unknown field "spec.bogus"' in unknown.message


@pytest.mark.parametrize("kind", ["application/yaml", "application/json"])
async def test_a_large_body_lets_others_through(api: Api, kind: str) -> None:
    lines = "".join(f'"key{n}": "{n}",' for n in range(15_000)).encode()
    body = b'{"metadata": {"name": "big"}, "data": {%b"last": "1"}}' % lines
    if kind == "application/yaml":
        body = b"# as yaml\n" + body
    async with asyncio.TaskGroup() as tasks:
        large = tasks.create_task(api("POST", MAPS, body, kind))
        answered = 0
        while not large.done():
            await api.ok("GET", f"{MAPS}?limit=1")
            answered += 1
    assert large.result().status in (201, 422)
    assert answered > 1


async def test_times_in_other_words(api: Api) -> None:  # wire, section 15
    """The Python clients read an object and send it back like this."""
    made = await api.ok("POST", PODS, a_pod())
    sent = json.loads(json.dumps(made).replace("12:00:00Z", "13:00:00.000000+01:00"))
    assert sent != made
    assert await api.ok("PUT", f"{PODS}/web", sent) == made
    condition = {"type": "Own", "status": "True", "lastTransitionTime": "2026-01-01T11:00:00+00:00"}
    patch = {"status": {"conditions": [condition]}}
    patched = (await api.patch(f"{PODS}/web/status", patch)).body
    assert patched["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-01T11:00:00Z"


async def test_precise_times(api: Api) -> None:
    spec = {"renewTime": "2026-01-01T11:00:00Z"}
    lease = {"metadata": {"name": "l"}, "spec": spec}
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    assert (await api.ok("POST", path, lease))["spec"] == {
        "renewTime": "2026-01-01T11:00:00.000000Z"
    }
