"""kubectl top and /stats/summary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.stats import stats_routes, summary
from minikubelet.apiserver.usage import FRESH_SECONDS, Measured, Snapshot, UsageReader
from minikubelet.apiserver.usage_metrics import (
    metrics_table,
    node_metrics,
    pod_metrics,
    usage_routes,
)
from minikubelet.clock import Clock, SystemClock
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.json_tree import Json
from minikubelet.runtime.layout import Layout
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.apiserver.serving import client, serving
from tests.fakes.clock import FakeClock
from tests.runtime.harness import a_harness

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = "2025-12-31T00:00:00Z"
METRICS = "/apis/metrics.k8s.io/v1beta1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
APP = Measured(NOW, 2.0, 0.25, 12.5, 10 * 1024**2 + 1, 3)
SIDECAR = Measured(NOW, 1.5, 0.0, 0.0, 1024, 1)
NODE = Measured(NOW, 2.0, 1.5, 1000.0, 4 * 1024**3)
SNAPSHOT = Snapshot(NOW, NODE, 2 * 1024**3, {"process://a": APP, "process://s": SIDECAR})


def _status(name: str, cid: str, **state: Any) -> Json:
    return {"name": name, "containerID": cid, "state": state or {"running": {"startedAt": STARTED}}}


def _pod(name: str = "web", *statuses: Json, namespace: str = "default", **labels: str) -> Json:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels},
        "status": {"startTime": STARTED, "containerStatuses": list(statuses)},
    }


WEB = _pod("web", _status("side", "process://s"), _status("app", "process://a"), app="web")


def test_pod_metrics() -> None:
    assert pod_metrics(WEB, SNAPSHOT) == {
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "labels": {"app": "web"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "timestamp": "2026-01-01T00:00:00Z",
        "window": "2.000s",
        "containers": [
            {"name": "app", "usage": {"cpu": "250000000n", "memory": "10241Ki"}},
            {"name": "side", "usage": {"cpu": "0", "memory": "1Ki"}},
        ],
    }


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(_status("app", "process://a", terminated={}), id="it has ended"),
        pytest.param(_status("app", "process://new"), id="it is not measured yet"),
    ],
)
def test_a_pod_without_running_containers_has_no_metrics(status: Json) -> None:
    assert pod_metrics(_pod("web", status), SNAPSHOT) is None


def test_tables() -> None:
    node = node_metrics({"metadata": {"name": "n"}}, SNAPSHOT)
    assert node["usage"] == {"cpu": "1500000000n", "memory": "4194304Ki"}
    pod = pod_metrics(WEB, SNAPSHOT)
    assert pod is not None
    table = metrics_table([pod, node], "v1")
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "cpu",
        "memory",
        "Window",
    ]
    assert [row["cells"] for row in table["rows"]] == [
        ["web", "250000000n", "10242Ki", "2.000s"],
        ["n", "1500000000n", "4194304Ki", "2.000s"],
    ]
    assert table["rows"][0]["object"]["metadata"]["name"] == "web"


def test_summary() -> None:
    document = summary("n", [WEB, _pod("idle")], SNAPSHOT, {"availableBytes": 1})
    time = "2026-01-01T00:00:00Z"
    cpu = {"time": time, "usageNanoCores": 250_000_000, "usageCoreNanoSeconds": 12_500_000_000}
    assert document["node"]["nodeName"] == "n"
    assert document["node"]["fs"] == {"time": time, "availableBytes": 1}
    assert document["node"]["memory"]["workingSetBytes"] == 4 * 1024**3
    assert document["node"]["memory"]["availableBytes"] == 2 * 1024**3
    [pod] = document["pods"]
    assert pod["podRef"] == {"name": "web", "namespace": "default", "uid": "uid-web"}
    assert [container["name"] for container in pod["containers"]] == ["side", "app"]
    memory = 10 * 1024**2 + 1
    assert pod["containers"][1] == {
        "name": "app",
        "startTime": STARTED,
        "cpu": cpu,
        "memory": {
            "time": time,
            "usageBytes": memory,
            "workingSetBytes": memory,
            "rssBytes": memory,
        },
    }
    assert pod["cpu"] == cpu
    assert pod["memory"]["rssBytes"] == memory + 1024
    assert pod["process_stats"] == {"process_count": 4}


async def test_samples_are_shared_and_fresh(tmp_path: Path) -> None:
    """The first answer, and one after a long time, wait for a second sample."""
    clock = _Clock()
    reader = UsageReader(memory_store(), Layout(tmp_path, tmp_path, tmp_path), clock)
    first = await _read(reader, clock)
    assert first.node.window_seconds == pytest.approx(FRESH_SECONDS)
    await clock.advance(0.4)
    assert await reader.read() is first
    await clock.advance(9.6)
    second = await reader.read()
    assert second.node.window_seconds == pytest.approx(10.0)
    await clock.advance(61)
    third = await _read(reader, clock)
    assert third.node.window_seconds == pytest.approx(FRESH_SECONDS)
    assert third.containers == {}


async def test_a_sample_without_a_container_that_runs_now_is_not_shared(tmp_path: Path) -> None:
    """`kubectl top pod` right after another one: the new Pod must be in the answer."""
    clock = _Clock()
    store = memory_store()
    reader = UsageReader(store, Layout(tmp_path, tmp_path, tmp_path), clock)
    first = await _read(reader, clock)
    store.create(Key("", "pods", "default", "web"), WEB)
    await clock.advance(0.1)
    assert await reader.read() is not first


class _Clock(FakeClock):
    def __init__(self) -> None:
        super().__init__()
        self.sleeping = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeping.set()
        await super().sleep(seconds)


async def _read(reader: UsageReader, clock: _Clock) -> Snapshot:
    """Of a reader that has to wait."""
    clock.sleeping.clear()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(reader.read())
        await clock.sleeping.wait()
        await clock.advance(FRESH_SECONDS)
    return task.result()


@asynccontextmanager
async def _served(store: ObjectStore, clock: Clock, directory: Path) -> AsyncIterator[Any]:
    layout = Layout(directory / "state", directory / "log", directory / "run")
    layout.prepare()
    services = ApiServices(
        store=store,
        clock=clock,
        node_name="n",
        identity=lambda: Identity(lambda: "", lambda: "", NOW),
        layout=layout,
    )
    usage = UsageReader(store, layout, clock)
    routes = (*usage_routes(store, usage), *stats_routes(services, usage))
    async with serving(routes) as served, client(served) as session:
        yield session


async def _get(session: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Json]:
    async with session.get(path, headers=headers) as response:
        return response.status, await response.json()


async def test_a_real_container_is_measured(tmp_path: Path) -> None:
    store = memory_store()
    layout = Layout(tmp_path / "state", tmp_path / "log", tmp_path / "run")
    async with a_harness(tmp_path) as harness, _served(store, SystemClock(), tmp_path) as session:
        cid = "process://" + "a" * 64
        directory = layout.instance_dir("uid-web", "app", cid)
        directory.mkdir(parents=True)
        program = "print('up', flush=True)\nwhile True: pass"
        spec = await harness.start(
            ["python3", "-c", program], container_id=cid, instance_dir=str(directory)
        )
        await harness.logged(spec, "up")
        store.create(Key("", "pods", "default", "web"), _pod("web", _status("app", cid), app="x"))
        store.create(Key("", "pods", "other", "idle"), _pod("idle", namespace="other"))
        # Anybody may write a status: no container of this one is found.
        foreign = _pod("foreign", _status("..", "process://x"), _status("app", "process://../.."))
        store.create(Key("", "pods", "other", "foreign"), foreign)
        store.create(Key("", "nodes", "", "n"), {"metadata": {"name": "n"}})

        status, found = await _get(session, f"{METRICS}/pods")
        assert (status, found["kind"], len(found["items"])) == (200, "PodMetricsList", 1)
        [container] = found["items"][0]["containers"]
        assert 50_000_000 < int(container["usage"]["cpu"].removesuffix("n")) < 1_500_000_000
        assert int(container["usage"]["memory"].removesuffix("Ki")) > 1000

        for query, count in (
            ("/pods?labelSelector=app%3Dx", 1),
            ("/pods?labelSelector=app%3Dy", 0),
            ("/pods?fieldSelector=metadata.name%3Dweb", 1),
            ("/pods?fieldSelector=metadata.name%3Didle", 0),
            ("/namespaces/default/pods", 1),
            ("/namespaces/other/pods", 0),
            ("/nodes", 1),
        ):
            status, found = await _get(session, METRICS + query)
            assert (status, len(found["items"])) == (200, count), query
        for path, kind in (
            ("/namespaces/default/pods/web", "PodMetrics"),
            ("/nodes/n", "NodeMetrics"),
        ):
            status, found = await _get(session, METRICS + path)
            assert (status, found["kind"]) == (200, kind)
            status, found = await _get(session, METRICS + path, Accept=TABLE)
            assert (status, found["kind"], len(found["rows"])) == (200, "Table", 1)
        status, found = await _get(session, f"{METRICS}/namespaces/other/pods/idle")
        assert (status, found["message"]) == (
            404,
            'podmetrics.metrics.k8s.io "other/idle" not found',
        )
        assert (await _get(session, f"{METRICS}/nodes/x"))[0] == 404
        assert (await _get(session, f"{METRICS}/pods?watch=true"))[0] == 405
        assert (await _get(session, f"{METRICS}/pods?fieldSelector=spec.x%3D1"))[0] == 400

        for path in ("/stats/summary", "/api/v1/nodes/n/proxy/stats/summary"):
            status, found = await _get(session, path)
            assert [pod["podRef"]["name"] for pod in found["pods"]] == ["web"]
            assert found["node"]["fs"]["capacityBytes"] > 0
