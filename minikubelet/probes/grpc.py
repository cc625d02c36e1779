"""The grpc probe: what does the health service say (P-350 … P-358)?

Upstream: kubernetes pkg/probe/grpc. Differs: when no connection comes about, `detail` says why
(B-20), and the next try to connect is made sooner than grpc-go's back-off of a second.
"""

from __future__ import annotations

from minikubelet.clock import Clock
from minikubelet.manifest.pod import GRPCAction
from minikubelet.pod.durations import go_duration
from minikubelet.probes.addresses import Address, HostLookupError, join_host_port, resolve
from minikubelet.probes.exchange import (
    ConnectionLostError,
    ConversationTimeoutError,
    DialError,
    DialTimeoutError,
    converse,
)
from minikubelet.probes.grpc_health import (
    Code,
    HealthAnswer,
    HealthConversation,
    NotConnectedError,
)
from minikubelet.probes.http_request import PROBE_USER_AGENT
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import CallAnswered, Trace

RECONNECT_SECONDS = 0.2


async def probe_grpc(
    action: GRPCAction,
    pod_ip: str,
    timeout_seconds: float,
    clock: Clock,
    trace: Trace | None = None,
) -> ProbeResult:
    authority = join_host_port(pod_ip, action.port)
    deadline = clock.monotonic() + timeout_seconds
    try:
        addresses = await resolve(pod_ip, action.port, deadline, clock, trace)
        answer = await _check(authority, addresses, action.service, deadline, clock, trace)
    except HostLookupError as error:
        text = f'error: failed to connect service at "{authority}": {error}'
        return ProbeResult(Outcome.FAILURE, text)
    except _ConnectTimeoutError as error:
        return connect_timeout_result(authority, timeout_seconds, str(error))
    if trace is not None:
        trace.note(CallAnswered(answer.code_name, answer.message, answer.serving))
    return health_result(answer, timeout_seconds)


def connect_timeout_result(authority: str, timeout_seconds: float, why: str) -> ProbeResult:
    """No connection came about in time (P-353); `why` the last try failed, if it did."""
    text = f'timeout: failed to connect service "{authority}" within '
    text += f"{go_duration(timeout_seconds)}: context deadline exceeded"
    return ProbeResult(Outcome.FAILURE, text, detail=why)


def health_result(answer: HealthAnswer, timeout_seconds: float) -> ProbeResult:
    """What the end of the call means for the probe (P-354 … P-357)."""
    if answer.code == Code.OK and answer.serving == "SERVING":
        return ProbeResult(Outcome.SUCCESS, "service healthy")
    match answer.code:
        case Code.OK:
            text = f'service unhealthy (responded with "{answer.serving}")'
        case Code.Unimplemented:
            text = "error: this server does not implement the grpc health protocol "
            text += f"(grpc.health.v1.Health): {answer.message}"
        case Code.DeadlineExceeded:
            text = f"timeout: health rpc did not complete within {go_duration(timeout_seconds)}"
        case _:
            error = f"rpc error: code = {answer.code_name} desc = {answer.message}"
            text = f"error: health rpc probe failed: {error}"
    return ProbeResult(Outcome.FAILURE, text)


class _ConnectTimeoutError(Exception):
    """Not connected before the deadline; the text is why the last try failed, if it did."""


async def _check(
    authority: str,
    addresses: tuple[Address, ...],
    service: str,
    deadline: float,
    clock: Clock,
    trace: Trace | None,
) -> HealthAnswer:
    """Connect, again and again if need be, and call (P-351). Raises _ConnectTimeoutError."""
    why = ""
    while (left := deadline - clock.monotonic()) > 0:
        conversation = HealthConversation(authority, service, PROBE_USER_AGENT, left, trace)
        try:
            answer = await _call(conversation, addresses, deadline, clock, trace)
        except (DialTimeoutError, ConversationTimeoutError):
            break
        except (DialError, NotConnectedError) as error:
            why = str(error)
            await clock.sleep(min(RECONNECT_SECONDS, max(0.0, deadline - clock.monotonic())))
        else:
            return answer
    raise _ConnectTimeoutError(why)


async def _call(
    conversation: HealthConversation,
    addresses: tuple[Address, ...],
    deadline: float,
    clock: Clock,
    trace: Trace | None,
) -> HealthAnswer:
    """Raises DialError, NotConnectedError, and ConversationTimeoutError while not connected."""
    try:
        await converse(addresses, conversation, deadline, clock, trace)
    except ConnectionLostError as error:
        conversation.lost(str(error))
    except ConversationTimeoutError:
        if not conversation.connected:
            raise
        return HealthAnswer(Code.DeadlineExceeded)
    assert conversation.answer is not None, "a finished conversation has an answer"
    return conversation.answer
