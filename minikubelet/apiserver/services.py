"""What the handlers of the API server work with; built where the program is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from minikubelet.apiserver.stream_runtime import StreamRuntime
from minikubelet.clock import Clock
from minikubelet.manifest.admit import Identity
from minikubelet.runtime.layout import Layout
from minikubelet.store.store import ObjectStore
from minikubelet.value_class import dataclass

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """One row of the route table; `path` as aiohttp writes patterns."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    store: ObjectStore
    clock: Clock
    node_name: str
    identity: Callable[[], Identity]
    """What an object gets that is created now: uid, name suffix, time."""
    layout: Layout | None = None
    """Where the logs of containers are."""
    streams: StreamRuntime | None = None
    """Whoever runs the containers that exec and attach talk to."""
    extra_routes: Sequence[Route] = ()
    """Of other parts; they win over those of the server."""
