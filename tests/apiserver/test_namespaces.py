"""Namespaces: always there, emptied, gone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from minikubelet.store.objects import Key
from minikubelet.store.store import memory_store
from tests.apiserver.api import NODE, Api, a_config_map, a_pod, key_of, serving_api

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


async def a_namespace(api: Api, name: str = "team") -> None:
    await api.ok("POST", NAMESPACES, {"metadata": {"name": name}})


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public", "kube-node-lease"])
async def test_system_namespaces_stay(api: Api, name: str) -> None:
    namespace = await api.ok("GET", f"{NAMESPACES}/{name}")
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": name}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["status"] == {"phase": "Active"}
    answer = await api("DELETE", f"{NAMESPACES}/{name}")
    assert answer.status == 403
    assert answer.message == (
        f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    )


async def test_each_has_a_default_service_account(api: Api) -> None:
    await a_namespace(api)
    path = f"{NAMESPACES}/team/serviceaccounts/default"
    first = await api.ok("GET", path)
    await api.ok("DELETE", path)
    again = await api.ok("GET", path)
    assert again["metadata"]["uid"] != first["metadata"]["uid"]


async def test_deletion_removes_the_content_first(api: Api) -> None:
    await a_namespace(api)
    await api.ok("POST", f"{NAMESPACES}/team/configmaps", a_config_map())
    await api.ok("POST", f"{NAMESPACES}/team/pods", a_pod(nodeName=NODE))
    deleted = await api.ok("DELETE", f"{NAMESPACES}/team")
    assert deleted["status"]["phase"] == "Terminating"
    assert (await api("GET", f"{NAMESPACES}/team/configmaps/settings")).status == 404
    pod = await api.ok("GET", f"{NAMESPACES}/team/pods/web")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    refused = await api("POST", f"{NAMESPACES}/team/configmaps", a_config_map())
    assert refused.status == 403
    assert refused.message == (
        'configmaps "settings" is forbidden: unable to create new content in namespace team '
        "because it is being terminated"
    )
    assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    # The node writes an event and then takes the pod away.
    api.store.create(key_of("events", "late", "team"), {"metadata": {}})
    api.store.remove(key_of("pods", "web", "team"))
    await api.ok("GET", "/version")
    assert (await api("GET", f"{NAMESPACES}/team")).status == 404
    assert not [key for key in _keys(api) if key.namespace == "team"]
    await a_namespace(api)


async def test_an_event_after_the_end_does_not_stay(api: Api) -> None:
    api.store.create(key_of("events", "late", "gone"), {"metadata": {}})
    await api.ok("GET", "/version")
    assert api.store.get(key_of("events", "late", "gone")) is None


async def test_a_finalizer_of_somebody_else_holds_it(api: Api) -> None:
    body = {"metadata": {"name": "team", "finalizers": ["example.com/hold"]}}
    await api.ok("POST", NAMESPACES, body)
    await api.ok("DELETE", f"{NAMESPACES}/team")
    namespace = await api.ok("GET", f"{NAMESPACES}/team")
    assert namespace["spec"] == {"finalizers": []}
    await api.patch(f"{NAMESPACES}/team", {"metadata": {"finalizers": []}}, "merge-patch")
    assert (await api("GET", f"{NAMESPACES}/team")).status == 404


async def test_names_are_labels(api: Api) -> None:
    answer = await api("POST", NAMESPACES, {"metadata": {"name": "a.b"}})
    assert answer.message == (
        'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots'
    )


async def test_a_server_finishes_what_an_earlier_one_began() -> None:
    store = memory_store()
    async with serving_api(store=store) as api:
        await a_namespace(api)
        await api.ok("POST", f"{NAMESPACES}/team/pods", a_pod(nodeName=NODE))
        await api.ok("DELETE", f"{NAMESPACES}/team")
    store.remove(key_of("pods", "web", "team"))
    async with serving_api(store=store) as api:
        assert (await api("GET", f"{NAMESPACES}/team")).status == 404


def _keys(api: Api) -> list[Key]:
    storages = [("", plural) for plural in ("pods", "configmaps", "events", "serviceaccounts")]
    return [stored.key for storage in storages for stored in api.store.list(storage)]
