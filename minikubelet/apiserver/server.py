"""The API server: what kubectl and the client libraries talk to.

Role: put the handlers together into one application, turn errors into Status objects, listen, stop.
Invariants: whatever a handler raises, the client gets a Status and the log at most one entry; when
the server stops, watches end cleanly first (A-4).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import cast

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from minikubelet.apiserver.access import Access, access_middleware
from minikubelet.apiserver.chores import Chores
from minikubelet.apiserver.deleting import ObjectDeleter
from minikubelet.apiserver.documents import document_routes
from minikubelet.apiserver.garbage import GarbageCollector
from minikubelet.apiserver.health import HealthCheck, health_routes
from minikubelet.apiserver.limits import ConnectionGuard, Limits, limits_middleware
from minikubelet.apiserver.namespaces import NamespaceKeeper
from minikubelet.apiserver.pod_actions import PodActions
from minikubelet.apiserver.pod_logs import PodLogs
from minikubelet.apiserver.presentation import present
from minikubelet.apiserver.resources import ResourceHandlers
from minikubelet.apiserver.responses import (
    ApiError,
    bad_request,
    internal_error,
    method_not_allowed,
    no_such_path,
    too_large,
)
from minikubelet.apiserver.reviews import reviews_routes
from minikubelet.apiserver.routes import pod_routes, resource_routes, stream_routes
from minikubelet.apiserver.services import ApiServices, Route
from minikubelet.apiserver.streams import PodStreams
from minikubelet.apiserver.watching import Watches
from minikubelet.apiserver.writing import ObjectWriter
from minikubelet.log import get_logger
from minikubelet.store.objects import StoreWriteError

log = get_logger(__name__)

_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STOP_SECONDS = 2.0


class ApiServer:
    """Listens, and looks after what deletions leave behind. Reachable from `start` to `stop`."""

    def __init__(
        self,
        services: ApiServices,
        access: Access,
        *,
        tls: ssl.SSLContext | None = None,
        checks: Sequence[HealthCheck] = (),
        limits: Limits | None = None,
    ) -> None:
        self._tls = tls
        self._limits = limits or Limits()
        self.guard = ConnectionGuard(self._limits, services.clock)
        self.watches = Watches(services.clock)
        self._logs = PodLogs(services)
        self._streams = PodStreams(services)
        deleter = ObjectDeleter(services)
        writer = ObjectWriter(services)
        keeper = NamespaceKeeper(services, writer, deleter)
        garbage = GarbageCollector(services.store, deleter)
        deleter.orphan_dependents = garbage.orphan
        self._chores = Chores(services.store, services.clock, (keeper, garbage))
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        routes = _routes(
            services, access, writer, deleter, self.watches, self._logs, self._streams, checks
        )
        self.app = build_app(routes, access, self._limits, self.guard)

    async def start(self, host: str, port: int) -> int:
        """Returns the port. Raises OSError when it cannot listen there."""
        self.prepare()
        self._runner = web.AppRunner(
            self.app, shutdown_timeout=_STOP_SECONDS, **self._limits.runner_options()
        )
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._listener = listener = await self.guard.listen(server, host, port, self._tls)
        return int(listener.sockets[0].getsockname()[1])

    def prepare(self) -> None:
        """Make the namespaces that always exist, and begin to clean up after deletions."""
        self._chores.start()

    async def stop(self) -> None:
        self.watches.end()
        self._logs.end()
        self._streams.end()
        self._chores.stop()
        if self._runner is None:
            return
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()
        self._runner = None


def build_app(
    routes: Iterator[Route], access: Access, limits: Limits, guard: ConnectionGuard
) -> web.Application:
    app = web.Application(
        middlewares=[
            limits_middleware(guard),
            cast(Middleware, present),
            _error_middleware(limits.body_bytes),
            cast(Middleware, access_middleware(access)),
        ],
        client_max_size=limits.body_bytes,
    )
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    return app


def _routes(
    services: ApiServices,
    access: Access,
    writer: ObjectWriter,
    deleter: ObjectDeleter,
    watches: Watches,
    logs: PodLogs,
    streams: PodStreams,
    checks: Sequence[HealthCheck],
) -> Iterator[Route]:
    """In the order in which they are tried."""
    handlers = ResourceHandlers(services, writer, deleter, watches)
    yield from services.extra_routes
    yield from health_routes(checks)
    yield from document_routes()
    yield from reviews_routes(access, services.clock)
    yield from pod_routes(PodActions(services, deleter, handlers), logs.handle)
    yield from stream_routes(streams)
    yield from resource_routes(handlers)


def _error_middleware(body_limit: int) -> Middleware:
    @web.middleware
    async def render_errors(request: web.Request, handler: _Next) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as err:
            error = err
        except web.HTTPException as err:
            error = _of_http(err, body_limit)
        except web.RequestPayloadError as err:  # compressed wrongly, cut off
            error = bad_request(f"cannot read the body: {err}")
        except StoreWriteError as err:
            error = internal_error(str(err))
        except ConnectionError:
            raise  # the client has gone: nobody to tell
        except Exception as err:
            log.exception("request failed", method=request.method, path=request.path)
            error = internal_error(f"{type(err).__name__}: {err}")
        return error_response(error)

    return render_errors


def error_response(error: ApiError) -> web.Response:
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return web.Response(
        body=orjson.dumps(error.status),
        status=error.code,
        content_type="application/json",
        headers=headers,
    )


def _of_http(error: web.HTTPException, body_limit: int) -> ApiError:
    match error.status:
        case 404:
            return no_such_path()
        case 405:
            return method_not_allowed()
        case 413:
            return too_large(body_limit)
    reason = "BadRequest" if error.status == 400 else "Unknown"
    return ApiError(error.status, reason, error.text or error.reason)
