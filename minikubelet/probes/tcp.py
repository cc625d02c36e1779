"""The tcpSocket probe: can somebody be reached (P-330 … P-332)?

Upstream: kubernetes pkg/probe/tcp.
"""

from __future__ import annotations

from minikubelet.clock import Clock
from minikubelet.manifest.pod import Container, TCPSocketAction
from minikubelet.probes.addresses import HostLookupError, resolve
from minikubelet.probes.exchange import DialError, converse
from minikubelet.probes.ports import PortError, resolve_port
from minikubelet.probes.result import Outcome, ProbeResult
from minikubelet.probes.trace import Trace


class _Silence:
    """Being connected is all that is wanted."""

    finished = False
    unread = False

    def begin(self) -> bytes:
        self.finished = True
        return b""

    def receive(self, data: bytes) -> bytes:
        raise AssertionError("nothing is read")


async def probe_tcp(
    action: TCPSocketAction,
    container: Container,
    pod_ip: str,
    timeout_seconds: float,
    clock: Clock,
    trace: Trace | None = None,
) -> ProbeResult:
    deadline = clock.monotonic() + timeout_seconds
    try:
        port = resolve_port(action.port, container)
        addresses = await resolve(action.host or pod_ip, port, deadline, clock, trace)
        await converse(addresses, _Silence(), deadline, clock, trace)
    except PortError as error:
        return ProbeResult(Outcome.UNKNOWN, error=str(error))
    except (HostLookupError, DialError) as error:
        return ProbeResult(Outcome.FAILURE, str(error))
    return ProbeResult(Outcome.SUCCESS)
