"""Run lifecycle hooks: postStart and preStop.

Role: one handler, once; says whether it succeeded and, if not, with the message that the status
shows (L-190). A hook has no time limit of its own (L-187); whoever waits for it does.
Upstream: kubernetes pkg/kubelet/lifecycle.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import (
    Container,
    ExecAction,
    HTTPGetAction,
    LifecycleHandler,
    Pod,
    SleepAction,
)
from minikubelet.pod.commands import OUTPUT_LIMIT, ExecError, ExecResult
from minikubelet.probes.http import HTTPProbeFailure, http_get
from minikubelet.probes.http_request import LIFECYCLE_USER_AGENT, HTTPRequest, http_request
from minikubelet.probes.ports import PortError, resolve_port
from minikubelet.value_class import dataclass

HookRequest = Callable[[str, HTTPRequest, Clock], Awaitable[object]]
"""Sends the request of a hook of the container with this id, and waits for its answer however long
it takes. Raises HTTPProbeFailure."""


async def request_over_network(container_id: str, request: HTTPRequest, clock: Clock) -> None:
    """The `HookRequest` that is real."""
    await http_get(request, math.inf, clock)


class HookCommands(Protocol):
    """Runs commands that outlive who asks for them; implemented by `runtime/processes.py`."""

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        timeout: float | None,
        output_limit: int = OUTPUT_LIMIT,
        env: Mapping[str, str] | None = None,
        key: str = "",
    ) -> ExecResult:
        """One with a `key` is run once in the life of the container: who asks again, perhaps a new
        daemon, waits for the same end, or is told of it. Cancelling does not end it. Raises
        ExecError."""
        ...

    def cancel_exec(self, container_id: str, key: str) -> None:
        """Kill the command with this key, if it runs."""
        ...


@dataclass(frozen=True, slots=True)
class HookResult:
    message: str = ""
    """Empty when it succeeded."""
    fallback_host: str = ""
    """An HTTPS hook was answered in plain HTTP by this host:port, and HTTP then worked (L-187)."""

    @property
    def ok(self) -> bool:
        return not self.message


def describe_handler(handler: LifecycleHandler) -> str:
    """A handler in a few words, for the journal."""
    match handler:
        case LifecycleHandler(exec=ExecAction(command)):
            return "exec " + " ".join(command)
        case LifecycleHandler(http_get=HTTPGetAction(port, path, host, scheme)):
            return f"{scheme.lower()}-get {host}:{port}{path}"
        case LifecycleHandler(sleep=SleepAction(seconds)):
            return f"sleep {seconds}s"
        case _:
            return "tcpSocket"


class HookRunner:
    """Runs handlers against one container; owned by a pod's worker."""

    def __init__(
        self,
        commands: HookCommands,
        clock: Clock,
        pod_ip: str,
        send: HookRequest = request_over_network,
    ) -> None:
        self._commands = commands
        self._clock = clock
        self._pod_ip = pod_ip
        self._send = send

    async def run(
        self,
        pod: Pod,
        container: Container,
        container_id: str,
        handler: LifecycleHandler,
        *,
        key: str,
        began: float,
    ) -> HookResult:
        """Wait until the handler has ended, however long it takes.

        `began` (monotonic) lies in the past when an earlier daemon was interrupted in it: a command
        is not run twice (`key`), a sleep lasts for the rest, a request is sent again.
        """
        match handler:
            case LifecycleHandler(exec=ExecAction(command)):
                return await self._exec(pod, container, container_id, command, key)
            case LifecycleHandler(http_get=HTTPGetAction() as action):
                return await self._http(pod, container, container_id, action)
            case LifecycleHandler(sleep=SleepAction(seconds)):
                await self._clock.sleep(max(0.0, began + seconds - self._clock.monotonic()))
                return HookResult()
            case _:
                return HookResult(
                    "Cannot run handler: invalid handler: tcpSocket hooks are not run"
                )

    def cancel(self, container_id: str, key: str) -> None:
        """End the command of a hook that nobody waits for any more."""
        self._commands.cancel_exec(container_id, key)

    async def _exec(
        self,
        pod: Pod,
        container: Container,
        container_id: str,
        command: tuple[str, ...],
        key: str,
    ) -> HookResult:
        words = " ".join(command)
        head = (
            f"Exec lifecycle hook ([{words}]) for Container {go_quote(container.name)} "
            f"in Pod {go_quote(pod.description)} failed - error: "
        )
        try:
            result = await self._commands.exec(container_id, command, timeout=None, key=key)
        except ExecError as error:
            return HookResult(f"{head}{error}, message: {go_quote('')}")
        if result.exit_code == 0:
            return HookResult()
        stderr = result.stderr.decode(errors="replace")
        output = result.stdout.decode(errors="replace") + stderr
        failure = f"command '{words}' exited with {result.exit_code}: {stderr}"
        return HookResult(f"{head}{failure}, message: {go_quote(output)}")

    async def _http(
        self, pod: Pod, container: Container, container_id: str, action: HTTPGetAction
    ) -> HookResult:
        """Any answer is a success, whatever its status (L-187)."""
        try:
            port = resolve_port(action.port, container)
            request = http_request(action, port, self._pod_ip, LIFECYCLE_USER_AGENT)
            try:
                await self._send(container_id, request, self._clock)
            except HTTPProbeFailure as failure:
                if not failure.plain_answer:
                    raise
                plain = replace(action, scheme="HTTP")
                request = http_request(plain, port, self._pod_ip, LIFECYCLE_USER_AGENT)
                await self._send(container_id, request, self._clock)
                return HookResult(fallback_host=request.url.authority)
        except (HTTPProbeFailure, PortError) as error:
            head = (
                f"HTTP lifecycle hook ({action.path}) for Container {go_quote(container.name)} "
                f"in Pod {go_quote(pod.description)} failed - error: "
            )
            return HookResult(f"{head}{error}")
        return HookResult()


def sleep_interrupted(pod: Pod, container: Container, seconds: int) -> HookResult:
    """The container ended before its sleep hook did (L-190)."""
    head = (
        f"Sleep lifecycle hook ({seconds}) for Container {go_quote(container.name)} "
        f"in Pod {go_quote(pod.description)} failed - error: "
    )
    return HookResult(head + "container terminated before sleep hook finished")
