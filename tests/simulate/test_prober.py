"""What probes find of scripted applications: results, and the time that they take."""

from __future__ import annotations

import random

import pytest

from minikubelet.manifest.pod import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Probe,
    ProbeKind,
    TCPSocketAction,
)
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.simulate.files import simulated_launch
from minikubelet.simulate.node import hook_command_times
from minikubelet.simulate.prober import ScriptedProber
from minikubelet.simulate.runtime import ScriptedRuntime
from minikubelet.simulate.script import parse_script
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual
from tests.pod.builders import a_container, a_pod

HTTP = HTTPGetAction(8080, "/x")
TCP = TCPSocketAction(8080)
GRPC = GRPCAction(8080)
EXEC = ExecAction(("check", "it"))
SUCCESS, FAILURE, UNKNOWN = Outcome.SUCCESS, Outcome.FAILURE, Outcome.UNKNOWN

URL = 'Get "http://127.0.0.1:8080/x": '
REFUSED = "dial tcp 127.0.0.1:8080: connect: connection refused"
LATE = URL + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
NOT_CONNECTED = (
    'timeout: failed to connect service "127.0.0.1:8080" within 2s: context deadline exceeded'
)
NOT_SERVING = 'service unhealthy (responded with "NOT_SERVING")'
NO_ANSWER = "timeout: health rpc did not complete within 2s"
EXEC_LATE = 'command timed out: "check it" timed out after 2s'
EXEC_TIMING = "spawned in 0 ms, killed after 2000 ms; no output"


def attempt(
    script: str,
    action: HTTPGetAction | TCPSocketAction | GRPCAction | ExecAction,
    *,
    kind: ProbeKind = ProbeKind.READINESS,
    at: float = 10.0,
) -> tuple[ProbeResult, float]:
    """The result of one attempt `at` seconds after the start, and how long it took."""
    probe = Probe(
        kind,
        http_get=action if isinstance(action, HTTPGetAction) else None,
        tcp_socket=action if isinstance(action, TCPSocketAction) else None,
        grpc=action if isinstance(action, GRPCAction) else None,
        exec=action if isinstance(action, ExecAction) else None,
        timeout_seconds=2,
    )
    container = a_container()
    pod = a_pod(container)
    clock = VirtualClock()
    runtime = ScriptedRuntime(
        clock,
        random.Random(1),
        lambda spec: parse_script(script),
        command_times=hook_command_times,
        on_event=lambda event: None,
    )
    target = ProbeTarget(pod, container, probe, "process://1", "127.0.0.1", {})

    async def main() -> tuple[ProbeResult, float]:
        await runtime.start(simulated_launch(pod, container, "process://1", 0, {}).spec)
        await clock.sleep(at)
        began = clock.monotonic()
        result = await ScriptedProber(clock, runtime).probe(target)
        return result, round(clock.monotonic() - began, 6)

    return run_virtual(clock, main())


def failed(text: str, detail: str = "") -> ProbeResult:
    return ProbeResult(FAILURE, text, detail=detail)


WELL = "ready after 0s"


@pytest.mark.parametrize(
    ("script", "action", "result", "seconds"),
    [
        pytest.param(WELL, HTTP, ProbeResult(SUCCESS, "ok\n"), 0, id="http, well"),
        pytest.param(WELL, TCP, ProbeResult(SUCCESS), 0, id="tcp, well"),
        pytest.param(WELL, GRPC, ProbeResult(SUCCESS, "service healthy"), 0, id="grpc, well"),
        pytest.param(WELL, EXEC, ProbeResult(SUCCESS), 0, id="exec, well"),
        pytest.param("listens after 20s", HTTP, failed(URL + REFUSED), 0, id="http, no listener"),
        pytest.param("listens after 20s", TCP, failed(REFUSED), 0, id="tcp, no listener"),
        pytest.param(
            "listens after 20s", GRPC, failed(NOT_CONNECTED, REFUSED), 2, id="grpc, no listener"
        ),
        pytest.param(
            "listens after 10.5s",
            GRPC,
            ProbeResult(SUCCESS, "service healthy"),
            0.6,
            id="grpc, listens while it tries",
        ),
        pytest.param(
            "listens after 20s", EXEC, failed("", "exit code 1"), 0, id="exec, no listener"
        ),
        pytest.param(
            "ready after 20s",
            HTTP,
            failed(
                "HTTP probe failed with statuscode: 503", "body: not ready, 10.0s after the start\n"
            ),
            0,
            id="http, not ready",
        ),
        pytest.param("ready after 20s", TCP, ProbeResult(SUCCESS), 0, id="tcp, not ready"),
        pytest.param("ready after 20s", GRPC, failed(NOT_SERVING), 0, id="grpc, not ready"),
        pytest.param("ready after 20s", EXEC, failed("", "exit code 1"), 0, id="exec, not ready"),
        pytest.param(
            "fails at 5s, answers in 900ms",
            HTTP,
            failed(
                "HTTP probe failed with statuscode: 500", "body: failing, 10.0s after the start\n"
            ),
            0.9,
            id="http, failing and slow",
        ),
        pytest.param("fails at 5s", TCP, failed(REFUSED), 0, id="tcp, failing"),
        pytest.param("fails at 5s", GRPC, failed(NOT_SERVING), 0, id="grpc, failing"),
        pytest.param("hangs at 5s", HTTP, failed(LATE), 2, id="http, hanging"),
        pytest.param("hangs at 5s", TCP, ProbeResult(SUCCESS), 0, id="tcp, hanging"),
        pytest.param("hangs at 5s", GRPC, failed(NO_ANSWER), 2, id="grpc, hanging"),
        pytest.param("hangs at 5s", EXEC, failed(EXEC_LATE, EXEC_TIMING), 2, id="exec, hanging"),
        pytest.param("answers in 2s", HTTP, failed(LATE), 2, id="http, too slow"),
        pytest.param("answers in 2s", GRPC, failed(NO_ANSWER), 2, id="grpc, too slow"),
        pytest.param("answers in 2s", EXEC, failed(EXEC_LATE, EXEC_TIMING), 2, id="exec, too slow"),
        pytest.param("answers in 1s", EXEC, ProbeResult(SUCCESS), 1, id="exec, slow"),
        pytest.param(
            "hangs at 5s, exits at 11s", HTTP, failed(URL + "EOF"), 1, id="http, it ends meanwhile"
        ),
        pytest.param(
            "hangs at 5s, exits at 11s",
            GRPC,
            failed(
                "error: health rpc probe failed: rpc error: code = Unavailable "
                "desc = error reading from server: EOF"
            ),
            1,
            id="grpc, it ends meanwhile",
        ),
        pytest.param(
            "exits at 5s",
            EXEC,
            ProbeResult(UNKNOWN, error="the container is not running"),
            0,
            id="exec, it has ended",
        ),
        pytest.param("exits at 5s", HTTP, failed(URL + REFUSED), 0, id="http, it has ended"),
        pytest.param(
            WELL,
            HTTPGetAction("web"),
            ProbeResult(UNKNOWN, error='strconv.Atoi: parsing "web": invalid syntax'),
            0,
            id="http, a port that has no such name",
        ),
        pytest.param(
            WELL,
            TCPSocketAction(70_000),
            ProbeResult(UNKNOWN, error="invalid port number: 70000"),
            0,
            id="tcp, no port",
        ),
        pytest.param(
            "listens after 20s",
            TCPSocketAction(81, host="db.example"),
            failed("dial tcp db.example:81: connect: connection refused"),
            0,
            id="tcp, another host",
        ),
    ],
)
def test_an_attempt(
    script: str,
    action: HTTPGetAction | TCPSocketAction | GRPCAction | ExecAction,
    result: ProbeResult,
    seconds: float,
) -> None:
    assert attempt(script, action) == (result, seconds)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        pytest.param(ProbeKind.LIVENESS, SUCCESS, id="it is alive before it is ready"),
        pytest.param(ProbeKind.READINESS, FAILURE, id="it is not ready"),
        pytest.param(ProbeKind.STARTUP, FAILURE, id="it has not started"),
    ],
)
def test_what_each_kind_asks(kind: ProbeKind, outcome: Outcome) -> None:
    assert attempt("ready after 20s", HTTP, kind=kind)[0].outcome is outcome


def test_a_startup_probe_takes_a_moment() -> None:  # P-137
    assert attempt(WELL, TCP, kind=ProbeKind.STARTUP)[1] == 0.001
