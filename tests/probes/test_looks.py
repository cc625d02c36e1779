"""Which further attempts are made after a failure."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Probe,
    ProbeKind,
    TCPSocketAction,
)
from minikubelet.probes.attempt import Attempt, LookKind
from minikubelet.probes.looks import plan_looks
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import (
    CallAnswered,
    Connected,
    Connecting,
    Fact,
    FirstBytes,
    HeadRead,
    HTTP2Ready,
    NotConnected,
    Secured,
)
from tests.probes.attempts import an_attempt

CONNECTED = (Connecting("127.0.0.1:80"), Connected("127.0.0.1:80", "127.0.0.1:4000"))
FAILED = ProbeResult(Outcome.FAILURE)
HTTP = HTTPGetAction(80, "/live")
USUAL = ["/", "/healthz", "/health", "/livez", "/readyz", "/ready", "/ping"]


def answered(status: int) -> tuple[Fact, ...]:
    return (*CONNECTED, FirstBytes(b"HTTP/1.1"), HeadRead(status, ""))


def looks(attempt: Attempt) -> list[tuple[LookKind, str]]:
    return [(planned.kind, planned.value) for planned in plan_looks(attempt)]


HOST = (LookKind.HOST_HEADER, "localhost:80")


@pytest.mark.parametrize(
    ("action", "facts", "seconds", "expected"),
    [
        pytest.param(HTTP, answered(500), 0.1, [], id="500: the cause is in the app"),
        pytest.param(HTTP, answered(403), 0.1, [HOST], id="403: for another Host?"),
        pytest.param(
            HTTP,
            answered(404),
            0.1,
            [HOST, (LookKind.PATH, "/live/"), *((LookKind.PATH, path) for path in USUAL)],
            id="404: another path?",
        ),
        pytest.param(
            HTTPGetAction(80, "/healthz/", host="example.com"),
            answered(404),
            0.1,
            [(LookKind.PATH, "/healthz"), *((LookKind.PATH, p) for p in USUAL if p != "/healthz")],
            id="404 of a named host: the slash, and no path twice",
        ),
        pytest.param(
            HTTPGetAction(80, "/", http_headers=(HTTPHeader("host", "a"),)),
            answered(403),
            0.1,
            [],
            id="the manifest gives a Host already",
        ),
        pytest.param(
            HTTP, CONNECTED, 0.1, [(LookKind.SCHEME, "HTTPS")], id="hung up: does it speak TLS?"
        ),
        pytest.param(
            HTTPGetAction(80, scheme="HTTPS"),
            CONNECTED,
            0.1,
            [(LookKind.SCHEME, "HTTP")],
            id="no handshake: does it speak plain HTTP?",
        ),
        pytest.param(
            HTTPGetAction(80, scheme="HTTPS"),
            (*CONNECTED, Secured("TLSv1.3", "", "")),
            0.1,
            [],
            id="TLS it speaks",
        ),
        pytest.param(HTTP, (*CONNECTED, FirstBytes(b"SSH-2.0")), 0.1, [], id="it has said enough"),
        pytest.param(
            HTTP,
            CONNECTED,
            1.0,
            [(LookKind.TIMEOUT, "10"), (LookKind.SCHEME, "HTTPS")],
            id="time-out: does it need longer?",
        ),
        pytest.param(
            HTTP, (Connecting("127.0.0.1:80"), NotConnected("refused")), 0.1, [], id="nobody there"
        ),
        pytest.param(
            HTTP,
            (*answered(302), Connecting("127.0.0.1:81"), NotConnected("refused")),
            0.1,
            [],
            id="nobody where the redirect leads",
        ),
        pytest.param(TCPSocketAction(80), CONNECTED, 0.1, [], id="tcp"),
        pytest.param(ExecAction(("true",)), (), 2.0, [], id="commands are not repeated"),
        pytest.param(
            GRPCAction(80, "db"),
            (*CONNECTED, HTTP2Ready(), CallAnswered("NotFound", "", "")),
            0.1,
            [(LookKind.SERVICE, "")],
            id="no such service: the server as a whole?",
        ),
        pytest.param(
            GRPCAction(80),
            (*CONNECTED, HTTP2Ready(), CallAnswered("NotFound", "", "")),
            0.1,
            [],
            id="that was the server as a whole",
        ),
        pytest.param(
            GRPCAction(80),
            (*CONNECTED, HTTP2Ready()),
            1.1,
            [(LookKind.TIMEOUT, "10")],
            id="a slow call",
        ),
        pytest.param(GRPCAction(80), CONNECTED, 1.1, [], id="it does not speak HTTP/2"),
    ],
)
def test_plan(
    action: Any, facts: tuple[Fact, ...], seconds: float, expected: list[tuple[LookKind, str]]
) -> None:
    assert looks(an_attempt(action, *facts, result=FAILED, seconds=seconds)) == expected


def test_nothing_is_tried_after_a_success() -> None:
    assert looks(an_attempt(HTTP, *answered(204), result=ProbeResult(Outcome.SUCCESS))) == []


def test_a_look_changes_one_thing_and_is_quick() -> None:
    attempt = an_attempt(HTTP, *answered(404), result=FAILED, timeout_seconds=30)
    host, slash, *_ = plan_looks(attempt)
    assert host.probe == Probe(
        ProbeKind.LIVENESS,
        http_get=HTTPGetAction(80, "/live", http_headers=(HTTPHeader("Host", "localhost:80"),)),
        timeout_seconds=2,
    )
    assert slash.probe == Probe(
        ProbeKind.LIVENESS, http_get=HTTPGetAction(80, "/live/"), timeout_seconds=2
    )
