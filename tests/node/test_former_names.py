"""The Nodes of former names go when no pod names them."""

from __future__ import annotations

import pytest

from minikubelet.node.former_names import FormerNames
from minikubelet.node.host_facts import Pressure
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore
from tests.fakes.daemon import FakeDaemon, a_daemon, a_document


def node(name: str) -> Key:
    return Key("", "nodes", "", name)


def lease(name: str) -> Key:
    return Key("coordination.k8s.io", "leases", "kube-node-lease", name)


def was_called(store: ObjectStore, name: str) -> None:
    """As a daemon of that name has left it."""
    FormerNames(store, name).note()
    for key in (node(name), lease(name)):
        store.create(key, {"metadata": {"name": name}})


def beat(daemon: FakeDaemon) -> None:
    daemon.parts.publisher.beat(Pressure())


async def test_an_old_node_goes_with_its_lease(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "minikubelet")
    async with a_daemon() as daemon:
        was_called(daemon.store, "old")
        daemon.store.create(node("theirs"), {"metadata": {"name": "theirs"}})
        beat(daemon)
        assert [s.key.name for s in daemon.store.list(("", "nodes"))] == ["node", "theirs"]
        assert daemon.store.get(lease("old")) is None
        assert daemon.store.get(lease("node")) is not None
        assert caplog.text.count("removed the Node of a former name") == 1
        # Forgotten: who makes a Node of that name now keeps it.
        daemon.store.create(node("old"), {"metadata": {"name": "old"}})
        beat(daemon)
        assert daemon.store.get(node("old")) is not None


async def test_an_old_node_stays_as_long_as_a_pod_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_daemon(documents=[a_document(nodeName="old")]) as daemon:
        was_called(daemon.store, "old")
        beat(daemon)
        beat(daemon)
        assert daemon.store.get(node("old")) is not None
        assert caplog.text.count("Pods name the node of a former name") == 1
        assert "pods=default/web" in caplog.text
        await daemon.remove()
        beat(daemon)
        assert daemon.store.get(node("old")) is None


async def test_names_that_cannot_be_read_are_none() -> None:
    async with a_daemon() as daemon:
        daemon.store.set_meta("node-names", "{")
        beat(daemon)
        assert daemon.store.get(node("node")) is not None
