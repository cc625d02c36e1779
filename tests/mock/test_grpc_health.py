"""gRPC health, asked by a real client."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

from tests.mock.harness import Mock, free_port, get, running

CHECK = "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING = 1, 2


def check(port: int, service: str = "", timeout: float = 5) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=service)
        return int(stub.Check(request, timeout=timeout).status)


def failure(port: int, service: str = "", timeout: float = 5) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as raised:
        check(port, service, timeout)
    return raised.value.code()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def mock(port: int, request: pytest.FixtureRequest) -> Iterator[Mock]:
    with running("--grpc", str(port), *getattr(request, "param", ())) as mock:
        mock.read_until(f"listening: grpc {port}")
        yield mock


@pytest.mark.parametrize("mock", [("--grpc-service", "db")], indirect=True)
def test_services(mock: Mock, port: int) -> None:
    assert (check(port), check(port, "db")) == (SERVING, SERVING)
    assert failure(port, "other") is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("mock", [("--ready-after", "1h")], indirect=True)
def test_not_ready_is_not_serving(mock: Mock, port: int) -> None:
    assert check(port) == NOT_SERVING


@pytest.mark.parametrize("mock", [("--slow", "300ms")], indirect=True)
def test_a_slow_answer(mock: Mock, port: int) -> None:
    assert failure(port, timeout=0.1) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert check(port) == SERVING


def goes_away(client: H2Connection) -> bytes:
    client.close_connection()
    return client.data_to_send()


@pytest.mark.parametrize("mock", [("--slow", "20ms")], indirect=True)
@pytest.mark.parametrize(
    ("headers", "window", "then"),
    [
        pytest.param([], 65535, goes_away, id="does not wait"),
        pytest.param([(b"x", b"\xff")], 65535, None, id="headers that are no text"),
        pytest.param([], 0, None, id="takes no answer"),
    ],
)
def test_odd_clients_do_not_end_it(
    mock: Mock,
    port: int,
    headers: list[tuple[bytes, bytes]],
    window: int,
    then: Callable[[H2Connection], bytes] | None,
) -> None:
    client = H2Connection(H2Configuration(validate_outbound_headers=False))
    client.initiate_connection()
    client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    names = [(":method", "POST"), (":scheme", "http"), (":path", CHECK), (":authority", "a")]
    client.send_headers(1, [*((n.encode(), v.encode()) for n, v in names), *headers])
    client.send_data(1, b"\0\0\0\0\0", end_stream=True)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(client.data_to_send() + (then(client) if then else b""))
        while sock.recv(4096):
            pass  # until the server hangs up
    assert check(port) == SERVING


@pytest.mark.parametrize("mock", [("--hang-after", "0")], indirect=True)
def test_no_answer(mock: Mock, port: int) -> None:
    assert failure(port, timeout=0.2) is grpc.StatusCode.DEADLINE_EXCEEDED


def test_another_method(mock: Mock, port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        with pytest.raises(grpc.RpcError) as raised:
            next(iter(watch))
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_agnhost_is_switched_by_http() -> None:
    port, control = free_port(), free_port()
    ports = ("--port", str(port), "--http-port", str(control), "--service", "db")
    with running("agnhost", "grpc-health-checking", *ports) as mock:
        mock.read_until(f"gRPC server starting to listen on :{port}")
        assert (check(port), check(port, "db")) == (SERVING, SERVING)
        assert get(control, "/make-not-serving")[0] == 200
        assert check(port, "db") == NOT_SERVING
        assert get(control, "/make-serving")[0] == 200
        assert check(port) == SERVING
