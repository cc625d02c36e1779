"""Attempts as values, for tests that state what matters and hide the rest."""

from __future__ import annotations

from typing import Any

from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Probe,
    ProbeKind,
    TCPSocketAction,
)
from minikubelet.probes.attempt import Attempt
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import Fact, Step
from tests.pod.builders import a_pod

SUCCESS = ProbeResult(Outcome.SUCCESS)

_HANDLERS = {
    ExecAction: "exec",
    HTTPGetAction: "http_get",
    TCPSocketAction: "tcp_socket",
    GRPCAction: "grpc",
}


def an_attempt(
    action: ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction,
    *facts: Fact,
    result: ProbeResult = SUCCESS,
    seconds: float = 0.1,
    timeout_seconds: int = 1,
    ports: tuple[ContainerPort, ...] = (),
) -> Attempt:
    """One fact per millisecond."""
    handler: dict[str, Any] = {_HANDLERS[type(action)]: action}
    probe = Probe(ProbeKind.LIVENESS, timeout_seconds=timeout_seconds, **handler)
    container = Container(name="app", image="app", ports=ports, liveness_probe=probe)
    target = ProbeTarget(a_pod(container), container, probe, "c1", "127.0.0.1", {})
    steps = tuple(Step(index / 1000, fact) for index, fact in enumerate(facts))
    return Attempt(target, steps, result, seconds)
