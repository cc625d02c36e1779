"""What a probe's result usually means, and what to do about it. Pure.

Role: from all that is known about an attempt to advice. A hint says what was seen and what to
change; it is given only where the evidence is there, and a success may have hints too, where a
cluster would see it otherwise.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from minikubelet.pod.durations import go_duration
from minikubelet.pod.listeners import Listener
from minikubelet.probes.addresses import is_ip
from minikubelet.probes.attempt import Attempt, Examined, LookKind
from minikubelet.probes.hints_exec import exec_hints
from minikubelet.probes.hints_grpc import grpc_hints
from minikubelet.probes.hints_http import http_hints
from minikubelet.probes.looks import PATIENCE_SECONDS, timed_out
from minikubelet.probes.trace import Connected, HostResolved, NotConnected
from minikubelet.value_class import dataclass

MANY_LISTENERS = 5
FIRST_EPHEMERAL_PORT = 32768
"""From here on the kernel gives ports away: few apps choose one of these."""
CLOSE_CALL = 0.8
"""A success that took this share of the time-out is called close."""


@dataclass(frozen=True, slots=True)
class Hint:
    name: str
    """Stable, for programs."""
    text: str


def hints_of(examined: Examined) -> tuple[Hint, ...]:
    """The hints, the most telling first."""
    return tuple(Hint(name, text) for name, text in _hints(examined))


def _hints(examined: Examined) -> Iterator[tuple[str, str]]:
    probe = examined.attempt.target.probe
    yield from _port_hints(examined.attempt)
    yield from _connection_hints(examined)
    if probe.exec is not None:
        yield from exec_hints(examined.attempt)
    elif probe.http_get is not None:
        yield from http_hints(examined)
    elif probe.grpc is not None:
        yield from grpc_hints(examined)
    yield from _time_hints(examined)
    yield from _address_hints(examined)


def _port_hints(attempt: Attempt) -> Iterator[tuple[str, str]]:
    """A port that cannot be resolved (P-300 … P-303)."""
    probe, container = attempt.target.probe, attempt.target.container
    action = probe.http_get or probe.tcp_socket
    if not attempt.result.error or action is None or not isinstance(action.port, str):
        return
    names = [port.name for port in container.ports if port.name]
    known = f"it names {', '.join(names)}" if names else "it names none"
    yield (
        "port-name",
        f'no port of container {container.name} is called "{action.port}" ({known}): '
        "use one of its names, or the number. Kubernetes throws such an attempt away, as neither "
        "failure nor success",
    )


def _connection_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    attempt = examined.attempt
    if attempt.succeeded or attempt.last(Connected) is not None or attempt.target.probe.exec:
        return
    failure, peer = attempt.last(NotConnected), attempt.peer
    if peer is None:
        if not attempt.result.error:
            yield (
                "unknown-host",
                "the name cannot be looked up here: leave host out, and the probe goes to the Pod",
            )
    elif failure is not None and failure.why.endswith("connection refused"):
        yield from _refused_hints(examined, *peer)
    elif failure is not None and failure.why.endswith("i/o timeout"):
        yield (
            "no-answer",
            f"{peer[0]} does not answer at all: a wrong address, a firewall that drops packets, or "
            "an app that accepts no more connections",
        )


def _refused_hints(examined: Examined, host: str, port: int) -> Iterator[tuple[str, str]]:
    if examined.listeners is None:
        yield (
            "nobody-listens",
            f"nobody listens on port {port} of {host}: is the app running, does it listen on "
            "0.0.0.0 and not only on 127.0.0.1, and is this its port?",
        )
        return
    here = [listener for listener in examined.listeners if listener.port == port]
    if here:
        places = " and ".join(f"{listener.holder} at {listener.address}" for listener in here)
        advice = (
            "let the app listen on 0.0.0.0"
            if all(listener.is_loopback for listener in here)
            else f"try --host {here[0].address}"
        )
        yield (
            "other-address",
            f"on port {port} there is only {places}, and the probe goes to {host}: {advice}",
        )
        return
    yield from _other_port_hints(examined, host, port)


def _other_port_hints(examined: Examined, host: str, port: int) -> Iterator[tuple[str, str]]:
    listeners = [o for o in examined.listeners or () if _reachable(o, host)]
    declared = {p.container_port for p in examined.attempt.target.container.ports}
    expected = [listener for listener in listeners if listener.port in declared]
    chosen = [listener for listener in listeners if listener.port < FIRST_EPHEMERAL_PORT]
    if expected:
        yield (
            "declared-port",
            f"nobody listens on port {port}, but {_places(expected)}, which the container "
            "declares: is that the port of the probe?",
        )
    elif chosen:
        more = " and others" if len(chosen) > MANY_LISTENERS else ""
        yield (
            "other-port",
            f"nobody listens on port {port} of {host}, but {_places(chosen[:MANY_LISTENERS])}"
            f"{more}: is one of them the app?",
        )
    else:
        yield "nobody-listens", f"nobody listens on port {port} of this host: is the app running?"


def _places(listeners: list[Listener]) -> str:
    return ", ".join(dict.fromkeys(f"{o.holder} on {o.port}" for o in listeners))


def _reachable(listener: Listener, host: str) -> bool:
    return listener.accepts_from_everywhere or listener.address == host


def _time_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    """A time-out smaller than the latency, or nearly so."""
    attempt = examined.attempt
    probe, limit = attempt.target.probe, attempt.target.probe.timeout_seconds
    if attempt.succeeded:
        if attempt.seconds >= CLOSE_CALL * limit:
            yield (
                "close-call",
                f"{_rounded(attempt.seconds)} of {go_duration(limit)} were needed: "
                "under load this probe will fail; raise timeoutSeconds",
            )
        return
    if not timed_out(attempt) or (attempt.last(Connected) is None and probe.exec is None):
        return
    patient = examined.look(LookKind.TIMEOUT)
    if patient is not None:
        yield (
            "slow",
            f"the answer is good but takes {_rounded(patient.attempt.seconds)}, and timeoutSeconds "
            f"is {limit}: raise timeoutSeconds, or make the endpoint cheaper",
        )
    elif any(look.kind is LookKind.TIMEOUT for look in examined.looks):
        waited = go_duration(max(PATIENCE_SECONDS, 2 * limit))
        yield "hangs", f"there is no good answer within {waited} either: the app hangs"
    elif probe.exec is not None:
        yield (
            "slow",
            f"the command was killed after {go_duration(limit)}: raise timeoutSeconds (the default "
            "is 1s), or make the command faster",
        )


def _address_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    """What works here and would not in a cluster."""
    attempt = examined.attempt
    probe = attempt.target.probe
    action = probe.http_get or probe.tcp_socket
    if action is not None and action.host and _is_loopback(action.host, attempt):
        yield (
            "loopback-host",
            f"host is {action.host}: in a cluster that is the node, not the Pod; leave host out",
        )
        return
    if not attempt.succeeded or examined.listeners is None or attempt.peer is None:
        return
    here = [o for o in examined.listeners if o.port == attempt.peer[1]]
    if here and all(listener.is_loopback for listener in here):
        places = " and ".join(dict.fromkeys(listener.address for listener in here))
        yield (
            "loopback-only",
            f"the app listens on {places} only: in a cluster the kubelet connects to the Pod's IP "
            "and is refused; let the app listen on 0.0.0.0",
        )


def _is_loopback(host: str, attempt: Attempt) -> bool:
    if is_ip(host):
        return ipaddress.ip_address(host).is_loopback
    resolved = attempt.last(HostResolved)
    return host == "localhost" or (
        resolved is not None
        and all(address.startswith(("127.", "[::1]")) for address in resolved.addresses)
    )


def _rounded(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
