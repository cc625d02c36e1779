"""Which further attempts may tell why a probe failed. Pure.

Role: from a failed attempt to the same probe with one thing changed. All are what the probe itself
is (a GET, a health check), so that they do no more harm than it does; commands are never repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from minikubelet.manifest.pod import GRPCAction, HTTPGetAction, HTTPHeader, Probe
from minikubelet.probes.addresses import is_ip
from minikubelet.probes.attempt import Attempt, LookKind
from minikubelet.probes.http_request import canonical_name
from minikubelet.probes.trace import (
    CallAnswered,
    Connected,
    FirstBytes,
    HeadRead,
    HTTP2Ready,
    Secured,
)
from minikubelet.value_class import dataclass

PATIENCE_SECONDS = 10
"""How long a slow answer is waited for."""
QUICK_SECONDS = 2
HOST_NAME = "localhost"
USUAL_PATHS = ("/", "/healthz", "/health", "/livez", "/readyz", "/ready", "/ping")
_HOST_STATUSES = frozenset({400, 403, 404, 421})


@dataclass(frozen=True, slots=True)
class PlannedLook:
    kind: LookKind
    value: str
    probe: Probe


def plan_looks(attempt: Attempt) -> Iterator[PlannedLook]:
    """In the order in which they are worth it: the first that succeeds is the answer."""
    probe = attempt.target.probe
    if attempt.succeeded or attempt.last_connection.last(Connected) is None:
        return
    if probe.http_get is not None:
        quick = replace(probe, timeout_seconds=min(probe.timeout_seconds, QUICK_SECONDS))
        yield from _http_looks(attempt, probe, quick, probe.http_get)
    elif probe.grpc is not None:
        yield from _grpc_looks(attempt, probe, probe.grpc)


def timed_out(attempt: Attempt) -> bool:
    return attempt.margin_seconds <= 0


def _http_looks(
    attempt: Attempt, probe: Probe, quick: Probe, action: HTTPGetAction
) -> Iterator[PlannedLook]:
    connection = attempt.last_connection
    head = connection.last(HeadRead)
    if head is None:
        if timed_out(attempt):
            yield _patient(probe)
        first = connection.last(FirstBytes)
        if connection.last(Secured) is None and (first is None or not first.data):
            scheme = "HTTPS" if action.scheme == "HTTP" else "HTTP"
            yield _http(LookKind.SCHEME, scheme, quick, replace(action, scheme=scheme))
        return
    peer = attempt.peer
    names = {canonical_name(header.name) for header in action.http_headers}
    if (
        head.status in _HOST_STATUSES
        and "Host" not in names
        and peer is not None
        and is_ip(action.host or attempt.target.pod_ip)
    ):
        value = f"{HOST_NAME}:{peer[1]}"
        headers = (*action.http_headers, HTTPHeader("Host", value))
        yield _http(LookKind.HOST_HEADER, value, quick, replace(action, http_headers=headers))
    if head.status == 404:
        for path in _other_paths(action.path):
            yield _http(LookKind.PATH, path, quick, replace(action, path=path))


def _other_paths(path: str) -> tuple[str, ...]:
    """With or without the slash at the end, then the usual ones."""
    toggled = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return tuple(p for p in dict.fromkeys((toggled, *USUAL_PATHS)) if p not in ("", path))


def _grpc_looks(attempt: Attempt, probe: Probe, action: GRPCAction) -> Iterator[PlannedLook]:
    answer = attempt.last(CallAnswered)
    if action.service and answer is not None and _service_is_unknown(answer):
        yield PlannedLook(LookKind.SERVICE, "", replace(probe, grpc=replace(action, service="")))
    elif attempt.last(HTTP2Ready) is not None and timed_out(attempt):
        yield _patient(probe)


def _service_is_unknown(answer: CallAnswered) -> bool:
    return answer.code == "NotFound" or answer.serving == "SERVICE_UNKNOWN"


def _patient(probe: Probe) -> PlannedLook:
    seconds = max(PATIENCE_SECONDS, 2 * probe.timeout_seconds)
    return PlannedLook(LookKind.TIMEOUT, str(seconds), replace(probe, timeout_seconds=seconds))


def _http(kind: LookKind, value: str, probe: Probe, action: HTTPGetAction) -> PlannedLook:
    return PlannedLook(kind, value, replace(probe, http_get=action))
