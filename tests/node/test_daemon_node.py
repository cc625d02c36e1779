"""The node of a daemon with real processes: what outlives it, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minikubelet.assembly import NodeOptions, daemon_node
from minikubelet.clock import SystemClock
from minikubelet.events import EventDraft
from minikubelet.journal import Journal
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.node.daemon_node import DaemonNode
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store

STATIC = """apiVersion: v1
kind: Pod
metadata: {name: static}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: app, image: busybox, command: [sleep, "600"]}
"""


def key(name: str) -> Key:
    return Key("", "pods", "default", name)


@dataclass
class Host:
    """What outlives each daemon."""

    directory: Path
    store: ObjectStore
    drafts: list[EventDraft]
    manifests: Path | None = None

    @property
    def layout(self) -> Layout:
        return Layout(self.directory / "s", self.directory / "l", self.directory / "r")

    def create(self, name: str, *command: str, **spec: Any) -> None:
        container = {"name": "app", "image": "busybox", "command": list(command)}
        document = apply_pod_defaults(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "default", "uid": str(uuid.uuid4())},
                "spec": {
                    "containers": [container],
                    "terminationGracePeriodSeconds": 2,
                    **spec,
                },
            }
        )
        self.store.create(key(name), document)

    def pod(self, name: str) -> Json | None:
        stored = self.store.get(key(name))
        return None if stored is None else stored.document

    def container(self, name: str) -> Json:
        statuses = ((self.pod(name) or {}).get("status") or {}).get("containerStatuses")
        return statuses[0] if statuses else {"state": {}}

    def phase(self, name: str) -> str:
        return str(((self.pod(name) or {}).get("status") or {}).get("phase", ""))

    def delete(self, name: str, grace: int = 2) -> None:
        document = copy_json(self.pod(name))
        document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        document["metadata"]["deletionGracePeriodSeconds"] = grace
        self.store.replace(key(name), document)

    async def until(self, fact: Callable[[], object], seconds: float = 20) -> None:
        """Wait for what a change of the store brings."""
        changed = asyncio.Event()
        unsubscribe = self.store.subscribe(lambda change: changed.set())
        try:
            async with asyncio.timeout(seconds):
                while not fact():
                    await changed.wait()
                    changed.clear()
        finally:
            unsubscribe()

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[DaemonNode]:
        """One daemon; it leaves its containers to their shims."""
        clock = SystemClock()
        node = daemon_node(
            NodeOptions(name="node", manifests=self.manifests),
            self.layout,
            store=self.store,
            journal=Journal(clock),
            catalog=ImageCatalog((), ()),
            write_event=self.drafts.append,
            clock=clock,
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.run())
            await node.running.wait()
            try:
                yield node
            finally:
                task.cancel()


async def looked(fact: Callable[[], object]) -> None:
    """Wait for what no change of the store tells."""
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


def a_host(directory: Path, *, static: bool = False) -> Host:
    store = memory_store()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    store.create(Key("", "namespaces", "", "default"), namespace)
    host = Host(directory, store, [])
    if static:
        host.manifests = directory / "m"
        host.manifests.mkdir()
    return host


async def test_a_pod_goes_on_under_the_next_daemon(tmp_path: Path) -> None:  # L-248
    host = a_host(tmp_path)
    async with host.daemon():
        host.create("web", "sleep", "600")
        await host.until(lambda: "running" in host.container("web")["state"])
    before = host.container("web")
    async with host.daemon() as node:
        await looked(lambda: node.agent.ready)
        assert host.container("web") == before
        host.delete("web")
        await host.until(lambda: host.pod("web") is None)


async def test_a_deletion_that_a_daemon_began_is_finished_by_the_next(tmp_path: Path) -> None:
    host = a_host(tmp_path)
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    async with host.daemon():
        host.create("web", sys.executable, "-c", script)
        await host.until(lambda: "running" in host.container("web")["state"])
        host.delete("web")
        await asyncio.sleep(0)
    async with host.daemon():
        await host.until(lambda: host.pod("web") is None)


async def test_a_pod_that_was_removed_meanwhile_is_stopped(tmp_path: Path) -> None:
    host = a_host(tmp_path)
    async with host.daemon():
        host.create("web", "sleep", "600")
        await host.until(lambda: "running" in host.container("web")["state"])
    host.store.remove(key("web"))
    async with host.daemon() as node:
        await looked(lambda: node.agent.ready and not node.agent.pods)


async def test_a_static_pod_over_two_daemons(tmp_path: Path) -> None:  # L-10, L-245
    host = a_host(tmp_path, static=True)
    assert host.manifests is not None
    file = host.manifests / "static.yaml"
    file.write_text(STATIC)
    async with host.daemon():
        await host.until(lambda: "running" in host.container("static-node")["state"])
    before = host.pod("static-node")
    async with host.daemon() as node:
        await looked(lambda: node.agent.ready)
        assert host.pod("static-node") == before
        file.unlink()
        await host.until(lambda: host.pod("static-node") is None)
        await looked(lambda: not list(host.layout.log_dir.glob("*static*")))


async def test_a_static_pod_stopped_with_its_daemon_runs_again(tmp_path: Path) -> None:  # L-249
    host = a_host(tmp_path, static=True)
    assert host.manifests is not None
    (host.manifests / "static.yaml").write_text(STATIC)
    async with host.daemon() as node:
        await host.until(lambda: "running" in host.container("static-node")["state"])
        await node.stop_pods()
        assert host.phase("static-node") == "Failed"
    async with host.daemon() as node:
        await host.until(lambda: "running" in host.container("static-node")["state"])
        await node.stop_pods(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root here")
async def test_a_volume_follows_its_config_map(tmp_path: Path) -> None:  # L-147
    host = a_host(tmp_path)
    config_map = Key("", "configmaps", "default", "settings")

    def settings(text: str) -> Json:
        meta = {"name": "settings", "namespace": "default"}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"text": text},
        }

    host.store.create(config_map, settings("one"))
    done = tmp_path / "done"
    watch = f"until grep -q two /etc/settings/text; do sleep 0.01; done; touch {done}"
    async with host.daemon():
        mount = {"name": "v", "mountPath": "/etc/settings"}
        container = {
            "name": "app",
            "image": "busybox",
            "command": ["sh", "-c", watch],
            "volumeMounts": [mount],
        }
        volume = {"name": "v", "configMap": {"name": "settings", "defaultMode": 420}}
        host.create(
            "web",
            containers=[container],
            volumes=[volume],
            restartPolicy="Never",
        )
        await host.until(lambda: "running" in host.container("web")["state"])
        host.store.replace(config_map, settings("two"))
        await host.until(lambda: host.phase("web") == "Succeeded")
