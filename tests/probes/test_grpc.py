"""gRPC probes against a real server and against bad ones (section 3.4, TV-41)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import GRPCAction
from minikubelet.probes.grpc import health_result, probe_grpc
from minikubelet.probes.grpc_health import (
    Code,
    HealthAnswer,
    answer_of,
    framed,
    request_message,
    serving_status,
)
from minikubelet.probes.result import Outcome, ProbeResult
from tests.probes.servers import Handler, Peer, a_server, unused_port

CLOCK = SystemClock()
HEALTHY = ProbeResult(Outcome.SUCCESS, "service healthy")


def failure(output: str, detail: str = "") -> ProbeResult:
    return ProbeResult(Outcome.FAILURE, output, detail=detail)


async def probe(port: int, service: str = "", timeout: float = 10) -> ProbeResult:
    return await probe_grpc(GRPCAction(port, service), "127.0.0.1", timeout, CLOCK)


# --- a real server ---------------------------------------------------------------------------


class Servicer(health.HealthServicer):  # type: ignore[misc]
    """The standard one, with a service that does not answer until the end of the test."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata: list[dict[str, str]] = []
        self.the_end = threading.Event()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the call
        self.metadata.append(dict(context.invocation_metadata()))
        match request.service:
            case "slow":
                self.the_end.wait(20)
            case "locked":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "no entry: 100 %")
            case "late":
                context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too late")
        return super().Check(request, context)


@contextlib.contextmanager
def a_grpc_server(servicer: Servicer | None = None) -> Iterator[int]:
    with futures.ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        if servicer is not None:
            health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            if servicer is not None:
                servicer.the_end.set()
            server.stop(None).wait()


async def test_a_real_server() -> None:  # P-356, P-357, TV-41
    servicer = Servicer()
    status = health_pb2.HealthCheckResponse
    servicer.set("web", status.SERVING)
    servicer.set("off", status.NOT_SERVING)
    servicer.set("unsure", status.UNKNOWN)
    with a_grpc_server(servicer) as port:
        found = {
            service: await probe(port, service)
            for service in ("", "web", "off", "unsure", "other", "locked", "late")
        }
    rpc = "error: health rpc probe failed: rpc error: code ="
    assert found == {
        "": HEALTHY,
        "web": HEALTHY,
        "off": failure('service unhealthy (responded with "NOT_SERVING")'),
        "unsure": failure('service unhealthy (responded with "UNKNOWN")'),
        "other": failure(f"{rpc} NotFound desc = "),
        "locked": failure(f"{rpc} PermissionDenied desc = no entry: 100 %"),
        "late": failure("timeout: health rpc did not complete within 10s"),
    }
    assert {call["user-agent"] for call in servicer.metadata} == {"kube-probe/1.36"}  # P-352


async def test_a_server_without_health_service() -> None:  # P-354
    with a_grpc_server() as port:
        assert await probe(port) == failure(
            "error: this server does not implement the grpc health protocol"
            " (grpc.health.v1.Health): Method not found!"
        )


async def test_a_slow_service() -> None:  # P-355, TV-41
    with a_grpc_server(Servicer()) as port:
        result = await probe(port, "slow", timeout=1)
    assert result == failure("timeout: health rpc did not complete within 1s")


async def test_nobody_listens() -> None:  # P-351, P-353, B-20
    port = unused_port()
    assert await probe(port, timeout=1) == failure(
        f'timeout: failed to connect service "127.0.0.1:{port}" within 1s:'
        " context deadline exceeded",
        f"dial tcp 127.0.0.1:{port}: connect: connection refused",
    )


async def test_waits_for_a_server_that_comes_up_in_time() -> None:  # P-351
    port = unused_port()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(probe(port))
        async with serving(by_frames(serve_healthy), port):
            result = await task
    assert result == HEALTHY


@contextlib.asynccontextmanager
async def serving(handler: Handler, port: int) -> AsyncIterator[None]:
    await asyncio.sleep(0)  # the first try finds nobody
    async with a_server(handler, port=port):
        yield


async def test_an_address_that_is_none() -> None:  # P-353
    result = await probe_grpc(GRPCAction(9090), "a..b", 1, CLOCK)
    text = 'error: failed to connect service at "a..b:9090": dial tcp: lookup a..b: no such host'
    assert result == failure(text)


# --- servers of single frames ----------------------------------------------------------------


def by_frames(serve: Any) -> Handler:
    """`serve(connection, stream)` prepares the frames that answer the request."""

    async def handle(peer: Peer) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        await peer.send(connection.data_to_send())
        while data := await peer.reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    assert event.stream_id is not None
                    serve(connection, event.stream_id)
            await peer.send(connection.data_to_send())

    return handle


GRPC = [(":status", "200"), ("content-type", "application/grpc")]


def serve_healthy(connection: H2Connection, stream: int) -> None:
    connection.send_headers(stream, GRPC)
    connection.send_data(stream, framed(b"\x08\x01"))
    connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)


def serve_trailers_only(connection: H2Connection, stream: int) -> None:
    status = [("grpc-status", "5"), ("grpc-message", "unknown service %22x%22")]
    connection.send_headers(stream, [*GRPC, *status], end_stream=True)


def serve_web_page(connection: H2Connection, stream: int) -> None:
    headers = [(":status", "404"), ("content-type", "text/html")]
    connection.send_headers(stream, headers, end_stream=True)


def serve_reset(connection: H2Connection, stream: int) -> None:
    connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM)


def serve_goodbye(connection: H2Connection, stream: int) -> None:
    connection.close_connection(last_stream_id=0)


RPC = "error: health rpc probe failed: rpc error: code ="


@pytest.mark.parametrize(
    ("serve", "expected"),
    [
        pytest.param(serve_healthy, HEALTHY, id="a server that is well"),
        pytest.param(
            serve_trailers_only,
            failure(f'{RPC} NotFound desc = unknown service "x"'),
            id="P-356: trailers only",
        ),
        pytest.param(
            serve_web_page,
            failure(
                "error: this server does not implement the grpc health protocol"
                " (grpc.health.v1.Health): unexpected HTTP status code received from server:"
                ' 404 (Not Found); transport: received unexpected content-type "text/html"'
            ),
            id="P-354: a server of web pages",
        ),
        pytest.param(
            serve_reset,
            failure(
                f"{RPC} Unavailable desc = stream terminated by RST_STREAM"
                " with error code: REFUSED_STREAM"
            ),
            id="a stream that is refused",
        ),
        pytest.param(
            serve_goodbye,
            failure(f"{RPC} Unavailable desc = the connection is draining"),
            id="a connection that is being closed",
        ),
    ],
)
async def test_frames(serve: Any, expected: ProbeResult) -> None:
    async with a_server(by_frames(serve)) as server:
        assert await probe(server.port) == expected


async def settings_and_close(peer: Peer) -> None:
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    await peer.send(connection.data_to_send())
    await peer.reader.read(65536)


async def test_a_connection_that_breaks_during_the_call() -> None:
    async with a_server(settings_and_close) as server:
        result = await probe(server.port)
    assert result.output.startswith(f"{RPC} Unavailable desc = error reading from server: ")


async def speak_http1(peer: Peer) -> None:
    await peer.reader.read(65536)
    await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def talk_nonsense(peer: Peer) -> None:
    await peer.reader.read(65536)
    await peer.send(b"\0\0\4\3\0\0\0\0\0nonsense" * 3)


async def stay_silent(peer: Peer) -> None:
    await peer.stall()


async def hang_up(peer: Peer) -> None:
    await peer.reader.read(65536)


@pytest.mark.parametrize(
    ("handler", "detail"),
    [
        pytest.param(
            speak_http1, "the server speaks HTTP/1, not HTTP/2", id="a server of HTTP/1.1"
        ),
        pytest.param(talk_nonsense, "http2: ", id="a server of nonsense"),
        pytest.param(stay_silent, "", id="a server that says nothing"),
        pytest.param(hang_up, "EOF", id="a server that hangs up"),
    ],
)
async def test_peers_that_are_not_ready(handler: Handler, detail: str) -> None:  # P-353
    async with a_server(handler) as server:
        result = await probe(server.port, timeout=1)
        text = f'timeout: failed to connect service "127.0.0.1:{server.port}" within 1s:'
        assert result.output == f"{text} context deadline exceeded"
        assert result.detail.startswith(detail)


# --- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "data"),
    [
        pytest.param("", b"\0\0\0\0\0", id="no service: an empty message"),
        pytest.param("web", b"\0\0\0\0\x05\x0a\x03web", id="a service"),
        pytest.param("x" * 200, b"\0\0\0\0\xcb\x0a\xc8\x01" + b"x" * 200, id="a long one"),
    ],
)
def test_request_message(service: str, data: bytes) -> None:
    assert framed(request_message(service)) == data


@pytest.mark.parametrize(
    ("message", "name"),
    [
        pytest.param(b"", "UNKNOWN", id="nothing"),
        pytest.param(b"\x08\x01", "SERVING", id="serving"),
        pytest.param(b"\x08\x02", "NOT_SERVING", id="not serving"),
        pytest.param(b"\x08\x03", "SERVICE_UNKNOWN", id="service unknown"),
        pytest.param(b"\x08\x09", "9", id="a number without a name"),
        pytest.param(b"\x12\x02ab\x1d0000\x2100000000\x08\x01", "SERVING", id="other fields"),
    ],
)
def test_serving_status(message: bytes, name: str) -> None:
    assert serving_status(message) == name


OK = {":status": "200", "content-type": "application/grpc", "grpc-status": "0"}


@pytest.mark.parametrize(
    ("headers", "data", "expected"),
    [
        pytest.param(OK, framed(b"\x08\x01"), HealthAnswer(0, serving="SERVING"), id="serving"),
        pytest.param(
            OK, b"",
            HealthAnswer(
                Code.Internal,
                "cardinality violation: received no response message"
                " from non-server-streaming RPC",
            ),
            id="no message",
        ),
        pytest.param(
            OK, b"\1\0\0\0\0",
            HealthAnswer(
                Code.Internal, "grpc: compressed flag set with identity or empty encoding"
            ),
            id="compressed",
        ),
        pytest.param(
            OK, framed(b"\x08"),
            HealthAnswer(
                Code.Internal,
                "grpc: failed to unmarshal the received message:"
                " proto: cannot parse invalid wire-format data",
            ),
            id="a message that ends too early",
        ),
        pytest.param(
            OK | {"grpc-status": "99"}, b"", HealthAnswer(99), id="a code that nobody knows"
        ),
        pytest.param(
            {":status": "200", "content-type": "application/grpc"}, b"",
            HealthAnswer(Code.Internal, "server closed the stream without sending trailers"),
            id="no status",
        ),
        pytest.param(
            OK | {"grpc-status": "-1"}, b"", HealthAnswer(0xFFFFFFFF), id="a negative code"
        ),
        pytest.param(
            OK | {"grpc-status": "²"}, b"",
            HealthAnswer(
                Code.Unknown,
                'transport: malformed grpc-status: strconv.ParseInt: parsing "²": invalid syntax',
            ),
            id="a code that is no number",
        ),
        pytest.param(
            OK | {"grpc-status": "9" * 5000}, b"",
            HealthAnswer(
                Code.Unknown,
                "transport: malformed grpc-status: strconv.ParseInt: parsing "
                f'"{"9" * 5000}": value out of range',
            ),
            id="a code of thousands of digits",
        ),
        pytest.param(
            {":status": "fine"}, b"",
            HealthAnswer(
                Code.Internal,
                'transport: malformed http-status: strconv.ParseInt: parsing "fine": '
                "invalid syntax",
            ),
            id="an HTTP status that is no number",
        ),
    ],
)  # fmt: skip
def test_answers(headers: dict[str, str], data: bytes, expected: HealthAnswer) -> None:
    assert answer_of(headers, data) == expected


def test_a_code_without_name() -> None:
    text = "error: health rpc probe failed: rpc error: code = Code(99) desc = odd"
    assert health_result(HealthAnswer(99, "odd"), 1) == failure(text)
