"""The scripted server, from outside."""

from __future__ import annotations

import http.client
import signal
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from tests.mock.harness import (
    connect,
    free_port,
    get,
    run,
    running,
    wait_for_status,
    wait_until_refused,
)


def test_it_becomes_ready_and_fails() -> None:
    port = free_port()
    with running("--http", str(port), "--ready-after", "300ms", "--fail-after", "2s") as mock:
        mock.read_until(f"listening: http {port}")
        assert wait_for_status(port, "/readyz", 200) == "ok\n"
        assert wait_for_status(port, "/", 500).startswith("failing, 2.")
        assert get(port, "/readyz")[0] == 500


def test_alive_and_not_ready() -> None:
    port = free_port()
    with running("--http", str(port), "--ready-after", "1h") as mock:
        mock.read_until(f"listening: http {port}")
        assert (get(port, "/healthz"), get(port, "/readyz")[0]) == ((200, "ok\n"), 503)


def test_flapping_counts_for_each_path() -> None:
    port = free_port()
    with running("--http", str(port), "--flap", "1/3") as mock:
        mock.read_until(f"listening: http {port}")
        statuses = [get(port, path)[0] for path in ("/a", "/b") * 3]
        assert statuses == [200, 200, 200, 200, 500, 500]


def test_an_unready_file(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "unready"
    with running("--http", str(port), "--unready-file", str(file)) as mock:
        mock.read_until(f"listening: http {port}")
        assert get(port, "/ready")[0] == 200
        file.touch()
        assert (get(port, "/ready")[0], get(port, "/healthz")[0]) == (503, 200)


def test_hanging_takes_connections_and_does_not_answer() -> None:
    port = free_port()
    with running("--http", str(port), "--hang-after", "0") as mock:
        mock.read_until(f"listening: http {port}")
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(TimeoutError):
                client.recv(1)


def test_slow_answers_come_in_their_order() -> None:
    port = free_port()
    with running("--http", str(port), "--slow", "100ms") as mock:
        mock.read_until(f"listening: http {port}")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(
                b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
                b"GET /b HTTP/1.1\r\nConnection: close\r\n\r\n"
            )
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert answer.endswith(b"Connection: close\r\n\r\nok\n")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no request line"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, id="no number"),
        pytest.param(
            b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400,
            id="a number of thousands of digits",
        ),
        pytest.param(b"GET http://[ HTTP/1.1\r\n\r\n", 400, id="no target"),
        pytest.param(b"GET /" + b"x" * 70_000, 431, id="an endless head"),
    ],
)  # fmt: skip
def test_what_is_not_http_is_refused(request_text: bytes, status: int) -> None:
    port = free_port()
    with running("--http", str(port)) as mock:
        mock.read_until(f"listening: http {port}")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(request_text)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == status
        assert get(port)[0] == 200


def test_a_client_that_hangs_up_before_its_requests_are_answered() -> None:
    port = free_port()
    with running("--http", str(port), "--slow", "20ms") as mock:
        mock.read_until(f"listening: http {port}")
        client = socket.create_connection(("127.0.0.1", port), timeout=5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 20)
        client.recv(1)
        client.close()
        assert [get(port)[0] for _ in range(3)] == [200] * 3


def test_a_closed_port_is_not_the_end() -> None:
    port = free_port()
    with running("--tcp", str(port), "--fail-after", "1ms") as mock:
        mock.read_until(f"listening: tcp {port}")
        wait_until_refused(port)
        with pytest.raises(subprocess.TimeoutExpired):
            mock.process.wait(0.2)


def test_tcp_is_open_while_it_is_well() -> None:
    port = free_port()
    script = ("--listen-after", "200ms", "--fail-after", "500ms", "--fail-for", "3s")
    with running("--tcp", str(port), *script) as mock:
        mock.read_until("listening in 0.2s")
        mock.read_until(f"listening: tcp {port}")
        connect(port)
        mock.lines.clear()
        while not any(line.startswith("failing") for line in mock.lines):
            assert mock.process.stdout is not None
            mock.lines.append(mock.process.stdout.readline())
        wait_until_refused(port)
        connect(port)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param([], -signal.SIGTERM, id="it dies of SIGTERM"),
        pytest.param(["--term-delay", "0"], 0, id="or stops at once, in peace"),
        pytest.param(["--term-delay", "100ms"], 0, id="or takes its time"),
        pytest.param(["--ignore-term", "--exit-after", "1s:7"], 7, id="or does not listen"),
    ],
)
def test_stopping(options: list[str], code: int) -> None:
    with running("--log-every", "1h", *options) as mock:
        mock.read_until("line 1")
        mock.process.terminate()
        assert mock.wait() == code


def test_lines_and_an_end() -> None:
    ended = run("--log-every", "50ms", "--exit-after", "120ms:3")
    assert ended.stdout.splitlines() == ["line 1", "line 2", "line 3", "exiting with code 3"]
    assert (ended.returncode, ended.stderr) == (3, "")


def test_requests_are_told_if_wanted() -> None:
    port = free_port()
    with running("--http", str(port), "-v") as mock:
        mock.read_until(f"listening: http {port}")
        get(port, "/healthz?full=1")
        mock.read_until("GET /healthz?full=1 200")


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--http", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"error: cannot listen on 127.0.0.1 port {port}: another process listens there\n"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param([], "nothing to do", id="nothing"),
        pytest.param(["--http", "0"], "0 is not a port from 1 to 65535", id="a port"),
        pytest.param(["--flap", "4/3"], "4/3 is not K/N, such as 3/10", id="flapping"),
        pytest.param(["--exit-after", "1s:256"], "256 is not an exit code", id="an exit code"),
        pytest.param(["--slow", "soon"], "'soon' is not a duration", id="a duration"),
        pytest.param(["luksa/what"], "the mock server knows no image 'luksa/what'", id="an image"),
    ],
)
def test_wrong_usage(arguments: list[str], error: str) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert error in ended.stderr
