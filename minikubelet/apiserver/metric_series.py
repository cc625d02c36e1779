"""What journal records add up to: the counts behind `/metrics`.

Role: a subscriber of the journal that keeps numbers per pod. No exposition format, no library, so
that it may count before the API server is there.
Invariants: what is kept is bounded by the pods that exist: `prune` drops the others.
Upstream: the kubelet's metrics (P-600 … P-603) and `pkg/kubelet/metrics`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import field, replace
from datetime import datetime, timedelta

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
from minikubelet.value_class import dataclass

PROBE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
START_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300,
                 360, 480, 600, 900, 1200, 1800, 2700, 3600)  # fmt: skip
"""Upstream's, and three finer ones: processes start in less than its first."""

KEPT_AFTER_REMOVAL = timedelta(seconds=60)
"""A pod may have records before it is in the store, and after it has left it."""

_RESULTS = {"success": "successful", "warning": "successful", "failure": "failed"}


@dataclass(slots=True)
class Histogram:
    bounds: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(default_factory=list)
    """Observations per bound, and above the last one; not cumulated."""

    def observe(self, value: float) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        self.counts = [a + b for a, b in zip(self._padded(), other._padded(), strict=True)]
        self.total += other.total

    def copy(self) -> Histogram:
        return Histogram(self.bounds, self.total, list(self.counts))

    def cumulated(self) -> list[tuple[str, float]]:
        """As the exposition wants it: (le, count up to it)."""
        count = 0
        out: list[tuple[str, float]] = []
        for bound, number in zip((*map(float, self.bounds), None), self._padded(), strict=True):
            count += number
            out.append(("+Inf" if bound is None else repr(bound), count))
        return out

    def _padded(self) -> list[int]:
        return self.counts or [0] * (len(self.bounds) + 1)


@dataclass(slots=True)
class PodSeries:
    """Of one pod, by UID."""

    pod: PodRef
    touched: datetime
    accepted_at: datetime | None = None
    probes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(container, probe type, result)."""
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    """(container, probe type); successful runs only (P-601)."""
    restarts: dict[str, int] = field(default_factory=dict)
    back_off_seconds: dict[str, float] = field(default_factory=dict)
    """Of containers whose next start is delayed."""

    def copy(self) -> PodSeries:
        return replace(
            self,
            probes=self.probes.copy(),
            durations={key: histogram.copy() for key, histogram in self.durations.items()},
            restarts=dict(self.restarts),
            back_off_seconds=dict(self.back_off_seconds),
        )


@dataclass(slots=True)
class Series:
    """All counts. `record` is the journal's subscriber."""

    pods: dict[str, PodSeries] = field(default_factory=dict)
    pod_starts: Histogram = field(default_factory=lambda: Histogram(START_BUCKETS))
    started_pods: int = 0
    started_containers: Counter[str] = field(default_factory=Counter)
    """By container type."""
    start_errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By container type and reason."""
    back_offs: int = 0

    def record(self, record: Record) -> None:
        series = self.pods.get(record.pod.uid)
        if series is None:
            series = self.pods[record.pod.uid] = PodSeries(record.pod, record.at)
        series.touched = record.at
        match record:
            case ProbeAttempted():
                _count_probe(series, record)
            case PodAccepted():
                series.accepted_at = record.at
            case PhaseChanged(new="Running") if series.accepted_at is not None:
                self.started_pods += 1
                self.pod_starts.observe((record.at - series.accepted_at).total_seconds())
                series.accepted_at = None
            case ContainerStarted():
                self.started_containers[_type(record)] += 1
                series.restarts[record.container] = record.restart_count
                series.back_off_seconds.pop(record.container, None)
            case ContainerStartFailed():
                self.start_errors[_type(record), record.reason] += 1
            case BackOffStarted():
                self.back_offs += 1
                series.back_off_seconds[record.container] = record.delay_seconds
            case _:
                pass

    def copy(self) -> Series:
        """For a thread to render, while counting goes on."""
        return replace(
            self,
            pods={uid: pod.copy() for uid, pod in self.pods.items()},
            pod_starts=self.pod_starts.copy(),
            started_containers=self.started_containers.copy(),
            start_errors=self.start_errors.copy(),
        )

    def prune(self, uids: Collection[str], now: datetime) -> None:
        """Forget all pods but these and those that were heard of just now."""
        for uid, series in tuple(self.pods.items()):
            if uid not in uids and now - series.touched > KEPT_AFTER_REMOVAL:
                del self.pods[uid]


def _count_probe(series: PodSeries, record: ProbeAttempted) -> None:
    result = _RESULTS.get(record.outcome)
    if result is None:
        return  # a run with an error counts nowhere (P-600)
    kind = record.kind.value.capitalize()
    series.probes[record.container, kind, result] += 1
    if result == "successful":
        key = (record.container, kind)
        if key not in series.durations:
            series.durations[key] = Histogram(PROBE_BUCKETS)
        series.durations[key].observe(record.duration_seconds)


def _type(record: Record) -> str:
    if record.field_path.startswith("spec.initContainers"):
        return "init_container"
    if record.field_path.startswith("spec.ephemeralContainers"):
        return "ephemeral_container"
    return "container"
