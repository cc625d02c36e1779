"""Who gets in, and from where."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from minikubelet.apiserver.access import Access, User
from minikubelet.apiserver.health import health_routes
from minikubelet.apiserver.pki import Pki, prepare_pki
from minikubelet.apiserver.services import Route
from minikubelet.clock import SystemClock
from tests.apiserver.serving import Served, client, serving

TOKEN = "t" * 64
ACCESS = Access(TOKEN)


async def _hello(request: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


ROUTES: Sequence[Route] = (
    Route("GET", "/api", _hello),
    Route("GET", "/version", _hello),
    *health_routes(()),
)


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        pytest.param(f"Bearer {TOKEN}", User("minikubelet"), id="the token"),
        pytest.param(f"bearer  {TOKEN}", User("minikubelet"), id="the scheme in any case"),
        pytest.param("Bearer " + "t" * 63, None, id="a part of the token"),
        pytest.param(f"Bearer {TOKEN}t", None, id="more than the token"),
        pytest.param("Bearer ", None, id="an empty token"),
        pytest.param(f"Basic {TOKEN}", None, id="another scheme"),
        pytest.param("Bearer \udcff", None, id="bytes that are no text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_token(authorization: str | None, user: User | None) -> None:
    assert ACCESS.user(authorization, None) == user


def test_a_certificate_tells_user_and_groups() -> None:
    subject = ((("organizationName", "ops"),), (("commonName", "ada"),))
    certificate: dict[str, Any] = {"subject": subject}
    assert ACCESS.user(None, certificate) == User("ada", ("ops", "system:authenticated"))
    assert ACCESS.user("Bearer wrong", certificate) is None
    assert ACCESS.user(None, {"subject": ((("organizationName", "ops"),),)}) is None


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:6443", True),
        ("localhost:6443", True),
        ("LOCALHOST:6443", True),
        ("localhost.:6443", True),
        ("[::1]:6443", True),
        ("[0:0::1]:6443", True),
        ("[::ffff:127.0.0.1]:6443", True),
        ("10.1.2.3:6443", True),  # the address that the connection came to
        ("node.lan:6443", True),  # it was told to listen there
        ("[fe80::1%eth0]:6443", True),
        ("127.0.0.1:6444", False),
        ("127.0.0.1", False),
        ("evil.example:6443", False),
        ("localhost.evil.example:6443", False),
        ("127.0.0.1.evil.example:6443", False),
        ("10.9.9.9:6443", False),
        ("[::1", False),
        ("[::1]6443", False),
        ("::1:6443", False),
        ("127.0.0.1:64x3", False),
        pytest.param("127.0.0.1:" + "6" * 5000, False, id="a port that Python does not read"),
        ("user@127.0.0.1:6443", False),
        (":6443", False),
        ("", False),
    ],
)
def test_host(host: str, known: bool) -> None:  # K-8
    access = Access(TOKEN, hosts=frozenset({"node.lan", "fe80::1"}))
    assert access.knows_host(host, 6443, "10.1.2.3") is known


def test_a_host_may_leave_out_the_port_of_its_scheme() -> None:
    assert ACCESS.knows_host("localhost", 443)
    assert ACCESS.knows_host("localhost", 80, scheme="http")
    assert not ACCESS.knows_host("localhost", 443, scheme="http")


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        ("https://127.0.0.1:6443", True),
        ("http://127.0.0.1:6443", True),  # older Python clients, on WebSocket handshakes
        ("https://[::1]:6443", True),
        ("https://127.0.0.1", False),
        ("https://127.0.0.1:6443/path", False),
        ("https://evil.example", False),
        ("https://evil.example:6443", False),
        ("file://127.0.0.1:6443", False),
        ("https://[::1:6443", False),
        ("null", False),
        ("", False),
    ],
)
def test_origin(origin: str, known: bool) -> None:  # K-8
    assert ACCESS.knows_origin(origin, 6443) is known


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        pytest.param("/api", {}, 401, id="no credential"),
        pytest.param("/api", {"Authorization": "Bearer x"}, 401, id="a wrong one"),
        pytest.param("/nowhere", {}, 401, id="what exists is not told"),
        pytest.param("/api", {"Authorization": f"Bearer {TOKEN}"}, 200, id="the right one"),
        pytest.param("/version", {}, 200, id="the version is public"),
        pytest.param("/healthz", {}, 200, id="health is public"),
        pytest.param("/livez", {}, 200, id="liveness is public"),
        pytest.param("/readyz?verbose", {}, 200, id="readiness is public"),
        pytest.param("/readyz/ping", {}, 401, id="a single check is not: it says why it fails"),
        pytest.param("/healthz", {"Host": "evil.example"}, 403, id="a name bound to us"),
        pytest.param("/version", {"Origin": "https://evil.example"}, 403, id="a web page"),
        pytest.param("/version", {"Origin": "null"}, 403, id="a sandboxed web page"),
    ],
)
async def test_requests(path: str, headers: dict[str, str], code: int) -> None:
    async with (
        serving(ROUTES, access=ACCESS) as served,
        client(served) as session,
        session.get(path, headers=headers) as response,
    ):
        assert response.status == code
        if code >= 400:
            status = await response.json()
            assert (status["kind"], status["code"]) == ("Status", code)


async def test_tls_takes_the_token_or_a_certificate_of_our_own(tmp_path: Path) -> None:
    async with serving(ROUTES, pki_dir=tmp_path / "pki") as served:
        assert served.pki is not None
        async with client(served) as session, session.get("/api") as response:
            assert response.status == 200
        async with client(served, None) as session, session.get("/api") as response:
            assert response.status == 401
        assert await _status_with_certificate(served, served.pki) == 200


async def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    foreign = prepare_pki(tmp_path / "theirs", SystemClock().now())
    async with serving(ROUTES, pki_dir=tmp_path / "ours") as served:
        with pytest.raises(aiohttp.ClientError):
            await _status_with_certificate(served, foreign)


async def _status_with_certificate(served: Served, pki: Pki) -> int:
    assert served.pki is not None
    context = ssl.create_default_context(cafile=str(served.pki.ca_path))
    context.load_cert_chain(pki.certificate_path("client"), pki.key_path("client"))
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        aiohttp.ClientSession(served.url, connector=connector) as session,
        session.get("/api") as response,
    ):
        return response.status


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_offers_http_1_alone(tmp_path: Path, maximum: ssl.TLSVersion) -> None:  # K-1
    async with serving(ROUTES, pki_dir=tmp_path / "pki") as served:
        assert served.pki is not None
        context = ssl.create_default_context(cafile=str(served.pki.ca_path))
        context.maximum_version = maximum
        context.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection("localhost", served.port, ssl=context)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.close()
        await writer.wait_closed()
