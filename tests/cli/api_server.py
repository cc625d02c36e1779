"""An API server for commands: the real one over TLS, in a thread, with objects put in by tests."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from minikubelet.apiserver.access import Access
from minikubelet.apiserver.kubeconfig import render_kubeconfig, server_url, write_kubeconfig
from minikubelet.apiserver.pki import prepare_pki, server_context
from minikubelet.apiserver.server import ApiServer
from minikubelet.apiserver.services import ApiServices, Route
from minikubelet.apiserver.stream_runtime import StreamRuntime
from minikubelet.clock import SystemClock
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import resource_of
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore, memory_store

T = TypeVar("T")


@dataclass(slots=True)
class ServedApi:
    """Called from the thread of the test; all work is done in that of the server."""

    kubeconfig: Path
    loop: asyncio.AbstractEventLoop
    store: ObjectStore
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *documents: Json) -> None:
        """Store objects as they are, past all checks."""
        for document in documents:
            self._do(lambda d=document: self.store.create(key_of(d), d))  # type: ignore[misc]

    def replace(self, document: Json) -> None:
        self._do(lambda: self.store.replace(key_of(document), document))

    def remove(self, document: Json) -> None:
        self._do(lambda: self.store.remove(key_of(document)))

    def find(self, document: Json) -> Json | None:
        found = self._do(lambda: self.store.get(key_of(document)))
        return None if found is None else found.document

    def clear(self, storage: tuple[str, str]) -> None:
        for stored in self._do(lambda: list(self.store.list(storage))):
            self._do(lambda key=stored.key: self.store.remove(key))  # type: ignore[misc]

    def make_old(self, *storages: tuple[str, str]) -> None:
        """Give what the server has made itself an age that two commands tell alike."""
        for storage in storages:
            for stored in self._do(lambda s=storage: list(self.store.list(s))):  # type: ignore[misc]
                metadata = {**stored.document["metadata"], "creationTimestamp": _LONG_AGO}
                self.replace({**stored.document, "metadata": metadata})

    def wait_for(self, fact: Callable[[], bool]) -> None:
        """Look again after each change of the store until the fact is there."""
        changed = threading.Event()
        forget = self._do(lambda: self.store.subscribe(lambda change: changed.set()))
        try:
            while not fact():
                assert changed.wait(10), "nothing changed any more"
                changed.clear()
        finally:
            self._do(forget)

    def _do(self, work: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def act() -> None:
            try:
                done.set_result(work())
            except BaseException as err:
                done.set_exception(err)

        self.loop.call_soon_threadsafe(act)
        return done.result(timeout=10)


@contextmanager
def api_server(
    directory: Path, *extra_routes: Route, streams: StreamRuntime | None = None
) -> Iterator[ServedApi]:
    """Listens until the block ends; its kubeconfig is in `directory`."""
    started: Future[ServedApi] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(directory, extra_routes, streams, started))
    )
    thread.start()
    try:
        served = started.result(timeout=20)
        try:
            yield served
        finally:
            with suppress(RuntimeError):  # the test has ended it already
                served.loop.call_soon_threadsafe(served.ended.set)
    finally:
        thread.join(timeout=20)


async def _serve(
    directory: Path,
    extra_routes: tuple[Route, ...],
    streams: StreamRuntime | None,
    started: Future[ServedApi],
) -> None:
    try:
        clock = SystemClock()
        pki = prepare_pki(directory / "pki", clock.now(), ["127.0.0.1"])
        store = memory_store()
        services = ApiServices(
            store=store,
            clock=clock,
            node_name="n1",
            identity=lambda: Identity(lambda: str(uuid.uuid4()), lambda: "abcde", clock.now()),
            extra_routes=extra_routes,
            streams=streams,
        )
        server = ApiServer(services, Access(pki.token), tls=server_context(pki))
        port = await server.start("127.0.0.1", 0)
        path = directory / "kubeconfig"
        url = server_url("127.0.0.1", port)
        write_kubeconfig(path, render_kubeconfig(url, pki.ca_path.read_bytes(), pki.token))
        served = ServedApi(path, asyncio.get_running_loop(), store)
    except BaseException as err:
        started.set_exception(err)
        return
    started.set_result(served)
    try:
        await served.ended.wait()
    finally:
        await server.stop()


def key_of(document: Json) -> Key:
    resource = resource_of(document["apiVersion"], document["kind"])
    assert resource is not None
    metadata = document["metadata"]
    namespace = metadata.get("namespace", "default") if resource.namespaced else ""
    return Key(*resource.storage, namespace, metadata["name"])


def ago(**spans: float) -> str:
    """An RFC 3339 time this long ago."""
    return (datetime.now(UTC) - timedelta(**spans)).strftime("%Y-%m-%dT%H:%M:%SZ")


_LONG_AGO = ago(hours=25, minutes=30)
"""A whole half hour passes before it is told in other words."""


def an_object(kind: str, name: str, api_version: str = "v1", **parts: Any) -> Json:
    metadata = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-of-{name}",
        "creationTimestamp": _LONG_AGO,
        **parts.pop("metadata", {}),
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}
