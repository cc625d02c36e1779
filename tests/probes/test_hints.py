"""Hints that need no server to be tried (those of real endpoints: tests/cli/probe_golden)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import (
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    TCPSocketAction,
)
from minikubelet.pod.commands import ExecResult
from minikubelet.pod.listeners import Listener
from minikubelet.probes.attempt import Attempt, Examined, Look, LookKind
from minikubelet.probes.hints import Hint, hints_of
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import (
    CallAnswered,
    CommandEnded,
    CommandRun,
    Connected,
    Connecting,
    Fact,
    FirstBytes,
    HostResolved,
    HTTP2Ready,
    NotConnected,
    RequestSent,
    Secured,
)
from tests.probes.attempts import an_attempt
from tests.probes.test_exec import exited, timed_out

CONNECTED = (Connecting("127.0.0.1:80"), Connected("127.0.0.1:80", "127.0.0.1:4000"))
REFUSED = (
    Connecting("127.0.0.1:80"),
    NotConnected("dial tcp 127.0.0.1:80: connect: connection refused"),
)
HTTP = HTTPGetAction(80)
TCP = TCPSocketAction(80)


def failed(output: str = "", detail: str = "") -> ProbeResult:
    return ProbeResult(Outcome.FAILURE, output, detail=detail)


def error(text: str) -> ProbeResult:
    return ProbeResult(Outcome.UNKNOWN, error=text)


def names(examined: Examined) -> list[str]:
    return [hint.name for hint in hints_of(examined)]


def ran(*argv: str, ended: ExecResult | None, result: ProbeResult) -> Attempt:
    facts: list[Fact] = [CommandRun(argv)]
    if ended is not None:
        facts.append(CommandEnded(ended))
    seconds = 1.01 if ended is not None and ended.timed_out else 0.1
    return an_attempt(ExecAction(argv), *facts, result=result, seconds=seconds)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(ran("true", ended=exited(), result=ProbeResult(Outcome.SUCCESS)), [], id="ok"),
        pytest.param(
            ran("cat", "/x", ended=exited(1, b"", b"no such file"), result=failed("no such file")),
            [],
            id="a failure that says why",
        ),
        pytest.param(ran("false", ended=exited(1), result=failed()), ["silent"], id="says nothing"),
        pytest.param(
            ran("sh", "-c", "nope", ended=exited(127, b"", b"not found"), result=failed()),
            ["command-missing"],
            id="a shell that does not find its command",
        ),
        pytest.param(
            ran("nope", ended=None, result=error('exec: "nope": executable file not found')),
            ["command-missing"],
            id="P-347: no such program",
        ),
        pytest.param(
            ran("cat /tmp/x", ended=None, result=error("stat cat /tmp/x: no such file")),
            ["one-word"],
            id="a command line in one item",
        ),
        pytest.param(
            ran("test", "-f", "a", "&&", "true", ended=exited(2, b"", b"extra"), result=failed()),
            ["no-shell"],
            id="an operator without a shell",
        ),
        pytest.param(
            ran("echo", "$HOME", ended=exited(0, b"$HOME"), result=ProbeResult(Outcome.SUCCESS)),
            ["no-shell"],
            id="a variable without a shell, though the probe succeeds",
        ),
        pytest.param(
            ran("sh", "-c", "a && $HOME", ended=exited(0, b"x"), result=failed()),
            [],
            id="in a shell they are fine",
        ),
        pytest.param(
            ran("cat", "$(FILE)", ended=exited(1, b"", b"no"), result=failed()),
            ["reference"],
            id="P-341: a reference to no variable",
        ),
        pytest.param(
            ran("sh", "-c", "cat $(ls)", ended=exited(1, b"", b"no"), result=failed()),
            [],
            id="a shell's own $(…)",
        ),
        pytest.param(
            ran("sleep", "9", ended=timed_out(), result=failed("timed out")),
            ["slow"],
            id="P-345: killed at the deadline",
        ),
        pytest.param(
            an_attempt(ExecAction(("x",)), result=error('configmap "c" not found')),
            ["objects"],
            id="no place to run in: objects are missing",
        ),
    ],
)
def test_exec(attempt: Attempt, expected: list[str]) -> None:
    assert names(Examined(attempt)) == expected


def a_listener(address: str, port: int = 80) -> Listener:
    return Listener(address, port, f"app{port} (pid 7)")


@pytest.mark.parametrize(
    ("examined", "expected"),
    [
        pytest.param(
            Examined(
                an_attempt(TCP, *REFUSED, result=failed()), listeners=(a_listener("10.0.0.1"),)
            ),
            Hint(
                "other-address",
                "on port 80 there is only app80 (pid 7) at 10.0.0.1, and the probe goes to"
                " 127.0.0.1: try --host 10.0.0.1",
            ),
            id="the app listens on another address of this host",
        ),
        pytest.param(
            Examined(
                an_attempt(TCP, *REFUSED, result=failed(), ports=(ContainerPort(9),)),
                listeners=tuple(a_listener("::", port) for port in range(1, 8)),
            ),
            Hint(
                "other-port",
                "nobody listens on port 80 of 127.0.0.1, but app1 (pid 7) on 1, app2 (pid 7) on 2,"
                " app3 (pid 7) on 3, app4 (pid 7) on 4, app5 (pid 7) on 5 and others:"
                " is one of them the app?",
            ),
            id="many listen, five are named",
        ),
        pytest.param(
            Examined(
                an_attempt(TCP, *REFUSED, result=failed()), listeners=(a_listener("10.0.0.1", 81),)
            ),
            Hint("nobody-listens", "nobody listens on port 80 of this host: is the app running?"),
            id="who listens elsewhere is not reached at this address",
        ),
        pytest.param(
            Examined(
                an_attempt(TCP, *REFUSED, result=failed()),
                listeners=(a_listener("127.0.0.1", 40000),),
            ),
            Hint("nobody-listens", "nobody listens on port 80 of this host: is the app running?"),
            id="nobody chose such a port",
        ),
        pytest.param(
            Examined(
                an_attempt(TCP, *REFUSED, result=failed(), ports=(ContainerPort(40000),)),
                listeners=(a_listener("127.0.0.1", 40000),),
            ),
            Hint(
                "declared-port",
                "nobody listens on port 80, but app40000 (pid 7) on 40000, which the container"
                " declares: is that the port of the probe?",
            ),
            id="unless the container declares it",
        ),
        pytest.param(
            Examined(
                an_attempt(
                    TCP,
                    Connecting("10.9.9.9:80"),
                    NotConnected("dial tcp 10.9.9.9:80: i/o timeout"),
                    result=failed(),
                    seconds=1.0,
                )
            ),
            Hint(
                "no-answer",
                "10.9.9.9 does not answer at all: a wrong address, a firewall that drops packets,"
                " or an app that accepts no more connections",
            ),
            id="no answer to the connect",
        ),
        pytest.param(
            Examined(an_attempt(TCP, *CONNECTED, seconds=0.8)),
            Hint(
                "close-call",
                "800 ms of 1s were needed: under load this probe will fail; raise timeoutSeconds",
            ),
            id="a success at the last moment",
        ),
        pytest.param(
            Examined(
                an_attempt(HTTP, *CONNECTED, RequestSent("", b""), result=failed(), seconds=1.0),
                looks=(
                    Look(LookKind.TIMEOUT, "10", an_attempt(HTTP, *CONNECTED, result=failed())),
                ),
            ),
            Hint("hangs", "there is no good answer within 10s either: the app hangs"),
            id="it needs longer than patience lasts",
        ),
        pytest.param(
            Examined(
                an_attempt(
                    HTTPGetAction(80, scheme="HTTPS"),
                    *CONNECTED,
                    Secured("TLSv1.3", "", ""),
                    RequestSent("", b""),
                    result=failed('Get "x": remote error: tls: certificate required'),
                )
            ),
            Hint(
                "client-certificate",
                "the server wants a client certificate, and probes have none: serve health on a"
                " port without that demand",
            ),
            id="a client certificate is wanted",
        ),
        pytest.param(
            Examined(
                an_attempt(
                    GRPCAction(80), *CONNECTED, FirstBytes(b"\x15\x03\x01\x00"), result=failed()
                )
            ),
            Hint(
                "grpc-tls",
                "the server speaks TLS, and grpc probes do not: serve health without TLS on a port"
                " of its own, or use exec with grpc_health_probe",
            ),
            id="a gRPC server with TLS that says so",
        ),
        pytest.param(
            Examined(
                an_attempt(
                    GRPCAction(80, "db"),
                    *CONNECTED,
                    HTTP2Ready(),
                    CallAnswered("OK", "", "SERVICE_UNKNOWN"),
                    result=failed(),
                )
            ),
            Hint(
                "service",
                'the health service knows no service "db"; leave service out, or let the app set'
                " the status of this name",
            ),
            id="a service that is not known, and a server that is not healthy either",
        ),
        pytest.param(
            Examined(
                an_attempt(
                    TCPSocketAction(80, "db.local"),
                    HostResolved("db.local", ("127.0.0.1:80", "[::1]:80")),
                    *CONNECTED,
                )
            ),
            Hint(
                "loopback-host",
                "host is db.local: in a cluster that is the node, not the Pod; leave host out",
            ),
            id="a name for loopback",
        ),
    ],
)
def test_text(examined: Examined, expected: Hint) -> None:
    assert hints_of(examined) == (expected,)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param(["127.0.0.1", "::1"], ["loopback-only"], id="both loopbacks"),
        pytest.param(["::ffff:127.0.0.1"], ["loopback-only"], id="loopback in IPv6 clothes"),
        pytest.param(["127.0.0.1", "10.0.0.1"], [], id="also another address"),
        pytest.param(["::"], [], id="all addresses"),
        pytest.param([], [], id="in another network namespace"),
    ],
)
def test_what_listens_on_loopback_only_fails_in_a_cluster(
    addresses: list[str], expected: list[str]
) -> None:
    listeners = tuple(a_listener(address) for address in addresses)
    assert names(Examined(an_attempt(TCP, *CONNECTED), listeners=listeners)) == expected
