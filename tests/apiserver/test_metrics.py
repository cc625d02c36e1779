"""`/metrics`: the kubelet's names and labels, counted from journal records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from minikubelet.apiserver.metric_series import Histogram, Series
from minikubelet.apiserver.metrics import Gauge, Metrics, metrics_routes
from minikubelet.journal import (
    BackOffStarted,
    ContainerStarted,
    ContainerStartFailed,
    PhaseChanged,
    PodAccepted,
    PodRef,
    ProbeAttempted,
    Record,
)
from minikubelet.manifest.pod import ProbeKind
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.apiserver.serving import client, serving
from tests.fakes.clock import FakeClock

START = datetime(2026, 1, 1, tzinfo=UTC)
POD = PodRef("default", "web", "uid-1")
OTHER = PodRef("default", "web", "uid-2")
"""Of the same name: made again after it was deleted."""
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _probe(
    outcome: str, seconds: float = 0.02, pod: PodRef = POD, kind: ProbeKind = ProbeKind.READINESS
) -> ProbeAttempted:
    return ProbeAttempted(
        at=START,
        pod=pod,
        container="app",
        kind=kind,
        container_id="process://1",
        planned_at=START,
        trigger="schedule",
        duration_seconds=seconds,
        outcome=outcome,
        output="",
        error="",
        verdict="success",
        verdict_before="success",
        run_length=1,
        threshold=1,
    )


def _started(count: int, field_path: str = "spec.containers{app}") -> ContainerStarted:
    return ContainerStarted(
        at=START,
        pod=POD,
        container="app",
        field_path=field_path,
        container_id="process://1",
        restart_count=count,
        pid=1,
    )


def _put(store: ObjectStore, uid: str, *states: dict[str, Any], **annotations: str) -> None:
    key = Key("", "pods", "default", f"pod-{uid}")
    statuses = [{"name": "app", "state": state} for state in states]
    metadata = {"name": key.name, "namespace": "default", "uid": uid, "annotations": annotations}
    store.create(key, {"metadata": metadata, "status": {"containerStatuses": statuses}})


async def _samples(
    series: Series, store: ObjectStore, path: str = "/metrics", **options: Any
) -> Samples:
    metrics = Metrics(series, store, options.pop("clock", FakeClock()), **options)
    async with (
        serving(metrics_routes(metrics)) as served,
        client(served) as session,
        session.get(path) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def _series(*records: Record) -> Series:
    series = Series()
    for record in records:
        series.record(record)
    return series


WHERE = {"container": "app", "pod": "web", "namespace": "default"}


@pytest.mark.parametrize("path", ["/metrics", "/metrics/probes"])
async def test_probes(path: str) -> None:  # P-600 … P-603
    outcomes = ("success", "warning", "failure", "failure", "failure", "error")
    series = _series(
        *(_probe(outcome) for outcome in outcomes),
        _probe("failure", kind=ProbeKind.LIVENESS),
        _probe("success", 3.0, kind=ProbeKind.STARTUP),
    )
    found = await _samples(series, memory_store(), path)
    runs = {key: value for key, value in found.items() if key[0] == "prober_probe_total"}
    labels = {**WHERE, "pod_uid": "uid-1"}
    name = "prober_probe_total"
    assert runs == {
        _key(name, probe_type="Readiness", result="successful", **labels): 2,
        _key(name, probe_type="Readiness", result="failed", **labels): 3,
        _key(name, probe_type="Liveness", result="failed", **labels): 1,
        _key(name, probe_type="Startup", result="successful", **labels): 1,
    }
    name = "prober_probe_duration_seconds"
    assert found[_key(f"{name}_count", probe_type="Readiness", **WHERE)] == 2
    assert found[_key(f"{name}_sum", probe_type="Readiness", **WHERE)] == pytest.approx(0.04)
    assert found[_key(f"{name}_bucket", probe_type="Readiness", le="0.01", **WHERE)] == 0
    assert found[_key(f"{name}_bucket", probe_type="Readiness", le="0.025", **WHERE)] == 2
    assert found[_key(f"{name}_bucket", probe_type="Startup", le="+Inf", **WHERE)] == 1
    assert _key(f"{name}_count", probe_type="Liveness", **WHERE) not in found
    assert not [key for key in found if key[0].endswith("_created")]
    assert (_key("kubelet_running_pods") in found) is (path == "/metrics")


async def test_pods_of_one_name_share_durations_but_not_counts() -> None:  # P-602
    series = _series(_probe("success"), _probe("success", pod=OTHER))
    found = await _samples(series, memory_store(), "/metrics/probes")
    name = "prober_probe_duration_seconds_count"
    assert found[_key(name, probe_type="Readiness", **WHERE)] == 2
    assert sorted(dict(key[1])["pod_uid"] for key in found if key[0] == "prober_probe_total") == [
        "uid-1",
        "uid-2",
    ]


async def test_starts_restarts_and_back_off() -> None:
    back_off = BackOffStarted(
        at=START,
        pod=POD,
        container="app",
        delay_seconds=20,
        remaining_seconds=20,
        restart_count=2,
        message="",
    )
    failed = ContainerStartFailed(
        at=START, pod=POD, container="app", reason="ErrImagePull", message=""
    )
    series = _series(
        PodAccepted(at=_at(0), pod=POD),
        _started(0, "spec.initContainers{app}"),
        PhaseChanged(at=_at(0.2), pod=POD, old="Pending", new="Running"),
        _started(1),
        _started(2),
        failed,
        back_off,
    )
    found = await _samples(series, memory_store())
    labels = {**WHERE, "pod_uid": "uid-1"}
    expected = {
        _key("kubelet_pod_start_duration_seconds_count"): 1,
        _key("kubelet_pod_start_duration_seconds_sum"): 0.2,
        _key("kubelet_pod_start_duration_seconds_bucket", le="0.1"): 0,
        _key("kubelet_pod_start_duration_seconds_bucket", le="0.25"): 1,
        _key("kubelet_started_pods_total"): 1,
        _key("kubelet_started_containers_total", container_type="init_container"): 1,
        _key("kubelet_started_containers_total", container_type="container"): 2,
        _key(
            "kubelet_started_containers_errors_total",
            container_type="container",
            code="ErrImagePull",
        ): 1,
        _key("kubelet_container_restarts_total", **labels): 2,
        _key("kubelet_container_backoffs_total"): 1,
        _key("kubelet_container_backoff_seconds", **labels): 20,
    }
    assert {key: found.get(key) for key in expected} == expected
    series.record(_started(3))
    found = await _samples(series, memory_store())
    assert found[_key("kubelet_container_restarts_total", **labels)] == 3
    assert _key("kubelet_container_backoff_seconds", **labels) not in found


async def test_what_runs_and_what_is_stored() -> None:
    store = memory_store()
    _put(store, "a", {"running": {}}, {"terminated": {}})
    _put(store, "b", {"running": {}}, {"running": {}})
    _put(store, "c", {"waiting": {}})
    gauge = Gauge("minikubelet_watches", "Open watches.", lambda: 7.0)
    found = await _samples(Series(), store, gauges=[gauge])
    assert found[_key("kubelet_running_pods")] == 2
    assert found[_key("kubelet_running_containers", container_state="running")] == 3
    assert found[_key("kubelet_running_containers", container_state="exited")] == 1
    assert found[_key("apiserver_storage_objects", resource="pods")] == 3
    assert found[_key("apiserver_storage_objects", resource="leases.coordination.k8s.io")] == 0
    assert found[_key("minikubelet_watches")] == 7
    assert found[_key("process_open_fds")] > 0


async def test_series_go_with_their_pods() -> None:  # P-602
    clock = FakeClock(START)
    store = memory_store()
    _put(store, "uid-1")
    _put(store, "mirror", **{"kubernetes.io/config.mirror": "static"})
    series = _series(
        _probe("success"),
        _probe("success", pod=OTHER),
        _probe("success", pod=PodRef("default", "static-pod", "static")),
    )

    async def uids() -> set[str]:
        found = await _samples(series, store, clock=clock)
        return {dict(key[1])["pod_uid"] for key in found if key[0] == "prober_probe_total"}

    await clock.advance(59)
    assert await uids() == {"uid-1", "uid-2", "static"}
    await clock.advance(2)
    assert await uids() == {"uid-1", "static"}
    store.remove(Key("", "pods", "default", "pod-uid-1"))
    assert await uids() == {"static"}
    assert set(series.pods) == {"static"}


async def test_series_of_removed_pods_are_bounded_where_nobody_asks() -> None:
    clock = FakeClock(START)
    store = memory_store()
    series = Series()
    Metrics(series, store, clock)
    most = 0
    for number in range(500):
        _put(store, f"u{number}")
        series.record(PodAccepted(at=clock.now(), pod=PodRef("default", "p", f"u{number}")))
        store.remove(Key("", "pods", "default", f"pod-u{number}"))
        await clock.advance(1)
        most = max(most, len(series.pods))
    assert 61 <= most <= 102


def test_histogram() -> None:
    histogram = Histogram((0.5, 1, 2.5))
    assert histogram.cumulated() == [("0.5", 0), ("1.0", 0), ("2.5", 0), ("+Inf", 0)]
    for value in (0.5, 0.6, 1.0, 9.0):
        histogram.observe(value)
    assert histogram.cumulated() == [("0.5", 1), ("1.0", 3), ("2.5", 3), ("+Inf", 4)]
    histogram.add(histogram)
    assert histogram.cumulated() == [("0.5", 2), ("1.0", 6), ("2.5", 6), ("+Inf", 8)]
    assert histogram.total == pytest.approx(22.2)
