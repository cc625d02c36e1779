"""Endpoints that behave, well or badly, in the ways that probes meet, and a probe for each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from grpc_health.v1 import health_pb2

from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    TCPSocketAction,
)
from minikubelet.pod.listeners import Listener
from tests.probes.servers import Handler, Peer, a_server, unused_port
from tests.probes.test_grpc import Servicer, a_grpc_server
from tests.probes.test_http import answer, by_path, to

Handlers = dict[str, Any]
"""The handler of a probe, as keywords of `Probe`."""

LOOPBACK = "127.0.0.1"
PATIENT = 30
"""timeoutSeconds where time is not what the endpoint is about."""


@dataclass(frozen=True)
class Endpoint:
    probe: Callable[[int], Handlers]
    """For the port of the server, or for one on which nobody listens."""
    handler: Handler | None = None
    tls: bool = False
    grpc: bool = False
    """A real gRPC server, with the health service unless `without_health`."""
    without_health: bool = False
    timeout: int = PATIENT
    ports: tuple[ContainerPort, ...] = ()
    pod_ip: str = LOOPBACK
    listeners: Callable[[int], tuple[Listener, ...] | None] = lambda port: ()

    @property
    def container(self) -> Container:
        return Container(name="app", image="app", ports=self.ports)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """The port, while the server runs."""
        if self.grpc:
            with a_grpc_server(None if self.without_health else _servicer()) as port:
                yield port
        elif self.handler is None:
            yield unused_port()
        else:
            async with a_server(self.handler, tls=self.tls) as server:
                yield server.port


def _servicer() -> Servicer:
    servicer = Servicer()
    servicer.set("off", health_pb2.HealthCheckResponse.NOT_SERVING)
    return servicer


def http(path: str = "/healthz", **fields: Any) -> Callable[[int], Handlers]:
    return lambda port: {"http_get": HTTPGetAction(port, path, **fields)}


def https(port: int) -> Handlers:
    return {"http_get": HTTPGetAction(port, "/healthz", scheme="HTTPS")}


def tcp(port: int) -> Handlers:
    return {"tcp_socket": TCPSocketAction(port)}


def grpc(service: str = "") -> Callable[[int], Handlers]:
    return lambda port: {"grpc": GRPCAction(port, service)}


def says(status: str, body: bytes = b"", *headers: str) -> Handler:
    return writes(answer(status, body, *headers))


def writes(data: bytes) -> Handler:
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)

    return handle


def only(paths: dict[str, bytes]) -> Handler:
    """404 for all other paths."""

    async def handle(peer: Peer) -> None:
        path = (await peer.request()).split(b" ")[1].decode()
        await peer.send(paths.get(path, answer("404 Not Found", b"no such page\n")))

    return handle


def only_for_host(name: bytes, status: str, body: bytes) -> Handler:
    async def handle(peer: Peer) -> None:
        good = b"\r\nHost: " + name + b":" in await peer.request()
        await peer.send(answer("200 OK", b"ok") if good else answer(status, body))

    return handle


def late(seconds: float) -> Handler:
    async def handle(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(seconds)
        await peer.send(answer("200 OK", b"ok"))

    return handle


def streams(data: bytes) -> Handler:
    """Begins an answer and never ends it."""

    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)
        await peer.stall()

    return handle


async def hangs_up(peer: Peer) -> None:
    await peer.request()


async def resets(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def takes_no_tls(peer: Peer) -> None:
    """As web servers do: 400 for what is no HTTP."""
    first = await peer.reader.read(4096)
    good = first.startswith(b"GET ")
    await peer.send(answer("200 OK", b"ok") if good else answer("400 Bad Request"))


async def greets(peer: Peer) -> None:
    await peer.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    await peer.stall()


async def speaks_http2(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")


async def accepts(peer: Peer) -> None:
    await peer.stall()


def app_at(*addresses: str, port: int | None = None) -> Callable[[int], tuple[Listener, ...]]:
    """The app listens on the probed port, or on another one."""
    return lambda probed: tuple(
        Listener(address, port or probed, "app (pid 7)") for address in addresses
    )


def _remote(port: int) -> None:
    """Who listens on another host is not known."""


ENDPOINTS: dict[str, Endpoint] = {
    # who listens
    "http-nobody-listens": Endpoint(http()),
    "http-nobody-listens-there": Endpoint(http(), listeners=_remote),
    "http-app-on-another-port": Endpoint(http(), listeners=app_at("0.0.0.0", port=3000)),
    "http-app-on-its-declared-port": Endpoint(
        http(), ports=(ContainerPort(3000),), listeners=app_at("0.0.0.0", port=3000)
    ),
    "http-app-on-loopback-only-refuses": Endpoint(
        http(), pod_ip="127.0.0.2", listeners=app_at(LOOPBACK)
    ),
    "http-app-on-loopback-only-answers": Endpoint(
        http(), says("200 OK", b"ok\n"), listeners=app_at(LOOPBACK)
    ),
    "http-app-on-every-address": Endpoint(
        http(), says("200 OK", b"ok\n"), listeners=app_at("0.0.0.0")
    ),
    "http-host-without-address": Endpoint(http(host="a..b")),
    "http-host-is-loopback": Endpoint(http(host=LOOPBACK), says("200 OK")),
    "http-port-name-missing": Endpoint(
        lambda port: {"http_get": HTTPGetAction("web")}, ports=(ContainerPort(80, name="http"),)
    ),
    "http-port-by-name": Endpoint(
        lambda port: {"http_get": HTTPGetAction("web")}, ports=(ContainerPort(1, name="web"),)
    ),
    # statuses
    "http-404": Endpoint(http(), only({})),
    "http-404-elsewhere-200": Endpoint(http("/helth"), only({"/health": answer("200 OK")})),
    "http-404-without-slash": Endpoint(http("/live"), only({"/live/": answer("204 No Content")})),
    "http-400": Endpoint(http(), says("400 Bad Request", b"missing parameter")),
    "http-401": Endpoint(http(), says("401 Unauthorized", b"", "WWW-Authenticate: Basic")),
    "http-403": Endpoint(http(), says("403 Forbidden", b"<h1>Forbidden</h1>\nno entry\n")),
    "http-405": Endpoint(http(), says("405 Method Not Allowed")),
    "http-429": Endpoint(http(), says("429 Too Many Requests", b"slow down")),
    "http-503": Endpoint(http(), says("503 Service Unavailable", b'{"db": "down"}')),
    "http-host-header-wanted": Endpoint(
        http(), only_for_host(b"localhost", "400 Bad Request", b"Bad Request")
    ),
    "http-host-header-refused": Endpoint(
        http(), says("400 Bad Request", b"DisallowedHost: Invalid HTTP_HOST header: '127.0.0.1'.")
    ),
    "http-host-header-given": Endpoint(
        http(http_headers=(HTTPHeader("host", "example.com"),)), says("421 Misdirected Request")
    ),
    # redirects
    "http-redirect-followed": Endpoint(
        http("/"), by_path({"/": to("/ready"), "/ready": answer("200 OK", b"ready")})
    ),
    "http-redirect-to-another-host": Endpoint(
        http(), says("301 Moved Permanently", b"", "Location: https://www.example.com/healthz")
    ),
    "http-redirect-to-login": Endpoint(
        http("/"), by_path({"/": to("/login?next=/"), "/login?next=/": answer("200 OK", b"<form>")})
    ),
    "http-redirect-to-login-elsewhere": Endpoint(
        http(), says("302 Found", b"", "Location: https://sso.example.com/auth")
    ),
    "http-redirect-loop": Endpoint(http("/"), by_path({"/": to("/")})),
    "http-redirect-to-a-404": Endpoint(http("/"), only({"/": to("/helth")})),
    "http-redirect-to-nobody": Endpoint(
        http(), says("302 Found", b"", "Location: https://127.0.0.1:1/healthz")
    ),
    "http-304": Endpoint(http(), writes(b"HTTP/1.1 304 Not Modified\r\nLocation: /x\r\n\r\n")),
    # protocols
    "http-to-a-tls-server": Endpoint(http(), says("200 OK", b"ok"), tls=True),
    "http-to-a-tls-server-that-says-so": Endpoint(
        http(), says("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n")
    ),
    "https": Endpoint(https, says("200 OK", b"ok"), tls=True),
    "https-to-a-plain-server": Endpoint(https, takes_no_tls),
    "https-to-ssh": Endpoint(https, greets),
    "https-no-client-certificate": Endpoint(
        https, says("400 Bad Request", b"No required SSL certificate was sent\n"), tls=True
    ),
    "http-to-a-tls-alert": Endpoint(http(), writes(b"\x15\x03\x01\x00\x02\x02\x16")),
    "http-to-ssh": Endpoint(http(), greets),
    "http-to-http2": Endpoint(http(), speaks_http2),
    "http-hangs-up": Endpoint(http(), hangs_up),
    "http-resets": Endpoint(http(), resets),
    # time and size
    "http-slow": Endpoint(http(), late(1.2), timeout=1),
    "http-long-body": Endpoint(http(), says("200 OK", b"x" * 20000)),
    "http-endless-body": Endpoint(
        http(), streams(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"), timeout=1
    ),
    "http-short-body": Endpoint(http(), writes(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")),
    # tcp
    "tcp-open": Endpoint(tcp, accepts, listeners=app_at("0.0.0.0")),
    "tcp-nobody-listens": Endpoint(tcp),
    # grpc
    "grpc-serving": Endpoint(grpc(), grpc=True),
    "grpc-not-serving": Endpoint(grpc("off"), grpc=True),
    "grpc-unknown-service": Endpoint(grpc("db"), grpc=True),
    "grpc-without-health-service": Endpoint(grpc(), grpc=True, without_health=True),
    "grpc-denied": Endpoint(grpc("locked"), grpc=True),
    "grpc-to-http1": Endpoint(grpc(), says("400 Bad Request"), timeout=1),
    "grpc-to-a-tls-server": Endpoint(grpc(), accepts, tls=True, timeout=1),
    "grpc-to-silence": Endpoint(grpc(), accepts, timeout=1),
    "grpc-nobody-listens": Endpoint(grpc(), timeout=1),
}
