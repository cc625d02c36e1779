"""Images that the mock server plays, as they are known to behave."""

from __future__ import annotations

import re
import signal
import socket
from datetime import UTC, datetime

import pytest

from minikubelet.mock.agnhost import liveness_handler
from minikubelet.mock.http import Request, Response
from tests.mock.harness import connect, free_port, get, run, running


# What each answers on every request, on any path.
@pytest.mark.parametrize(
    ("image", "path", "answer"),
    [
        pytest.param("luksa/kubia", "/any", (200, "You've hit web-1\n"), id="kubia"),
        pytest.param("gasbugs/http-go", "/", (200, "Welcome! http-go\n"), id="http-go"),
        pytest.param(
            "simple-container-app", "/x", (200, "Simple container app on web-1\n"), id="simple app"
        ),
        pytest.param(
            "httpd", "/", (200, "<html><body><h1>It works!</h1></body></html>\n"), id="httpd"
        ),
        pytest.param(
            "goproxy",
            "/",
            (500, "This is a proxy server. Does not respond to non-proxy requests.\n"),
            id="goproxy",
        ),
    ],
)
def test_web_images(image: str, path: str, answer: tuple[int, str]) -> None:
    port = free_port()
    with running(image, "--port", str(port), HOSTNAME="web-1"):
        connect(port)
        assert get(port, path) == answer


def test_kubia_tells_of_requests_and_dies_of_term() -> None:
    port = free_port()
    with running("luksa/kubia:v1", "--port", str(port), HOSTNAME="web-1") as mock:
        mock.read_until("Kubia server starting...")
        get(port)
        mock.read_until("Received request from ::ffff:127.0.0.1")
        mock.process.terminate()
        assert mock.wait() == -signal.SIGTERM


def test_kubia_unhealthy_is_well_five_times() -> None:
    port = free_port()
    with running("kubia-unhealthy", "--port", str(port), HOSTNAME="web-1"):
        connect(port)
        answers = [get(port) for _ in range(7)]
    well, not_well = (200, "You've hit web-1\n"), (500, "I'm not well. Please restart me!")
    assert answers == [well] * 5 + [not_well] * 2


def test_nginx() -> None:
    port = free_port()
    with running("nginx", "-g", "daemon off;", "--port", str(port)) as mock:
        connect(port)
        status, page = get(port)
        assert status == 200
        assert "<title>Welcome to nginx!</title>" in page
        assert get(port, "/none")[0] == 404
        mock.process.terminate()
        assert mock.wait() == 0


def test_redis_answers_ping() -> None:
    port = free_port()
    with running("redis", "--port", str(port)) as mock:
        mock.read_until("Ready to accept connections tcp")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"*1\r\n$4\r\nPING\r\n")
            assert client.recv(100) == b"+PONG\r\n"


def test_agnhost_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = run("agnhost", "connect", f"127.0.0.1:{port}")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("elapsed", "target", "response"),
    [
        pytest.param(10.0, "/healthz", Response(200, "ok"), id="for ten seconds it is well"),
        pytest.param(
            10.5, "/healthz?x=1", Response(500, "error: 10.500000000"), id="then it is not"
        ),
        pytest.param(
            99.0,
            "/started",
            Response(200, "2026-01-01 00:00:00.000000 +0000 UTC"),
            id="other paths tell when it started",
        ),
        pytest.param(
            0.0,
            "/redirect?loc=http%3A%2F%2F10.0.0.1%2F",
            Response(302, headers={"Location": "http://10.0.0.1/"}),
            id="a redirect",
        ),
    ],
)
def test_agnhost_liveness(elapsed: float, target: str, response: Response) -> None:
    handle = liveness_handler(lambda: elapsed, datetime(2026, 1, 1, tzinfo=UTC))
    assert handle(Request("GET", target, ("127.0.0.1", 1))) == response


def test_pause_waits_for_term() -> None:
    with running("agnhost") as mock:
        mock.read_until("Paused")
        mock.process.terminate()
        assert mock.wait() == 2


def test_ssd_monitor_and_batch_job() -> None:
    with running("ssd-monitor") as monitor, running("batch-job") as job:
        monitor.read_until("SSD OK")
        assert job.process.stdout is not None
        line = job.process.stdout.readline()
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d [\d:]{8} UTC \d{4} Batch job starting\n", line)


def test_agnhost_netexec() -> None:
    port = free_port()
    with running("agnhost", "netexec", "--http-port", str(port), HOSTNAME="web-1") as mock:
        mock.read_until(f"Started HTTP server on port {port}")
        connect(port)
        assert get(port, "/echo?msg=hello%20you") == (200, "hello you")
        assert get(port, "/hostname") == (200, "web-1")
        assert get(port, "/healthz") == (200, "")
        assert re.fullmatch(r"127\.0\.0\.1:\d+", get(port, "/clientip")[1])
        assert get(port)[1].startswith("NOW: ")
        assert get(port, "/exit?code=x")[0] == 400
        assert get(port, "/exit?code=4")[0] == 200
        assert mock.wait() == 4


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        pytest.param(
            ["entrypoint-tester", "override", "arguments"],
            (0, "[/agnhost entrypoint-tester override arguments]\n", ""),
            id="the arguments of an entrypoint",
        ),
        pytest.param(
            ["connect", "127.0.0.1:1", "--timeout=5s"], (1, "", "REFUSED\n"), id="a closed port"
        ),
        pytest.param(
            ["dns-suffix"],
            (
                1,
                "",
                "error: the mock of agnhost knows liveness, netexec, pause, grpc-health-checking,"
                " connect, entrypoint-tester; not 'dns-suffix'\n",
            ),
            id="a subcommand that is not played",
        ),
    ],
)
def test_agnhost_that_ends(arguments: list[str], result: tuple[int, str, str]) -> None:
    ended = run("agnhost", *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == result
