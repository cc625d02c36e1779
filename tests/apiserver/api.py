"""The whole API server on a real socket, with a client that says what came back."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from minikubelet.apiserver.access import Access
from minikubelet.apiserver.kubeconfig import render_kubeconfig
from minikubelet.apiserver.pki import prepare_pki, server_context
from minikubelet.apiserver.server import ApiServer
from minikubelet.apiserver.services import ApiServices, Route
from minikubelet.apiserver.stream_runtime import StreamRuntime
from minikubelet.clock import Clock, SystemClock
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.json_tree import Json
from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store
from tests.fakes.clock import FakeClock

TOKEN = "a-token-for-tests"
NODE = "this-node"
CORE = "/api/v1/namespaces/default"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
SUFFIXES = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return str(self.body["message"])


@dataclass(frozen=True, slots=True)
class Api:
    session: aiohttp.ClientSession
    store: ObjectStore
    server: ApiServer
    clock: Clock
    port: int
    kubeconfig: Path | None = None
    """Written when the server speaks TLS."""

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Content-Type": content_type} if data is not None else {}
        stream = io.BytesIO(data) if data is not None else None
        async with self.session.request(method, path, data=stream, headers=sent | headers) as got:
            text = await got.text()
            parsed = json.loads(text) if "json" in got.content_type else text
            return Answer(
                got.status, parsed, dict(got.headers), tuple(got.headers.getall("Warning", ()))
            )

    async def ok(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> Any:
        answer = await self(method, path, body, content_type)
        assert answer.status in (200, 201), answer.body
        return answer.body

    async def patch(self, path: str, body: object, kind: str = "strategic-merge-patch") -> Answer:
        return await self("PATCH", path, body, f"application/{kind}+json")

    @asynccontextmanager
    async def watch(self, path: str, query: str = "", accept: str = "") -> AsyncIterator[Events]:
        """Begin to watch; fails when the answer is no stream."""
        headers = {"Accept": accept} if accept else {}
        url = f"{path}?watch=true&{query}"
        async with self.session.get(url, headers=headers) as response:
            assert response.status == 200, await response.text()
            yield Events(response)


@dataclass(frozen=True, slots=True)
class Events:
    response: aiohttp.ClientResponse

    async def next(self) -> Json:
        async with asyncio.timeout(10):
            line = await self.response.content.readline()
        assert line.endswith(b"\n"), f"the stream ended with {line!r}"
        event: Json = json.loads(line)
        return event

    async def names(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.response.content.read()


@asynccontextmanager
async def serving_api(
    *,
    store: ObjectStore | None = None,
    clock: Clock | None = None,
    limits: HistoryLimits | None = None,
    extra_routes: tuple[Route, ...] = (),
    pki_dir: Path | None = None,
    streams: StreamRuntime | None = None,
) -> AsyncIterator[Api]:
    """With `pki_dir`: over TLS, as kubectl wants it."""
    clock = clock or FakeClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    store = store or memory_store(limits)
    numbers, rng = itertools.count(1), random.Random(1)

    def identity() -> Identity:
        return Identity(
            lambda: f"00000000-0000-0000-0000-{next(numbers):012d}",
            lambda: "".join(rng.choices(SUFFIXES, k=5)),
            clock.now(),
        )

    services = ApiServices(
        store=store,
        clock=clock,
        node_name=NODE,
        identity=identity,
        streams=streams,
        extra_routes=extra_routes,
    )
    pki = prepare_pki(pki_dir, SystemClock().now(), ["127.0.0.1"]) if pki_dir else None
    tls = server_context(pki) if pki else None
    token = pki.token if pki else TOKEN
    server = ApiServer(services, Access(token), tls=tls)
    port = await server.start("127.0.0.1", 0)
    url = f"{'https' if pki else 'http'}://127.0.0.1:{port}"
    kubeconfig = None
    if pki_dir and pki:
        kubeconfig = pki_dir / "kubeconfig"
        kubeconfig.write_text(render_kubeconfig(url, pki.ca_pem, token))
    headers = {"Authorization": f"Bearer {token}"}
    context = ssl.create_default_context(cafile=str(pki.ca_path)) if pki else True
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    try:
        async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
            yield Api(session, store, server, clock, port, kubeconfig)
    finally:
        await server.stop()


def a_config_map(name: str = "settings", **members: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **members.pop("metadata", {})},
        "data": {"color": "blue"},
        **members,
    }


def a_pod(name: str = "web", *, metadata: Json | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"containers": [{"name": "app", "image": "busybox:1"}], **spec},
    }


def key_of(plural: str, name: str, namespace: str = "default", group: str = "") -> Key:
    return Key(group, plural, namespace, name)
