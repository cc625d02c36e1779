"""Mirror pods: what the API shows of static pods, whatever is done to it."""

from __future__ import annotations

import pytest

from minikubelet.apiserver.strategies.pods import complete_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.static_pods import running_uid
from minikubelet.store.objects import Key
from tests.fakes.daemon import FakeDaemon, a_daemon, a_document, a_static_pod
from tests.fakes.runtime import App

MIRROR = "kubernetes.io/config.mirror"
SLOW = App(term_seconds=5.0)


def uid(daemon: FakeDaemon) -> str:
    return str(daemon.pod("web-node")["metadata"]["uid"])


async def test_a_static_pod_shows_up_with_its_status() -> None:  # L-13
    async with a_daemon(static=True) as daemon:
        static = a_static_pod()
        await daemon.set_static(static)
        mirror = daemon.pod("web-node")
        annotations = mirror["metadata"]["annotations"]
        assert annotations[MIRROR] == annotations["kubernetes.io/config.hash"] == static.uid
        assert annotations["kubernetes.io/config.source"] == "file"
        assert mirror["metadata"]["uid"] != static.uid
        assert running_uid(mirror) == static.uid
        (owner,) = mirror["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("Node", "node", True)
        spec = static.document["spec"]
        (app,) = spec["containers"]
        assert mirror["spec"] == {**spec, "containers": [{**app, "resources": {}}]}
        assert daemon.phase("web-node") == "Running"
        assert daemon.condition("Ready", "web-node")["status"] == "True"


async def test_a_deleted_mirror_comes_back_and_nothing_else_happens() -> None:
    async with a_daemon(static=True) as daemon:
        await daemon.set_static(a_static_pod())
        before = uid(daemon)
        await daemon.delete("web-node")
        graceful = uid(daemon)
        await daemon.remove("web-node")
        forced = uid(daemon)
        assert len({before, graceful, forced}) == 3
        assert daemon.phase("web-node") == "Running"
        assert daemon.told() == ["app starts"]


async def test_a_mirror_is_as_the_api_completes_it() -> None:  # L-68: else no label can be set
    async with a_daemon(static=True) as daemon:
        await daemon.set_static(a_static_pod())
        mirror = daemon.pod("web-node")
        assert complete_pod(mirror)["spec"] == mirror["spec"]


async def test_an_edited_mirror_is_made_again() -> None:
    def edit(pod: Json) -> None:
        pod["spec"]["containers"][0]["image"] = "alpine"

    async with a_daemon(static=True) as daemon:
        await daemon.set_static(a_static_pod())
        await daemon.change(edit, "web-node")
        assert daemon.pod("web-node")["spec"]["containers"][0]["image"] == "busybox"
        assert daemon.told() == ["app starts"]


async def test_the_mirror_goes_when_the_static_pod_has_ended() -> None:
    async with a_daemon(static=True, apps={"app": [SLOW]}) as daemon:
        await daemon.set_static(a_static_pod())
        await daemon.set_static()
        await daemon.clock.advance(4)
        assert daemon.has("web-node")
        await daemon.clock.advance(2)
        assert not daemon.has("web-node")


async def test_the_mirror_follows_an_edited_manifest() -> None:  # L-23
    async with a_daemon(static=True) as daemon:
        await daemon.set_static(a_static_pod(container="old"))
        before = uid(daemon)
        await daemon.set_static(a_static_pod(container="new"))
        await daemon.clock.advance(1)
        assert uid(daemon) != before
        assert daemon.pod("web-node")["spec"]["containers"][0]["name"] == "new"


async def test_a_mirror_of_an_earlier_daemon_goes_when_the_source_has_spoken() -> None:
    left = a_document("left-node", nodeName="node")
    left["metadata"]["annotations"] = {MIRROR: "x", "kubernetes.io/config.source": "file"}
    async with a_daemon(static=True, documents=[left]) as daemon:
        await daemon.clock.advance(1)
        assert daemon.has("left-node")
        await daemon.set_static()
        assert not daemon.has("left-node")


async def test_a_namespace_that_is_missing_keeps_only_the_mirror_waiting() -> None:
    async with a_daemon(static=True, namespaces=()) as daemon:
        await daemon.set_static(a_static_pod())
        assert daemon.told() == ["app starts"]
        assert not daemon.has("web-node")
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        daemon.store.create(Key("", "namespaces", "", "default"), document)
        await daemon.clock.settle()
        assert daemon.phase("web-node") == "Running"


async def test_a_pod_of_the_api_of_that_name_is_not_touched() -> None:
    taken = a_document("web-node", "taken", schedulingGates=[{"name": "wait"}])
    async with a_daemon(static=True, documents=[taken]) as daemon:
        await daemon.set_static(a_static_pod())
        assert daemon.pod("web-node")["spec"]["containers"][0]["name"] == "taken"
        await daemon.remove("web-node")
        assert daemon.pod("web-node")["spec"]["containers"][0]["name"] == "app"


async def test_a_pod_in_the_way_is_told_again_when_the_static_pod_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken = a_document("web-node", "taken", schedulingGates=[{"name": "wait"}])
    async with a_daemon(static=True, documents=[taken]) as daemon:
        for _ in range(2):
            await daemon.set_static(a_static_pod())
            await daemon.change(lambda pod: pod["metadata"].update(labels={"a": "b"}), "web-node")
            await daemon.set_static()
            await daemon.clock.advance(60)
        assert caplog.text.count("a pod of the API has the name of a static pod") == 2


async def test_a_refused_static_pod_says_so_in_its_mirror() -> None:  # L-69
    async with a_daemon(static=True) as daemon:
        await daemon.set_static(a_static_pod(nodeSelector={"disk": "ssd"}))
        status = daemon.pod("web-node")["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "NodeAffinity")
