"""Probes of scripted containers.

Role: the `Prober` of a simulation: what an attempt of `probes/prober.py` against such an
application would find, how long it would take, and what it would say. Connecting and asking take no
time, answering what the script says.
Invariants: texts come from the code of the real probes; redirects, TLS and names of other hosts are
not simulated: every address leads to the container.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Mapping, Sequence

from minikubelet.clock import Clock
from minikubelet.manifest.pod import (
    Container,
    GRPCAction,
    HTTPGetAction,
    ProbeKind,
    TCPSocketAction,
)
from minikubelet.mock.health import Health, http_answer
from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.probes.addresses import Address, join_host_port, literal_address
from minikubelet.probes.exchange import DialError, connect_error
from minikubelet.probes.exec import probe_exec
from minikubelet.probes.http import (
    NO_ANSWER_IN_TIME,
    HTTPAnswer,
    HTTPProbeFailure,
    get_failed,
    http_result,
)
from minikubelet.probes.http_request import (
    PROBE_USER_AGENT,
    HTTPRequest,
    InvalidRequestError,
    http_request,
    request_bytes,
)
from minikubelet.probes.ports import PortError, resolve_port
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.runtime.container_link import NOT_RUNNING
from minikubelet.simulate.runtime import Instance, ScriptedRuntime, run_command

_FOR_EVER = math.inf
_STARTUP_SECONDS = 0.001
"""What a startup probe takes at least. Its success lets the other probes begin, and that is never
in time for those that are due at the very same moment (P-137)."""
_HUNG_UP = "EOF"
"""What a connection says whose other side has ended."""


class ScriptedProber:
    def __init__(self, clock: Clock, runtime: ScriptedRuntime) -> None:
        self._clock = clock
        self._runtime = runtime

    async def probe(self, target: ProbeTarget) -> ProbeResult:
        began = self._clock.monotonic()
        result = await self._attempt(target)
        if target.probe.kind is ProbeKind.STARTUP and self._clock.monotonic() == began:
            await self._clock.sleep(_STARTUP_SECONDS)
        return result

    async def _attempt(self, target: ProbeTarget) -> ProbeResult:
        probe, timeout = target.probe, target.probe.timeout_seconds
        if probe.http_get is not None:
            return await self._http(target, probe.http_get, timeout)
        if probe.tcp_socket is not None:
            return self._tcp(target, probe.tcp_socket)
        if probe.grpc is not None:
            return await self._grpc(target, probe.grpc, timeout)
        assert probe.exec is not None, "a probe has a handler"
        commands = _AskingCommands(self._runtime, probe.kind)
        return await probe_exec(
            probe.exec, target.container_id, target.environment, timeout, commands
        )

    async def request_hook(self, container_id: str, request: HTTPRequest, clock: Clock) -> None:
        """A `HookRequest`: any answer will do, and nothing but the script limits its time."""
        instance = self._listening(container_id)
        if instance is None:
            raise HTTPProbeFailure(get_failed(request, _refused(request.url.host, _port(request))))
        health, seconds = instance.answer(ProbeKind.LIVENESS)
        if instance.app.hook_seconds is not None:
            seconds = instance.app.hook_seconds
        elif health is Health.HANGING:
            seconds = _FOR_EVER
        if not await instance.outlives(seconds):
            raise HTTPProbeFailure(get_failed(request, _HUNG_UP))

    async def _http(
        self, target: ProbeTarget, action: HTTPGetAction, timeout_seconds: float
    ) -> ProbeResult:
        try:
            request = _request(action, target.container, target.pod_ip)
        except PortError as error:
            return ProbeResult(Outcome.UNKNOWN, error=str(error))
        try:
            request_bytes(request)
        except InvalidRequestError as error:
            return _failure(get_failed(request, error))
        instance = self._listening(target.container_id)
        if instance is None:
            refused = _refused(request.url.host, _port(request))
            return _failure(get_failed(request, refused))
        asked_at = instance.age
        health, seconds = instance.answer(target.probe.kind)
        answer = http_answer(health, asked_at)
        if answer is None or seconds >= timeout_seconds:
            if await instance.outlives(timeout_seconds):
                return _failure(get_failed(request, NO_ANSWER_IN_TIME))
            return _failure(get_failed(request, _HUNG_UP))
        if seconds and not await instance.outlives(seconds):
            return _failure(get_failed(request, _HUNG_UP))
        status, body = answer
        return http_result(HTTPAnswer(status, body.encode()))

    def _tcp(self, target: ProbeTarget, action: TCPSocketAction) -> ProbeResult:
        try:
            port = resolve_port(action.port, target.container)
        except PortError as error:
            return ProbeResult(Outcome.UNKNOWN, error=str(error))
        instance = self._listening(target.container_id)
        if instance is None or instance.app.health.failing(instance.age):
            return _failure(str(_refused(action.host or target.pod_ip, port)))
        return ProbeResult(Outcome.SUCCESS)

    async def _grpc(
        self, target: ProbeTarget, action: GRPCAction, timeout_seconds: float
    ) -> ProbeResult:
        # h2 takes 30 ms to import, which programs without gRPC probes need not wait for.
        from minikubelet.probes.grpc import (
            RECONNECT_SECONDS,
            connect_timeout_result,
            health_result,
        )
        from minikubelet.probes.grpc_health import Code, HealthAnswer

        clock = self._clock
        deadline = clock.monotonic() + timeout_seconds
        while (instance := self._listening(target.container_id)) is None:
            left = deadline - clock.monotonic()
            if left <= 0:
                authority = join_host_port(target.pod_ip, action.port)
                refused = _refused(target.pod_ip, action.port)
                return connect_timeout_result(authority, timeout_seconds, str(refused))
            await clock.sleep(min(RECONNECT_SECONDS, left))
        health, seconds = instance.answer(target.probe.kind)
        left = deadline - clock.monotonic()
        in_time = health is not Health.HANGING and seconds < left
        if not await instance.outlives(seconds if in_time else left):
            hung_up = f"error reading from server: {_HUNG_UP}"
            return health_result(HealthAnswer(Code.Unavailable, hung_up), timeout_seconds)
        if not in_time:
            return health_result(HealthAnswer(Code.DeadlineExceeded), timeout_seconds)
        serving = "SERVING" if health is Health.OK else "NOT_SERVING"
        return health_result(HealthAnswer(Code.OK, serving=serving), timeout_seconds)

    def _listening(self, container_id: str) -> Instance | None:
        instance = self._runtime.instance(container_id)
        return instance if instance is not None and instance.listens else None


class _AskingCommands:
    """A `CommandRunner` whose commands ask the application, as `curl` or `pg_isready` would, and
    exit with 1, silent, when it is not well."""

    def __init__(self, runtime: ScriptedRuntime, kind: ProbeKind) -> None:
        self._runtime = runtime
        self._kind = kind

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        instance = self._runtime.instance(container_id)
        if instance is None:
            raise ExecError(NOT_RUNNING)
        if not instance.listens:
            return await run_command(instance, 0.0, 1, timeout)
        health, seconds = instance.answer(self._kind)
        if health is Health.HANGING:
            seconds = _FOR_EVER
        return await run_command(instance, seconds, int(health is not Health.OK), timeout)


def _request(action: HTTPGetAction, container: Container, pod_ip: str) -> HTTPRequest:
    """Raises PortError."""
    return http_request(action, resolve_port(action.port, container), pod_ip, PROBE_USER_AGENT)


def _port(request: HTTPRequest) -> int:
    return request.url.port_number


def _refused(host: str, port: int) -> DialError:
    unresolved = Address(socket.AF_INET, (host, port))
    return connect_error(literal_address(host, port) or unresolved, errno.ECONNREFUSED)


def _failure(text: str) -> ProbeResult:
    return ProbeResult(Outcome.FAILURE, text)
