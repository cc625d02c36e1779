"""Errors, limits, the end of the server, and whatever a client may send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import yarl
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikubelet.apiserver.bodies import read_body
from minikubelet.apiserver.negotiation import Form, Wanted, wanted_form
from minikubelet.apiserver.resources import warning_header, warning_headers
from minikubelet.apiserver.responses import ApiError
from minikubelet.apiserver.server import error_response
from minikubelet.apiserver.services import Route
from minikubelet.store.objects import StoreWriteError
from minikubelet.store.store import ObjectStore, memory_store
from tests.apiserver.api import CORE, TABLE, Api, a_config_map, a_pod, serving_api

MAPS = f"{CORE}/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


class _BadDisk:
    """Takes nothing any more, and says so."""

    failing = ""
    recovered: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.error = ""

    async def open(self, state: Any) -> Any:
        return state()

    def changed(self, change: Any, *, lazily: bool) -> None:
        pass

    def set_meta(self, name: str, value: str, *, lazily: bool) -> None:
        pass

    def forgotten(self, resource_version: Any) -> None:
        pass

    async def durable(self, resource_version: int) -> None:
        if self.error:
            raise StoreWriteError(self.error)

    async def close(self) -> None:
        pass


async def test_a_write_that_does_not_reach_the_disk_is_an_error() -> None:
    disk = _BadDisk()
    async with serving_api(store=ObjectStore(disk)) as api:
        disk.error = "the disk is full: free some space"
        answer = await api("POST", MAPS, a_config_map())
        assert (answer.status, answer.body["reason"]) == (500, "InternalError")
        assert "the disk is full: free some space" in answer.message
        disk.failing = "the disk is full"
        refused = await api("POST", MAPS, a_config_map("other"))
        assert (refused.status, refused.body["reason"]) == (503, "ServiceUnavailable")
        assert refused.message == "the disk is full"
        assert (await api("GET", f"{MAPS}/other")).status == 404
        assert (await api("DELETE", f"{MAPS}/settings")).status == 503
        assert (await api("GET", MAPS)).status == 200


async def test_a_handler_with_a_bug_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        raise KeyError("what")

    async with serving_api(extra_routes=(Route("GET", "/broken", broken),)) as api:
        with caplog.at_level(logging.ERROR):
            answer = await api("GET", "/broken")
        assert (answer.status, answer.body["reason"]) == (500, "InternalError")
        assert len(caplog.records) == 1


async def test_bodies_have_a_bound(api: Api) -> None:  # K-23
    big = a_config_map(data={"a": "x" * (900 * 1024)}, metadata={"annotations": {"a": "b"}})
    assert (await api("POST", MAPS, big)).status == 201
    huge = a_config_map("b", data={"a": "x" * (3 * 1024 * 1024)})
    answer = await api("POST", MAPS, huge)
    assert (answer.status, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    assert answer.message == "Request entity too large: limit is 3145728"


async def test_without_a_token_only_health_and_version(api: Api) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{api.port}") as nobody:
        for path, code in (("/version/", 200), ("/healthz", 200), ("/api", 401), (MAPS, 401)):
            async with nobody.get(path) as answer:
                assert (path, answer.status) == (path, code)


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/", "/apis", "/apis/", "/apis/apps", "/apis/apps/", "/version", "/version/"),
        *("/api/v1", "/api/v1/", "/apis/apps/v1", "/apis/apps/v1/"),
    ],
)
async def test_a_slash_at_the_end_makes_no_difference(api: Api, path: str) -> None:  # K-11
    assert (await api("GET", path)).status == 200


async def test_discovery_in_the_form_that_was_asked_for(api: Api) -> None:  # K-15, K-16
    accept = ",".join(
        f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        for version in ("v2", "v2beta1")
    )
    for asked, version in ((f"{accept},application/json", "v2"), (accept[71:], "v2beta1")):
        answer = await api("GET", "/apis", Accept=asked)
        assert answer.body["apiVersion"] == f"apidiscovery.k8s.io/{version}"
        assert f"v={version};" in answer.headers["Content-Type"]
    assert (await api("GET", "/apis")).body["kind"] == "APIGroupList"
    index = await api.ok("GET", "/openapi/v3")
    document = await api("GET", index["paths"]["api/v1"]["serverRelativeURL"])
    assert document.body["openapi"].startswith("3")
    assert "immutable" in document.headers["Cache-Control"]


async def test_a_server_can_start_again_on_the_same_objects() -> None:
    store = memory_store()
    async with serving_api(store=store) as api:
        created = await api.ok("POST", MAPS, a_config_map())
    async with serving_api(store=store) as api:
        assert await api.ok("GET", f"{MAPS}/settings") == created


def test_retry_after_is_a_header_too() -> None:
    response = error_response(ApiError(429, "TooManyRequests", "slow", retry_after_seconds=3))
    assert response.headers["Retry-After"] == "3"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["details"] == {"retryAfterSeconds": 3}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        pytest.param("", Wanted(), id="nothing said"),
        pytest.param("application/json", Wanted(), id="json"),
        pytest.param(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Wanted(Form.TABLE),
            id="table",
        ),
        pytest.param(
            "application/json; as=Table; v=v1beta1; g=meta.k8s.io, application/json",
            Wanted(Form.TABLE, "v1beta1"),
            id="spaces",
        ),
        pytest.param(
            "application/json;as=Chair;v=v1;g=meta.k8s.io,application/json",
            Wanted(),
            id="the first that can be served",
        ),
        pytest.param(
            "application/vnd.kubernetes.protobuf,application/json", Wanted(), id="protobuf first"
        ),
        pytest.param(
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            Wanted(Form.METADATA),
            id="metadata",
        ),
    ],
)
def test_accept(accept: str, wanted: Wanted) -> None:  # K-21, K-22
    assert wanted_form(accept) == wanted


def test_warnings_fit_into_a_header() -> None:
    assert warning_header('a "b"\nc \\ ü') == '299 - "a \\"b\\" c \\\\ ?"'


def test_warnings_of_a_whole_answer_fit_too() -> None:
    assert warning_headers(["b", "a", "b"]) == ['299 - "b"', '299 - "a"']
    (long,) = warning_headers(["x" * 4000])
    assert len(long) > 4000  # one alone is told whole
    many = warning_headers([*("y" * 300 + str(n) for n in range(100)), "last"])
    assert set(map(len, many)) == {256 + len('299 - ""')}
    assert 3800 < sum(map(len, many)) <= 4096


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "name", "containers", "labels", "data", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(
    st.binary(max_size=60) | _values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        ["", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
    ),
)
def test_any_bytes_give_a_body_or_an_error(data: bytes, content_type: str) -> None:
    with contextlib.suppress(ApiError):
        read_body(data, content_type)


def _mutated(document: Any, path: list[Any], value: Any) -> Any:
    """`document` with another value somewhere."""
    if not path:
        return value
    if isinstance(document, dict) and document:
        key = sorted(document)[path[0] % len(document)]
        return {**document, key: _mutated(document[key], path[1:], value)}
    if isinstance(document, list) and document:
        at = path[0] % len(document)
        return [*document[:at], _mutated(document[at], path[1:], value), *document[at + 1 :]]
    return value


_POD = a_pod(
    metadata={
        "labels": {"a": "b"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}],
        "finalizers": ["a/b"],
    },
    volumes=[{"name": "v", "configMap": {"name": "x", "items": [{"key": "k", "path": "p"}]}}],
    tolerations=[{"key": "a"}],
    securityContext={"runAsUser": 1},
    ephemeralContainers=[{"name": "d", "image": "x"}],
    containers=[
        {
            "name": "app",
            "image": "x",
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 1},
            "lifecycle": {"preStop": {"exec": {"command": ["a"]}}},
            "resources": {"limits": {"cpu": "1"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    ],
)
_KINDS: list[tuple[str, Any]] = [
    (f"{CORE}/pods", _POD),
    (f"{CORE}/secrets", {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "type": "Opaque"}),
    (f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}),
    (f"{CORE}/events", {"metadata": {"name": "e"}, "involvedObject": {"namespace": "default"}}),
    ("/api/v1/namespaces", {"metadata": {"name": "n"}, "spec": {"finalizers": ["a"]}}),
    ("/api/v1/nodes", {"metadata": {"name": "n"}, "spec": {"taints": [{"key": "a"}]}}),
]
_PATCHES = ("strategic-merge-patch", "merge-patch", "json-patch")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(_KINDS),
    st.lists(st.integers(0, 9), max_size=7),
    _values,
    st.sampled_from(_PATCHES),
)
async def test_no_document_makes_the_server_fail(
    kind: tuple[str, Any], path: list[int], value: Any, patch: str
) -> None:
    url, document = kind
    mutated = _mutated(document, path, value)
    async with serving_api() as api:
        answers = [await api("POST", url, json.dumps(mutated).encode())]
        await api("POST", url, document)
        item = f"{url}/{document['metadata']['name']}"
        answers.append(await api("PUT", item, json.dumps(mutated).encode()))
        for path_ in (item, f"{item}/status"):
            answers.append(await api("PATCH", path_, json.dumps(value).encode(), _type(patch)))
        answers.append(await api("PATCH", item, json.dumps(mutated).encode(), _type(patch)))
        apply = f"{item}?fieldManager=m"
        body = json.dumps(mutated).encode()
        answers.append(await api("PATCH", apply, body, "application/apply-patch+yaml"))
        answers.append(await api("GET", url, Accept=TABLE))
        answers.append(await api("DELETE", item, json.dumps(value).encode()))
        assert all(answer.status < 500 for answer in answers), [a.body for a in answers]


def _type(patch: str) -> str:
    return f"application/{patch}+json"


async def test_bodies_that_cannot_be_read(api: Api) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with api.session.post(f"{CORE}/configmaps", data=b"not gzip", headers=headers) as got:
        status = await got.json()
    assert (got.status, status["reason"]) == (400, "BadRequest")


async def test_addresses_as_long_as_a_command_may_be(api: Api) -> None:  # section 11
    query = f"labelSelector=a%3Db&command={'%20' * 120_000}"
    url = yarl.URL(f"{CORE}/configmaps?{query}", encoded=True)
    async with api.session.get(url) as got:
        assert got.status == 200


async def test_malformed_requests_are_not_logged(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(b"\x00\x01\r\n\r\n")
    async with asyncio.timeout(10):
        assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
    writer.close()
    assert caplog.records == []
