"""Routes on a real socket: with access, errors as Status, and limits, but without the resources."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from minikubelet.apiserver.access import Access, access_middleware
from minikubelet.apiserver.limits import ConnectionGuard, Limits, limits_middleware
from minikubelet.apiserver.pki import Pki, prepare_pki, server_context
from minikubelet.apiserver.responses import ApiError
from minikubelet.apiserver.services import Route
from minikubelet.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    guard: ConnectionGuard
    pki: Pki | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.pki else 'http'}://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(
    routes: Sequence[Route],
    *,
    access: Access | None = None,
    pki_dir: Path | None = None,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Served]:
    """With `pki_dir`: over TLS, and its token is the credential."""
    clock = clock or SystemClock()
    limits = limits or Limits()
    pki = prepare_pki(pki_dir, SystemClock().now(), [host]) if pki_dir else None
    if pki is not None and access is None:
        access = Access(pki.token)
    guard = ConnectionGuard(limits, clock)
    middlewares = [limits_middleware(guard), _errors]
    if access is not None:
        middlewares.append(access_middleware(access))
    app = web.Application(middlewares=middlewares, client_max_size=limits.body_bytes)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, **limits.runner_options())
    await runner.setup()
    assert runner.server is not None
    context = server_context(pki) if pki else None
    server = await guard.listen(runner.server, host, 0, context)
    try:
        yield Served(server.sockets[0].getsockname()[1], guard, pki)
    finally:
        server.close()
        await runner.cleanup()
        await server.wait_closed()


@asynccontextmanager
async def client(served: Served, token: str | None = "") -> AsyncIterator[aiohttp.ClientSession]:
    """`token`: empty for the right one, None for none."""
    headers = {}
    context: ssl.SSLContext | bool = True
    if served.pki is not None:
        context = ssl.create_default_context(cafile=str(served.pki.ca_path))
        token = served.pki.token if token == "" else token
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(served.url, connector=connector, headers=headers) as session:
        yield session


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as err:
        return web.json_response(err.status, status=err.code)
