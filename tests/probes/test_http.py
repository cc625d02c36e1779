"""HTTP probes against real servers on loopback (section 3.1, TV-34 … TV-40)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Container, ContainerPort, HTTPGetAction, HTTPHeader
from minikubelet.probes.http import HTTPProbeFailure, http_get, probe_http
from minikubelet.probes.http_request import LIFECYCLE_USER_AGENT, http_request
from minikubelet.probes.result import Outcome, ProbeResult
from tests.probes.servers import Handler, Peer, a_server, answering, unused_port

CLOCK = SystemClock()
SOON = 0.2
"""A time-out for servers that never answer."""


async def probe(
    port: int | str, path: str = "/", timeout: float = 10, **fields: Any
) -> ProbeResult:
    container = Container(name="app", ports=(ContainerPort(1, name="other"),))
    action = HTTPGetAction(port, path, **fields)
    return await probe_http(action, container, "127.0.0.1", timeout, CLOCK)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


def normal(result: ProbeResult, port: int) -> ProbeResult:
    """With the server's port as PORT and the client's as CLIENT."""
    output = result.output.replace(f":{port}", ":PORT")
    output = re.sub(r"127\.0\.0\.1:\d+->", "127.0.0.1:CLIENT->", output)
    return ProbeResult(result.outcome, output, result.error, result.detail)


def success(output: str) -> ProbeResult:
    return ProbeResult(Outcome.SUCCESS, output)


def failure(output: str, detail: str = "") -> ProbeResult:
    return ProbeResult(Outcome.FAILURE, output, detail=detail)


GET = 'Get "http://127.0.0.1:PORT/": '


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(answer("200 OK", b"ok"), success("ok"), id="P-326: 200"),
        pytest.param(answer("299 Fine"), success(""), id="P-326: 299"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nbye", success("bye"), id="HTTP/1.0 until the close"),
        pytest.param(
            answer("500 Oh", b"cause"),
            failure("HTTP probe failed with statuscode: 500", "body: cause"),
            id="TV-39: 500; B-15: its body is evidence",
        ),
        pytest.param(
            answer("404 No"),
            failure("HTTP probe failed with statuscode: 404", "empty body"),
            id="P-326: 404",
        ),
        pytest.param(
            answer("308 Gone", b"text"),
            ProbeResult(Outcome.WARNING, "Probe terminated redirects, Response body: text"),
            id="TV-37: 308 without Location",
        ),
        pytest.param(
            answer("302 Go", b"text", "Location: http://elsewhere/x"),
            ProbeResult(
                Outcome.WARNING,
                "Probe terminated redirects, Response body: text"
                " (redirect to http://elsewhere/x not followed)",
            ),
            id="TV-38: to another hostname; B-14: which is named",
        ),
        pytest.param(
            answer("200 OK", b"x" * 10241), success("x" * 10240), id="TV-39: a body cut at 10240"
        ),
        pytest.param(
            b"garbage\r\n",
            failure(
                f"{GET}net/http: HTTP/1.x transport connection broken: "
                'malformed HTTP response "garbage"'
            ),
            id="P-327: garbage",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            failure("unexpected EOF"),
            id="B-8: a body that ends too early",
        ),
    ],
)
async def test_answers(data: bytes, expected: ProbeResult) -> None:
    async with a_server(answering(data)) as server:
        assert normal(await probe(server.port), server.port) == expected


async def stall(peer: Peer) -> None:
    await peer.stall()


async def stall_in_head(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-")
    await peer.stall()


async def stall_in_body(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
    await peer.stall()


async def close_silently(peer: Peer) -> None:
    await peer.request()


async def reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def reset_in_body(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
    peer.reset()


AWAITING = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
READING = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
RESET = "read tcp 127.0.0.1:CLIENT->127.0.0.1:PORT: read: connection reset by peer"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        pytest.param(stall, f"{GET}{AWAITING}", id="TV-39: no answer in time"),
        pytest.param(stall_in_head, f"{GET}{AWAITING}", id="half a head in time"),
        pytest.param(stall_in_body, READING, id="B-8: half a body in time"),
        pytest.param(close_silently, f"{GET}EOF", id="closed without answer"),
        pytest.param(reset, f"{GET}{RESET}", id="TV-39: reset"),
        pytest.param(reset_in_body, RESET, id="B-8: reset in the body"),
    ],
)
async def test_servers_that_misbehave(handler: Handler, expected: str) -> None:
    async with a_server(handler) as server:
        result = await probe(server.port, timeout=SOON)
        assert normal(result, server.port) == failure(expected)


async def test_nobody_listens() -> None:
    port = unused_port()
    expected = failure(f"{GET}dial tcp 127.0.0.1:PORT: connect: connection refused")
    assert normal(await probe(port), port) == expected


async def test_a_host_without_address() -> None:
    result = await probe(80, host="a..b")
    assert result == failure('Get "http://a..b:80/": dial tcp: lookup a..b: no such host')


@pytest.mark.parametrize("host", ["a..b", ".x", "x" * 70, "a\0b"])
async def test_a_host_that_no_certificate_could_name(host: str) -> None:
    text = f'Get "https://{host}:80/": dial tcp: lookup {host}: no such host'
    assert await probe(80, host=host, scheme="HTTPS") == failure(text)


async def test_byte_by_byte() -> None:
    async def dribble(peer: Peer) -> None:
        for byte in answer("200 OK", b"slowly"):
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)

    async with a_server(dribble) as server:
        assert await probe(server.port) == success("slowly")


async def test_chunks_with_pauses() -> None:
    async def send_chunks(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b"3\r\nabc", b"\r\n3\r\nde", b"f\r\n0\r\n", b"\r\n"):
            await peer.send(part)
            await asyncio.sleep(0)

    async with a_server(send_chunks) as server:
        assert await probe(server.port) == success("abcdef")


async def test_an_answer_before_the_request_is_read() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.send(answer("503 Busy"))

    async with a_server(refuse) as server:
        result = await probe(server.port)
    assert result.output == "HTTP probe failed with statuscode: 503"


async def test_an_endless_head() -> None:
    async def ramble(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        for _ in range(200):
            await peer.send(b"X-Long: " + b"x" * 65536 + b"\r\n")

    async with a_server(ramble) as server:
        result = await probe(server.port)
        text = "net/http: server response headers exceeded 10485760 bytes; aborted"
        assert normal(result, server.port) == failure(f"{GET}{text}")


async def test_sends_what_upstream_sends() -> None:  # TV-34
    requests: list[bytes] = []

    async def note(peer: Peer) -> None:
        requests.append(await peer.request())
        await peer.send(answer("200 OK"))

    async with a_server(note) as server:
        headers = (HTTPHeader("x-foo", "bar"), HTTPHeader("Host", "example.com"))
        await probe(server.port, "/health?full=1", http_headers=headers)
    assert requests == [
        b"GET /health?full=1 HTTP/1.1\r\n"
        b"Host: example.com\r\n"
        b"User-Agent: kube-probe/1.36\r\n"
        b"Accept: */*\r\n"
        b"X-Foo: bar\r\n"
        b"Connection: close\r\n\r\n"
    ]


async def test_ignores_proxies(monkeypatch: pytest.MonkeyPatch) -> None:  # TV-40
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    async with a_server(answering(answer("200 OK", b"direct"))) as server:
        assert await probe(server.port) == success("direct")


# --- redirects -------------------------------------------------------------------------------


def by_path(answers: dict[str, bytes]) -> Handler:
    async def handle(peer: Peer) -> None:
        path = (await peer.request()).split(b" ")[1].decode()
        await peer.send(answers[path])

    return handle


def to(location: str, status: int = 302) -> bytes:
    return answer(f"{status} Go", b"", f"Location: {location}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_follows_redirects(status: int) -> None:  # TV-37
    answers = {"/": to("/end", status), "/end": answer("200 OK", b"arrived")}
    async with a_server(by_path(answers)) as server:
        assert await probe(server.port) == success("arrived")


async def test_a_redirect_to_an_error_is_one() -> None:  # TV-37
    async with a_server(by_path({"/": to("/end"), "/end": answer("500 Oh")})) as server:
        assert (await probe(server.port)).outcome is Outcome.FAILURE


async def test_follows_to_another_port() -> None:  # TV-38
    async with a_server(answering(answer("200 OK", b"there"))) as other:
        handler = answering(to(f"http://127.0.0.1:{other.port}/"))
        async with a_server(handler) as server:
            assert await probe(server.port) == success("there")


@pytest.mark.parametrize("port", ["65536", "9" * 5000])
async def test_a_redirect_to_a_port_that_there_is_not(port: str) -> None:
    async with a_server(answering(to(f"http://127.0.0.1:{port}/"))) as server:
        text = f'Get "http://127.0.0.1:{port}/": dial tcp: address {port}: invalid port'
        assert await probe(server.port) == failure(text)


async def test_does_not_wait_for_the_body_of_a_redirect() -> None:
    async def handle(peer: Peer) -> None:
        if b"GET / " in await peer.request():
            await peer.send(b"HTTP/1.1 302 Go\r\nLocation: /end\r\nContent-Length: 9\r\n\r\n")
            await peer.stall()
        await peer.send(answer("200 OK", b"arrived"))

    async with a_server(handle) as server:
        assert await probe(server.port) == success("arrived")


async def test_a_loop_ends() -> None:  # TV-38, P-323
    count = 0

    async def handle(peer: Peer) -> None:
        nonlocal count
        count += 1
        await peer.request()
        await peer.send(to("/again"))

    async with a_server(handle) as server:
        assert await probe(server.port) == failure('Get "/again": stopped after 10 redirects')
    assert count == 10


async def test_one_deadline_for_all_redirects() -> None:  # P-310
    async def handle(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(SOON / 4)
        await peer.send(to("/again"))

    async with a_server(handle) as server:
        result = await probe(server.port, timeout=SOON)
        expected = f'Get "http://127.0.0.1:PORT/again": {AWAITING}'
        assert normal(result, server.port) == failure(expected)


# --- TLS -------------------------------------------------------------------------------------

GET_TLS = 'Get "https://127.0.0.1:PORT/": '


async def test_any_certificate_will_do() -> None:  # P-319
    async with a_server(answering(answer("200 OK", b"secret")), tls=True) as server:
        assert await probe(server.port, scheme="HTTPS") == success("secret")


async def test_a_large_answer_over_tls() -> None:
    async with a_server(answering(answer("200 OK", b"x" * 99999)), tls=True) as server:
        assert await probe(server.port, scheme="HTTPS") == success("x" * 10240)


async def test_until_the_close_over_tls() -> None:
    async with a_server(answering(b"HTTP/1.0 200 OK\r\n\r\nbye"), tls=True) as server:
        assert await probe(server.port, scheme="HTTPS") == success("bye")


async def test_redirect_from_http_to_https() -> None:  # P-321
    async with a_server(answering(answer("200 OK", b"safe")), tls=True) as secure:
        location = to(f"https://127.0.0.1:{secure.port}/")
        async with a_server(answering(location)) as server:
            assert await probe(server.port) == success("safe")


async def answer_in_clear(peer: Peer) -> None:
    await peer.reader.read(1)
    await peer.send(answer("400 Bad Request"))


async def talk_nonsense(peer: Peer) -> None:
    await peer.reader.read(1)
    await peer.send(b"nonsense, and more of it")


async def hang_up(peer: Peer) -> None:
    await peer.reader.read(9999)


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        pytest.param(
            answer_in_clear,
            "http: server gave HTTP response to HTTPS client",
            id="P-327: a plain server",
        ),
        pytest.param(
            talk_nonsense, "tls: first record does not look like a TLS handshake", id="nonsense"
        ),
        pytest.param(hang_up, "EOF", id="closed in the handshake"),
        pytest.param(stall, AWAITING, id="no handshake in time"),
    ],
)
async def test_servers_without_tls(handler: Handler, text: str) -> None:
    async with a_server(handler) as server:
        result = await probe(server.port, scheme="HTTPS", timeout=SOON)
        assert normal(result, server.port) == failure(GET_TLS + text)


# --- hosts, ports, hooks ---------------------------------------------------------------------


async def test_a_name_with_several_addresses() -> None:
    async with a_server(answering(answer("200 OK", b"home"))) as server:
        assert await probe(server.port, host="localhost") == success("home")


async def test_a_port_that_cannot_be_resolved_is_an_error() -> None:  # P-303
    error = 'strconv.Atoi: parsing "web": invalid syntax'
    assert await probe("web") == ProbeResult(Outcome.UNKNOWN, error=error)


async def test_a_header_that_cannot_be_sent() -> None:
    headers = (HTTPHeader("X", "a\r\nEvil: b"),)
    expected = f'{GET}net/http: invalid header field value for "X"'
    assert normal(await probe(80, http_headers=headers), 80) == failure(expected)


async def test_hooks_take_any_status_and_have_their_own_name() -> None:  # L-187, L-188
    requests: list[bytes] = []

    async def handle(peer: Peer) -> None:
        requests.append(await peer.request())
        await peer.send(answer("500 Oh", b"so what"))

    async with a_server(handle) as server:
        action = HTTPGetAction(server.port, "/hook")
        request = http_request(action, server.port, "127.0.0.1", LIFECYCLE_USER_AGENT)
        found = await http_get(request, 10, CLOCK)
    assert (found.status, found.body) == (500, b"so what")
    assert b"\r\nUser-Agent: kube-lifecycle/1.36\r\n" in requests[0]


async def test_hooks_learn_that_the_answer_was_plain() -> None:  # L-187
    async with a_server(answer_in_clear) as server:
        action = HTTPGetAction(server.port, "/", scheme="HTTPS")
        request = http_request(action, server.port, "127.0.0.1", LIFECYCLE_USER_AGENT)
        with pytest.raises(HTTPProbeFailure) as caught:
            await http_get(request, 10, CLOCK)
    assert caught.value.plain_answer


async def test_cancelling_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def wait_for_the_end(peer: Peer) -> None:
        await peer.request()
        connected.set()
        assert await peer.reader.read() == b""
        gone.set()

    connected = asyncio.Event()
    async with a_server(wait_for_the_end) as server, asyncio.TaskGroup() as group:
        task = group.create_task(probe(server.port))
        await connected.wait()
        task.cancel()
        async with asyncio.timeout(10):
            await gone.wait()
