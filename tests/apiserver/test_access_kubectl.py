"""The oldest and the newest kubectl over TLS: credentials, reviews, top, logs, health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from minikubelet.apiserver.access import Access
from minikubelet.apiserver.kubeconfig import render_kubeconfig, server_url, write_kubeconfig
from minikubelet.apiserver.pki import prepare_pki, server_context
from minikubelet.apiserver.server import ApiServer
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.usage import UsageReader
from minikubelet.apiserver.usage_metrics import usage_routes
from minikubelet.clock import SystemClock
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.json_tree import Json
from minikubelet.runtime.layout import Layout
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.kubectl import Kubectl, kubectl_for, oldest_and_newest
from tests.runtime.cri import CRIWriter
from tests.runtime.harness import a_harness

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CID = "process://" + "a" * 64
POD = Key("", "pods", "default", "web")
NODE: Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n", "uid": "node-uid"},
    "status": {
        "capacity": {"cpu": "2", "memory": "8Gi", "pods": "110"},
        "allocatable": {"cpu": "2", "memory": "8Gi", "pods": "110"},
    },
}


def _pod(state: Json) -> Json:
    status = {"name": "app", "state": state, "lastState": {}, "restartCount": 0}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "uid-web",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "x"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{**status, "containerID": CID, "ready": True}],
        },
    }


@dataclass(frozen=True, slots=True)
class _Api:
    kubectl: Kubectl
    store: ObjectStore
    layout: Layout
    url: str

    async def run(self, *args: str) -> CompletedProcess[str]:
        return await asyncio.to_thread(self.kubectl, *args)

    async def ok(self, *args: str) -> str:
        return await asyncio.to_thread(self.kubectl.ok, *args)


@asynccontextmanager
async def _api(version: str, directory: Path, host: str = "127.0.0.1") -> AsyncIterator[_Api]:
    clock = SystemClock()
    store = memory_store()
    layout = Layout(directory / "state", directory / "log", directory / "run")
    pki = prepare_pki(directory / "pki", clock.now(), [host])
    services = ApiServices(
        store=store,
        clock=clock,
        node_name="n",
        identity=lambda: Identity(lambda: "uid", lambda: "abcde", NOW),
        layout=layout,
        extra_routes=usage_routes(store, UsageReader(store, layout, clock)),
    )
    server = ApiServer(services, Access(pki.token), tls=server_context(pki))
    port = await server.start(host, 0)
    url = server_url(host, port)
    kubeconfig = directory / "kubeconfig"
    write_kubeconfig(kubeconfig, render_kubeconfig(url, pki.ca_pem, pki.token))
    try:
        yield _Api(kubectl_for(version, kubeconfig, directory / "cache"), store, layout, url)
    finally:
        await server.stop()


@pytest.mark.parametrize("version", oldest_and_newest())
async def test_credentials_and_reviews(version: str, tmp_path: Path) -> None:
    async with _api(version, tmp_path) as api:
        assert await api.ok("auth", "can-i", "delete", "pods") == "yes\n"
        assert "*.*" in await api.ok("auth", "can-i", "--list")
        whoami = await api.ok("auth", "whoami")
        assert "minikubelet" in whoami
        assert "system:masters" in whoami
        ready = await api.ok("get", "--raw", "/readyz?verbose")
        assert ready.endswith("readyz check passed\n")

        text = api.kubectl.kubeconfig.read_text()
        wrong = tmp_path / "wrong"
        write_kubeconfig(wrong, text.replace("token: ", "token: x"))
        stranger = replace(api, kubectl=replace(api.kubectl, kubeconfig=wrong))
        ran = await stranger.run("get", "--raw", "/api")
        assert ran.returncode == 1
        assert "You must be logged in to the server" in ran.stderr  # K-7

        wrong.write_text(text.replace("127.0.0.1", "localhost"))
        assert await stranger.ok("get", "--raw", "/livez") == "ok"


@pytest.mark.parametrize("version", oldest_and_newest()[-1:])
async def test_ipv6(version: str, tmp_path: Path) -> None:
    async with _api(version, tmp_path, "::1") as api:
        assert api.url.startswith("https://[::1]:")
        assert await api.ok("auth", "can-i", "get", "pods") == "yes\n"


@pytest.mark.parametrize("version", oldest_and_newest())
async def test_top_and_logs(version: str, tmp_path: Path) -> None:
    async with _api(version, tmp_path) as api, a_harness(tmp_path) as harness:
        directory = api.layout.instance_dir("uid-web", "app", CID)
        directory.mkdir(parents=True)
        await harness.start(["sleep", "1000"], container_id=CID, instance_dir=str(directory))
        api.store.create(POD, _pod({"running": {"startedAt": "2026-01-01T00:00:00Z"}}))
        api.store.create(Key("", "nodes", "", "n"), NODE)

        head, row = (line.split() for line in (await api.ok("top", "pod")).splitlines())
        assert head == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
        assert (row[0], row[1][-1], row[2][-2:]) == ("web", "m", "Mi")
        assert "app" in await api.ok("top", "pod", "web", "--containers")
        head, row = (line.split() for line in (await api.ok("top", "node")).splitlines())
        assert (row[0], row[2][-1], row[4][-1]) == ("n", "%", "%")
        ran = await api.run("top", "pod", "other")
        assert ran.returncode == 1
        assert 'podmetrics.metrics.k8s.io "default/other" not found' in ran.stderr

        path = api.layout.log_path("default", "web", "uid-web", "app", 0)
        writer = CRIWriter(path.parent)
        writer.write("eins\nzwei ä\n".encode())
        assert await api.ok("logs", "web") == "eins\nzwei ä\n"
        assert await api.ok("logs", "web", "--tail=1", "--limit-bytes=4") == "zwei"
        timed = await api.ok("logs", "web", "--timestamps", "--tail=1")
        assert timed.endswith("Z zwei ä\n")
        ran = await api.run("logs", "web", "-p")
        message = 'previous terminated container "app" in pod "web" not found'
        assert (ran.returncode, ran.stderr) == (
            1,
            f"Error from server (BadRequest): {message}\n",
        )  # K-65

        async with asyncio.TaskGroup() as group:
            follower = group.create_task(api.ok("logs", "web", "-f"))
            writer.write(b"drei\n")
            api.store.replace(POD, _pod({"terminated": {"exitCode": 0, "containerID": CID}}))
        assert follower.result() == "eins\nzwei ä\ndrei\n"
