"""One run of a probe: choose the mechanism, try again on errors.

Role: `Prober` is what a worker needs; `HandlerProber` does it for real.
Upstream: kubernetes pkg/kubelet/prober/prober.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.manifest.pod import Container, Pod, Probe
from minikubelet.pod.commands import CommandRunner
from minikubelet.probes.exec import probe_exec
from minikubelet.probes.http import probe_http
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.tcp import probe_tcp
from minikubelet.probes.trace import Trace
from minikubelet.value_class import dataclass

ATTEMPTS = 3
"""Of one run, as long as the attempt itself cannot be made (P-207)."""


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """What is probed: one instance of one container, as it is at this moment."""

    pod: Pod
    container: Container
    probe: Probe
    container_id: str
    pod_ip: str
    environment: Mapping[str, str]
    """The resolved environment of the instance, for `$(NAME)` in commands (B-22)."""


class Prober(Protocol):
    async def probe(self, target: ProbeTarget) -> ProbeResult:
        """One run, with its retries."""
        ...


class HandlerProber:
    """Probes over the network and with commands in the container."""

    def __init__(self, clock: Clock, exec_runner: CommandRunner) -> None:
        self._clock = clock
        self._exec_runner = exec_runner

    async def probe(self, target: ProbeTarget) -> ProbeResult:
        for _ in range(ATTEMPTS - 1):
            result = await self.attempt(target)
            if not result.error:
                return result
        return await self.attempt(target)

    async def attempt(self, target: ProbeTarget, trace: Trace | None = None) -> ProbeResult:
        """One attempt of a run; `trace` is told what it does."""
        probe, container, clock = target.probe, target.container, self._clock
        pod_ip, timeout = target.pod_ip, probe.timeout_seconds
        if probe.exec is not None:
            return await probe_exec(
                probe.exec,
                target.container_id,
                target.environment,
                timeout,
                self._exec_runner,
                trace,
            )
        if probe.http_get is not None:
            return await probe_http(probe.http_get, container, pod_ip, timeout, clock, trace)
        if probe.tcp_socket is not None:
            return await probe_tcp(probe.tcp_socket, container, pod_ip, timeout, clock, trace)
        if probe.grpc is not None:
            # h2 takes 30 ms to import, which programs without gRPC probes need not wait for.
            from minikubelet.probes.grpc import probe_grpc

            return await probe_grpc(probe.grpc, pod_ip, timeout, clock, trace)
        error = f"missing probe handler for {target.pod.description}:{container.name}"
        return ProbeResult(Outcome.UNKNOWN, error=error)
