"""Lines of `minikubelet probe` that no endpoint of the golden texts brings about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikubelet.cli.probe_text import handler_text, heading, probe_lines
from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import (
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    TCPSocketAction,
)
from minikubelet.probes.attempt import Attempt, Examined
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import (
    BodyRead,
    CommandEnded,
    CommandRun,
    Connected,
    Connecting,
    Fact,
    HostResolved,
    NotConnected,
    Secured,
)
from tests.probes.attempts import an_attempt
from tests.probes.test_exec import exited, timed_out

HTTP = HTTPGetAction(80)


def step_lines(*facts: Fact) -> list[str]:
    """Without the heading, the verdict and the hints."""
    lines = probe_lines(Examined(an_attempt(HTTP, *facts)), color=False)
    return lines[1 : next(i for i, line in enumerate(lines) if line.startswith("  SUCCESS"))]


LINES = [f"line {number}" for number in range(12)]


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        pytest.param(
            (HostResolved("api", ("10.0.0.1:80", "[fd00::1]:80")),),
            ["      0.0 ms  api is 10.0.0.1:80, [fd00::1]:80"],
            id="a name",
        ),
        pytest.param(
            (Secured("TLSv1.2", "AES", "api"),),
            ["      0.0 ms  TLSv1.2 established for api (AES), certificate not verified"],
            id="TLS with a server name",
        ),
        pytest.param(
            (BodyRead(b"\xff\x00\x01", truncated=False),),
            ['      0.0 ms  body of 3 bytes: "\\xff\\x00\\x01"'],
            id="a body that is no text",
        ),
        pytest.param(
            (BodyRead(b"one\r\ntwo\r\n", truncated=False),),
            ["      0.0 ms  body of 10 bytes: one …"],
            id="a body of two lines",
        ),
        pytest.param(
            (CommandRun(("echo", "a b")), CommandEnded(exited(0, "\n".join(LINES).encode()))),
            [
                "      0.0 ms  run on this host, not in the container's mount namespace:"
                " echo 'a b'",
                "      1.0 ms  exit code 0 after 20.0 ms (started in 3.0 ms)",
                *(f"                stdout: {line}" for line in LINES[:10]),
                "                stdout: 2 more lines",
            ],
            id="a command that says much",
        ),
        pytest.param(
            (CommandEnded(timed_out(b"so far\n")),),
            [
                "      0.0 ms  killed after 1002.0 ms (started in 3.0 ms)",
                "                stdout: so far",
            ],
            id="B-26, B-9: a command that was too slow",
        ),
        pytest.param(
            (
                Connecting("10.0.0.1:80"),
                NotConnected("refused"),
                Connecting("10.0.0.2:80"),
                Connected("10.0.0.2:80", "10.0.0.9:4000"),
            ),
            [
                "      1.0 ms  not connected: refused",
                "      3.0 ms  connected to 10.0.0.2:80 from 10.0.0.9:4000",
            ],
            id="the second address answers",
        ),
        pytest.param(
            (
                Connecting("10.0.0.1:80"),
                NotConnected("refused"),
                Connecting("10.0.0.1:80"),
                NotConnected("refused"),
                Connecting("10.0.0.1:80"),
                NotConnected("refused"),
            ),
            [
                "      1.0 ms  not connected: refused",
                "              and 2 times more the same, until 5.0 ms",
            ],
            id="again and again",
        ),
    ],
)
def test_steps(facts: tuple[Fact, ...], lines: list[str]) -> None:
    assert step_lines(*facts) == lines


@pytest.mark.parametrize(
    ("attempt", "text"),
    [
        pytest.param(
            an_attempt(
                HTTPGetAction("web", "/x?y=1", "::1", "HTTPS"), ports=(ContainerPort(8, "web"),)
            ),
            "http-get https://[::1]:8/x?y=1",
            id="httpGet",
        ),
        pytest.param(an_attempt(TCPSocketAction("db")), "tcp-socket 127.0.0.1:db", id="tcpSocket"),
        pytest.param(an_attempt(GRPCAction(9, "s")), "grpc 127.0.0.1:9 s", id="grpc"),
        pytest.param(an_attempt(ExecAction(("a", "b c"))), "exec a 'b c'", id="exec"),
    ],
)
def test_handlers(attempt: Attempt, text: str) -> None:
    assert handler_text(attempt.target) == text


def test_the_namespace_is_told_unless_it_is_the_default_one() -> None:
    target = an_attempt(HTTP).target
    other = replace(target, pod=replace(target.pod, metadata=ObjectMeta("web", "test", "uid")))
    assert heading(other) == "test/web/app liveness: http-get http://127.0.0.1:80/, timeout 1s"


def test_an_event_of_several_lines_is_indented() -> None:
    result = ProbeResult(Outcome.FAILURE, "first\nsecond\n")
    lines = probe_lines(Examined(an_attempt(ExecAction(("x",)), result=result)), color=False)
    assert lines[-2:] == ["  event: Liveness probe failed: first", "         second"]
