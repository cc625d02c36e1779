"""`/metrics` and `/metrics/probes`, under the kubelet's names and labels (P-600 … P-602).

Role: the counts of `metric_series.py` and what the store and the process tell, in Prometheus'
text format. Nothing is computed until somebody asks, and nothing of the library imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from minikubelet.apiserver.metric_series import Series
from minikubelet.apiserver.services import Handler, Route
from minikubelet.clock import Clock
from minikubelet.manifest.static_pods import running_uid
from minikubelet.store.objects import Change, ChangeType
from minikubelet.store.store import ObjectStore

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PODS = ("", "pods")
_SPARE_SERIES = 100


Render = Callable[[], "list[Metric]"]
"""The slow part, for a thread: thousands of lines take longer than probes should wait."""


class Gauge(NamedTuple):
    """A number of another part, read when somebody asks."""

    name: str
    help: str
    read: Callable[[], float]


class Metrics:
    """All metrics of one daemon."""

    def __init__(
        self, series: Series, store: ObjectStore, clock: Clock, gauges: Sequence[Gauge] = ()
    ) -> None:
        self._series = series
        self._store = store
        self._clock = clock
        self._gauges = tuple(gauges)
        store.subscribe(self._on_change)

    def collect(self) -> Render:
        from minikubelet.apiserver import metric_families as library

        probes, series = self.collect_probes(), self._series.copy()
        families = [
            *library.running_families(self._store),
            *library.storage_families(self._store),
            *(library.gauge_family(g.name, g.help, g.read()) for g in self._gauges),
            *library.process_families(),
        ]
        return lambda: [*probes(), *library.pod_families(series), *families]

    def collect_probes(self) -> Render:
        from minikubelet.apiserver import metric_families as library

        self._prune()
        series = self._series.copy()
        return lambda: list(library.probe_families(series))

    def _on_change(self, change: Change) -> None:
        """Where nobody ever asks, removed pods must go too; now and then is enough."""
        if change.type is not ChangeType.DELETED or change.object.key.storage != _PODS:
            return
        if len(self._series.pods) > 2 * len(self._store.list(_PODS)) + _SPARE_SERIES:
            self._prune()

    def _prune(self) -> None:
        uids = {running_uid(stored.document) for stored in self._store.list(_PODS)}
        self._series.prune(uids, self._clock.now())


def metrics_routes(metrics: Metrics) -> tuple[Route, ...]:
    """The probes are on both: users look for them on either path."""

    return (
        Route("GET", "/metrics", _handler(metrics.collect)),
        Route("GET", "/metrics/probes", _handler(metrics.collect_probes)),
    )


def _handler(collect: Callable[[], Render]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        from minikubelet.apiserver.metric_families import encoder

        encode, content_type = encoder(request.headers.get("Accept", ""))
        render = collect()
        body = await asyncio.to_thread(lambda: encode(render()))
        return web.Response(body=body, headers={"Content-Type": content_type})

    return handle
