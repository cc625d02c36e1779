"""Which mechanism is used, and how often (P-207 … P-209)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Probe,
    ProbeKind,
    TCPSocketAction,
)
from minikubelet.pod.commands import ExecError, ExecResult
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from tests.pod.builders import a_container, a_pod
from tests.probes.test_exec import FakeExec, exited, timed_out


async def probe(runner: FakeExec, **handlers: Any) -> ProbeResult:
    spec = Probe(ProbeKind.LIVENESS, **handlers)
    pod = a_pod(a_container(liveness_probe=spec))
    target = ProbeTarget(pod, pod.containers()[0], spec, "c1", "127.0.0.1", {"A": "b"})
    return await HandlerProber(SystemClock(), runner).probe(target)


HANDLERS = {
    "exec": ExecAction(("check", "$(A)")),
    "http_get": HTTPGetAction(1),
    "tcp_socket": TCPSocketAction(1),
    "grpc": GRPCAction(1),
}


@pytest.mark.parametrize(
    ("handlers", "output"),
    [
        pytest.param(list(HANDLERS), "ran", id="exec"),
        pytest.param(
            ["http_get", "tcp_socket", "grpc"],
            'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
            id="then httpGet",
        ),
        pytest.param(
            ["tcp_socket", "grpc"],
            "dial tcp 127.0.0.1:1: connect: connection refused",
            id="then tcpSocket",
        ),
        pytest.param(
            ["grpc"],
            'timeout: failed to connect service "127.0.0.1:1" within 1s: context deadline exceeded',
            id="then grpc",
        ),
    ],
)
async def test_precedence(handlers: list[str], output: str) -> None:  # P-209
    chosen = {name: HANDLERS[name] for name in handlers}
    result = await probe(FakeExec(exited(stdout=b"ran")), **chosen)
    assert result.output == output


async def test_expands_from_the_environment_of_the_target() -> None:
    runner = FakeExec(exited())
    await probe(runner, exec=HANDLERS["exec"])
    assert [call[:3] for call in runner.calls] == [("c1", ("check", "b"), 1)]


async def test_a_probe_without_handler_is_an_error() -> None:  # P-208, TV-30
    error = "missing probe handler for web_default(uid-1):app"
    assert await probe(FakeExec(exited())) == ProbeResult(Outcome.UNKNOWN, error=error)


@pytest.mark.parametrize(
    ("answers", "calls", "outcome"),
    [
        pytest.param([ExecError("gone")], 3, Outcome.UNKNOWN, id="an error: three attempts"),
        pytest.param(
            [ExecError("gone"), exited()], 2, Outcome.SUCCESS, id="until one can be made"
        ),
        pytest.param([exited(1)], 1, Outcome.FAILURE, id="a failure is not tried again"),
        pytest.param(
            [timed_out()], 1, Outcome.FAILURE, id="nor is a time-out"
        ),
    ],
)  # fmt: skip
async def test_attempts(
    answers: list[ExecResult | ExecError], calls: int, outcome: Outcome
) -> None:  # P-207
    runner = ScriptedExec(answers)
    result = await probe(runner, exec=ExecAction(("check",)))
    assert (len(runner.calls), result.outcome) == (calls, outcome)


class ScriptedExec(FakeExec):
    """Gives its answers in order, the last one for ever."""

    def __init__(self, answers: list[ExecResult | ExecError]) -> None:
        super().__init__(answers[0])
        self._answers = answers

    async def exec(self, *args: Any, **options: Any) -> ExecResult:
        self._answer = self._answers[min(len(self.calls), len(self._answers) - 1)]
        return await super().exec(*args, **options)
