"""Who may talk to the API server, and from where.

Role: `Access` decides (bearer token, client certificate of our CA; K-3, K-7) and checks `Host` and
`Origin`, so that no web page in a browser of this host reaches the API (K-8); `access_middleware`
applies it to every request. Who passes may run commands as the daemon's user.
Invariants: without a credential only health and version answer; secrets are compared in constant
time.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from minikubelet.apiserver.responses import ApiError
from minikubelet.value_class import dataclass

Middleware = Callable[
    [web.Request, Callable[[web.Request], Awaitable[web.StreamResponse]]],
    Awaitable[web.StreamResponse],
]

_PUBLIC = frozenset({"/healthz", "/livez", "/readyz", "/version", "/version/"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as `kubectl auth whoami` shows it."""

    name: str
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Access:
    """The credentials and names that are good here."""

    token: str = field(repr=False)
    user_name: str = "minikubelet"
    """Of who brings the token; a client certificate brings its own."""
    hosts: frozenset[str] = frozenset()
    """By what else than loopback the server is reached: names and addresses that it was told to
    listen on. The address that a connection came to always counts."""

    def user(self, authorization: str | None, certificate: Mapping[str, Any] | None) -> User | None:
        """`certificate` as `SSLSocket.getpeercert()` gives it: verified by the handshake. A wrong
        token is not mended by a certificate."""
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            good = scheme.lower() == "bearer" and hmac.compare_digest(
                token.strip().encode("utf-8", "surrogateescape"), self.token.encode()
            )
            return User(self.user_name) if good else None
        return _certified(certificate) if certificate else None

    def knows_host(
        self, authority: str, port: int, local_address: str = "", scheme: str = "https"
    ) -> bool:
        """Whether `host[:port]` names this server at `port` of `local_address`."""
        host, asked_port = _split_authority(authority)
        if asked_port is None:
            asked_port = _DEFAULT_PORTS.get(scheme)
        if host is None or asked_port != port:
            return False
        own = {_plain_address(known) for known in self.hosts}
        return host in _LOOPBACK_NAMES or host in own or host == _plain_address(local_address)

    def knows_origin(self, origin: str, port: int, local_address: str = "") -> bool:
        """Clients name themselves with http or https, whichever is spoken (K-8)."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in _DEFAULT_PORTS or parts.path or parts.query:
            return False
        return self.knows_host(parts.netloc, port, local_address, parts.scheme)


def user_of(request: web.Request, access: Access) -> User | None:
    """Who asks; None when no good credential came along."""
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport else None
    return access.user(request.headers.get("Authorization"), certificate)


def access_middleware(access: Access) -> Middleware:
    """Refuses with an `ApiError`; to be placed inside of what renders those."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        _check_place(request, access)
        if request.path not in _PUBLIC and user_of(request, access) is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return await handler(request)

    return check


def _check_place(request: web.Request, access: Access) -> None:
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport else None
    if not isinstance(name, tuple):
        return  # a Unix socket, which no browser opens; or the client has gone
    address, port = str(name[0]), int(name[1])
    host = request.headers.get("Host", "")
    if not access.knows_host(host, port, address, request.scheme):
        raise _forbidden(f"the host {host!r} is not this server")
    for origin in request.headers.getall("Origin", ()):
        if not access.knows_origin(origin, port, address):
            raise _forbidden(f"the origin {origin!r} is not this server")


def _forbidden(why: str) -> ApiError:
    return ApiError(403, "Forbidden", f"forbidden: {why}")


def _certified(certificate: Mapping[str, Any]) -> User | None:
    """Upstream's rule: the common name is the user, the organizations are the groups."""
    names = [pair for group in certificate.get("subject", ()) for pair in group]
    name = next((str(value) for key, value in names if key == "commonName"), "")
    groups = tuple(str(value) for key, value in names if key == "organizationName")
    return User(name, (*groups, "system:authenticated")) if name else None


def _split_authority(authority: str) -> tuple[str | None, int | None]:
    """`host`, `host:port`, `[v6]`, `[v6]:port` → plain host and port; (None, None) for others."""
    if authority.startswith("["):
        host, closed, rest = authority[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return None, None
        port = rest[1:]
    else:
        host, _, port = authority.partition(":")
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None, None
    if not host:
        return None, None
    return _plain_address(host), int(port) if port else None


@lru_cache(maxsize=256)
def _plain_address(host: str) -> str:
    """One spelling for each: lower case, no zone, no final dot, IPv6 shortened."""
    host = host.strip().lower().partition("%")[0].removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
