"""ConfigMaps and Secrets of the store, and who is told when they change."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from minikubelet.manifest.json_tree import Json
from minikubelet.node.object_lookup import StoredObjects
from minikubelet.node.object_refs import objects_used
from minikubelet.store.objects import Key
from minikubelet.store.store import memory_store
from tests.fakes.daemon import FakeDaemon, a_daemon, a_document


def a_config_map(**data: str) -> Json:
    meta = {"name": "settings", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


CONFIG_MAP = Key("", "configmaps", "default", "settings")


def test_objects_are_read_as_they_are_stored() -> None:
    store = memory_store()
    lookup = StoredObjects(store)
    assert lookup.config_map("default", "settings") is None
    store.create(CONFIG_MAP, a_config_map(a="1"))
    config_map = lookup.config_map("default", "settings")
    assert config_map is not None
    assert config_map.data == {"a": "1"}
    secret = {
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"k": base64.b64encode(b"\xff").decode()},
    }
    store.create(Key("", "secrets", "default", "s"), secret)
    found = lookup.secret("default", "s")
    assert found is not None
    assert found.data == {"k": b"\xff"}
    assert lookup.secret("other", "s") is None


@pytest.mark.parametrize(
    ("where", "value", "ref"),
    [
        ("env", {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x"}}}, "configmaps"),
        ("env", {"name": "A", "valueFrom": {"secretKeyRef": {"name": "x"}}}, "secrets"),
        ("envFrom", {"configMapRef": {"name": "x"}}, "configmaps"),
        ("envFrom", {"secretRef": {"name": "x"}}, "secrets"),
        ("volumes", {"configMap": {"name": "x"}}, "configmaps"),
        ("volumes", {"secret": {"secretName": "x"}}, "secrets"),
        ("volumes", {"projected": {"sources": [{"configMap": {"name": "x"}}]}}, "configmaps"),
        ("volumes", {"projected": {"sources": [{"secret": {"name": "x"}}]}}, "secrets"),
    ],
)
def test_every_way_to_use_an_object(where: str, value: dict[str, Any], ref: str) -> None:
    document = a_document()
    spec = document["spec"]
    target = spec if where == "volumes" else spec["containers"][0]
    target[where] = [value]
    assert objects_used(document) == {(ref, "x")}


def test_a_pod_that_uses_nothing_uses_nothing() -> None:
    document = a_document()
    document["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    document["spec"]["containers"][0]["env"] = [{"name": "A", "value": "x"}]
    assert objects_used(document) == frozenset()


def volume(daemon: FakeDaemon) -> list[str]:
    """Which pods were told, by name."""
    told: list[str] = []
    for desired in daemon.parts.agent.pods:
        worker = daemon.parts.agent.worker(desired.uid)
        assert worker is not None
        name = desired.pod.metadata.name
        worker.objects_changed = lambda name=name: told.append(name)  # type: ignore[method-assign, misc]
    return told


async def test_those_who_use_a_changed_object_are_told_once() -> None:  # L-147
    uses = {"volumes": [{"name": "v", "configMap": {"name": "settings"}}]}
    async with a_daemon() as daemon:
        await daemon.create(a_document("user", "user", **uses))
        await daemon.create(a_document("other", "other"))
        told = volume(daemon)
        daemon.store.create(CONFIG_MAP, a_config_map(a="1"))
        daemon.store.replace(CONFIG_MAP, a_config_map(a="2"))
        await daemon.clock.advance(1)
        assert told == ["user"]
        daemon.store.create(Key("", "configmaps", "other", "settings"), a_config_map())
        await daemon.clock.advance(1)
        assert told == ["user"]
