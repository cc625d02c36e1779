"""The metric families of `metrics.py`, as the Prometheus library has them.

Role: counts and what the store tells → families, and their text. Imported when somebody asks: most
daemons are never scraped, and the library is a fiftieth of what one weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from minikubelet.apiserver.metric_series import PROBE_BUCKETS, Histogram, Series
from minikubelet.apiserver.pod_instances import container_statuses
from minikubelet.manifest.json_tree import object_in
from minikubelet.store.kinds import RESOURCES, Serving
from minikubelet.store.store import ObjectStore

_PODS = ("", "pods")


class _Collected(Collector):
    """What was collected already, as the encoders want it."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def encoder(accept: str) -> tuple[Callable[[Sequence[Metric]], bytes], str]:
    """For what the client accepts; and the content type."""
    encode, content_type = choose_encoder(accept)

    def text_of(families: Sequence[Metric]) -> bytes:
        registry = CollectorRegistry()
        registry.register(_Collected(families))
        return encode(registry)

    return text_of, content_type


def process_families() -> Iterator[Metric]:
    """Of this process: memory, CPU, descriptors, garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return iter(registry.collect())


def gauge_family(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def probe_families(series: Series) -> Iterator[Metric]:
    runs = CounterMetricFamily(
        "prober_probe",
        "Cumulative number of a liveness, readiness or startup probe for a container by result.",
        labels=("probe_type", "result", "container", "pod", "namespace", "pod_uid"),
    )
    # Without the UID in its labels, pods of the same name share a series.
    durations: dict[tuple[str, str, str, str], Histogram] = {}
    for uid, pod in series.pods.items():
        name, namespace = pod.pod.name, pod.pod.namespace
        for (container, kind, result), count in pod.probes.items():
            runs.add_metric((kind, result, container, name, namespace, uid), count)
        for (container, kind), observed in pod.durations.items():
            key = (kind, container, name, namespace)
            durations.setdefault(key, Histogram(PROBE_BUCKETS)).add(observed)
    yield runs
    family = HistogramMetricFamily(
        "prober_probe_duration_seconds",
        "Duration in seconds for a probe response.",
        labels=("probe_type", "container", "pod", "namespace"),
    )
    for key, histogram in durations.items():
        family.add_metric(key, histogram.cumulated(), histogram.total)
    yield family


def pod_families(series: Series) -> Iterator[Metric]:
    yield HistogramMetricFamily(
        "kubelet_pod_start_duration_seconds",
        "Duration in seconds from the acceptance of a pod to its phase Running.",
        buckets=series.pod_starts.cumulated(),
        sum_value=series.pod_starts.total,
    )
    yield CounterMetricFamily(
        "kubelet_started_pods", "Cumulative number of pods started.", value=series.started_pods
    )
    started = CounterMetricFamily(
        "kubelet_started_containers",
        "Cumulative number of containers started.",
        labels=("container_type",),
    )
    for kind, count in series.started_containers.items():
        started.add_metric((kind,), count)
    yield started
    errors = CounterMetricFamily(
        "kubelet_started_containers_errors",
        "Cumulative number of errors when starting containers.",
        labels=("container_type", "code"),
    )
    for (kind, reason), count in series.start_errors.items():
        errors.add_metric((kind, reason), count)
    yield errors
    yield CounterMetricFamily(
        "kubelet_container_backoffs",
        "Cumulative number of container restarts that were delayed by the crash-loop back-off.",
        value=series.back_offs,
    )
    yield from _container_families(series)


def _container_families(series: Series) -> Iterator[Metric]:
    labels = ("namespace", "pod", "pod_uid", "container")
    restarts = CounterMetricFamily(
        "kubelet_container_restarts", "Restarts of a container.", labels=labels
    )
    delays = GaugeMetricFamily(
        "kubelet_container_backoff_seconds",
        "Crash-loop back-off of a container that waits for its next start.",
        labels=labels,
    )
    for uid, pod in series.pods.items():
        for container, count in pod.restarts.items():
            restarts.add_metric((pod.pod.namespace, pod.pod.name, uid, container), count)
        for container, delay in pod.back_off_seconds.items():
            delays.add_metric((pod.pod.namespace, pod.pod.name, uid, container), delay)
    yield restarts
    yield delays


def running_families(store: ObjectStore) -> Iterator[Metric]:
    pods = 0
    states = {"created": 0, "exited": 0, "running": 0, "unknown": 0}
    for stored in store.list(_PODS):
        any_running = False
        for status in container_statuses(stored.document):
            state = object_in(status, "state") or {}
            if "running" in state:
                any_running = True
                states["running"] += 1
            last = object_in(status, "lastState") or {}
            # The instance before the newest one is kept too, until there is another.
            states["exited"] += ("terminated" in state) + ("terminated" in last)
        pods += any_running
    yield GaugeMetricFamily(
        "kubelet_running_pods", "Number of pods that have a running container.", value=pods
    )
    family = GaugeMetricFamily(
        "kubelet_running_containers",
        "Number of containers currently running.",
        labels=("container_state",),
    )
    for name, count in states.items():
        family.add_metric((name,), count)
    yield family


def storage_families(store: ObjectStore) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "apiserver_storage_objects", "Number of stored objects by resource.", labels=("resource",)
    )
    for resource in RESOURCES:
        if resource.serving is Serving.STORED and resource.stored_as is None:
            family.add_metric((resource.group_resource,), len(store.list(resource.storage)))
    yield family
