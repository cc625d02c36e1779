"""The API of a node, put together: access, routes of every part, the kubeconfig.

Role: the same for the daemon and for `run` and `check`, which serve it for as long as they run.
Invariants: the kubeconfig is written when the server listens; who has it may run commands as this
user, so it is 0600.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import minikubelet.aiohttp_import  # noqa: F401 - before the parts of the API import it
from minikubelet.apiserver.access import Access
from minikubelet.apiserver.health import HealthCheck
from minikubelet.apiserver.issuing_apart import issue_apart
from minikubelet.apiserver.journal_routes import journal_routes
from minikubelet.apiserver.kubeconfig import render_kubeconfig, server_url, write_kubeconfig
from minikubelet.apiserver.metric_series import Series
from minikubelet.apiserver.metrics import Gauge, Metrics, metrics_routes
from minikubelet.apiserver.pki import Pki, prepare_pki, renewed_pki, server_context
from minikubelet.apiserver.renewal import Renewal
from minikubelet.apiserver.server import ApiServer
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.stats import stats_routes
from minikubelet.apiserver.stream_runtime import StreamRuntime
from minikubelet.apiserver.usage import UsageReader
from minikubelet.apiserver.usage_metrics import usage_routes
from minikubelet.clock import Clock
from minikubelet.daemon.options import Listen
from minikubelet.journal_reading import JournalReader
from minikubelet.manifest.admit import Identity
from minikubelet.runtime.layout import Layout
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """What the node gives its API."""

    store: ObjectStore
    clock: Clock
    node_name: str
    identity: Callable[[], Identity]
    layout: Layout
    journal: JournalReader
    series: Series
    streams: StreamRuntime
    """Whoever runs the containers."""
    checks: Sequence[HealthCheck] = ()


class NodeApi:
    """Prepare, listen, stop."""

    @classmethod
    async def prepared(cls, parts: ApiParts, *, pki_dir: Path, listen: Listen) -> NodeApi:
        """With the keys in `pki_dir`, which are made at the first start: meanwhile containers are
        looked after. Raises OSError."""
        make = partial(prepare_pki, pki_dir, parts.clock.now(), (listen.host,), issue=issue_apart)
        made = asyncio.get_running_loop().run_in_executor(None, make)
        try:
            pki = await asyncio.shield(made)
        except asyncio.CancelledError:
            await asyncio.wait([made])  # who ends may remove the directory
            raise
        return cls(parts, pki, listen)

    def __init__(self, parts: ApiParts, pki: Pki, listen: Listen) -> None:
        self._listen = listen
        context = server_context(pki)
        self._renewal = Renewal(
            pki, context, parts.clock, lambda old, now: renewed_pki(old, now, issue_apart)
        )
        self.url = ""
        usage = UsageReader(parts.store, parts.layout, parts.clock)
        services = ApiServices(
            store=parts.store,
            clock=parts.clock,
            node_name=parts.node_name,
            identity=parts.identity,
            layout=parts.layout,
            streams=parts.streams,
        )
        watches = Gauge(
            "minikubelet_watches",
            "Watches that clients of the API hold open.",
            lambda: len(self.server.watches),
        )
        metrics = Metrics(parts.series, parts.store, parts.clock, (watches,))
        routes = (
            *metrics_routes(metrics),
            *stats_routes(services, usage),
            *usage_routes(parts.store, usage),
            *journal_routes(
                parts.journal,
                parts.store,
                clock=parts.clock,
                layout=parts.layout,
                node_name=parts.node_name,
            ),
        )
        access = Access(pki.token, hosts=frozenset(pki.hosts))
        self.server = ApiServer(
            replace(services, extra_routes=routes),
            access,
            tls=context,
            checks=parts.checks,
        )

    async def start(self, kubeconfig: Path) -> None:
        """Listen, then write the kubeconfig. Raises OSError."""
        await self.listen()
        self.write_kubeconfig(kubeconfig)

    async def listen(self) -> None:
        """Raises OSError."""
        port = await self.server.start(self._listen.host, self._listen.port)
        self.url = server_url(self._listen.host, port)

    def write_kubeconfig(self, kubeconfig: Path) -> None:
        """With the port that the server listens on. Raises OSError."""
        self._write(kubeconfig, self._renewal.pki)

    async def keep_renewed(self, kubeconfig: Path) -> None:
        """Renew the certificates before they end, for as long as the server listens."""
        await self._renewal.run(lambda pki: self._write(kubeconfig, pki))

    def _write(self, kubeconfig: Path, pki: Pki) -> None:
        write_kubeconfig(kubeconfig, render_kubeconfig(self.url, pki.ca_pem, pki.token))

    async def stop(self) -> None:
        await self.server.stop()
