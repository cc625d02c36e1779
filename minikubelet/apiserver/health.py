"""/healthz, /livez and /readyz, in the form of the API server's upstream.

Role: run the checks that the program was put together with and say how they went. Public: why a
check failed is written to the log alone.
Upstream: apiserver pkg/server/healthz.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from minikubelet.apiserver.services import Handler, Route
from minikubelet.log import get_logger

log = get_logger(__name__)


class HealthCheck(NamedTuple):
    name: str
    failure: Callable[[], str | None]
    """Why it fails; None when all is well. Must not wait; raising counts as a failure."""
    live: bool = False
    """Asked by /livez too: only a restart of the daemon can mend it."""


PING = HealthCheck("ping", lambda: None, live=True)


def health_routes(checks: Sequence[HealthCheck]) -> tuple[Route, ...]:
    """The three endpoints, and one path for each check beneath them."""
    every = (PING, *checks)
    alive = tuple(check for check in every if check.live)
    routes: list[Route] = []
    for endpoint, asked in (("healthz", every), ("livez", alive), ("readyz", every)):
        routes.append(Route("GET", f"/{endpoint}", _all_handler(endpoint, asked)))
        for check in asked:
            routes.append(Route("GET", f"/{endpoint}/{check.name}", _one_handler(check)))
    return tuple(routes)


def report(
    endpoint: str, checks: Sequence[HealthCheck], excluded: Sequence[str] = ()
) -> tuple[bool, str]:
    """Whether all is well, and the text that `?verbose` shows."""
    lines: list[str] = []
    failed = False
    for check in checks:
        if check.name in excluded:
            lines.append(f"[+]{check.name} excluded: ok")
        elif why := _failure(check):
            failed = True
            log.warning("health check failed", check=check.name, reason=why)
            lines.append(f"[-]{check.name} failed: reason withheld")
        else:
            lines.append(f"[+]{check.name} ok")
    unknown = sorted(set(excluded) - {check.name for check in checks})
    if unknown:
        quoted = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
    lines.append(f"{endpoint} check {'failed' if failed else 'passed'}")
    return not failed, "\n".join(lines) + "\n"


def _all_handler(endpoint: str, checks: Sequence[HealthCheck]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        good, text = report(endpoint, checks, request.query.getall("exclude", []))
        if not good:
            return _failed(text)
        return web.Response(text=text if "verbose" in request.query else "ok")

    return handle


def _one_handler(check: HealthCheck) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        why = _failure(check)
        return _failed(f"internal server error: {why}\n") if why else web.Response(text="ok")

    return handle


def _failed(text: str) -> web.Response:
    return web.Response(status=500, text=text, headers={"X-Content-Type-Options": "nosniff"})


def _failure(check: HealthCheck) -> str | None:
    try:
        return check.failure()
    except Exception as error:
        log.exception("health check cannot be made", check=check.name)
        return f"{type(error).__name__}: {error}"
