"""Hints for grpc probes that reached a server. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.probes.attempt import Examined, LookKind
from minikubelet.probes.first_bytes import is_tls_alert
from minikubelet.probes.trace import CallAnswered, Connected, FirstBytes, HTTP2Ready


def grpc_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    attempt = examined.attempt
    action = attempt.target.probe.grpc
    if action is None or attempt.succeeded or attempt.last(Connected) is None:
        return
    if attempt.last(HTTP2Ready) is None:
        yield from _not_ready_hints(examined)
        return
    answer = attempt.last(CallAnswered)
    if answer is None:
        return
    if answer.code == "Unimplemented":
        yield (
            "no-health-service",
            "the server has no health service: register grpc.health.v1.Health in it, or use "
            "tcpSocket",
        )
    elif answer.code == "NotFound" or answer.serving == "SERVICE_UNKNOWN":
        better = (
            "the server as a whole is healthy: leave service out"
            if examined.look(LookKind.SERVICE)
            else "leave service out"
        )
        yield (
            "service",
            f"the health service knows no service {go_quote(action.service)}; {better}, or let the "
            "app set the status of this name",
        )
    elif answer.code in ("Unauthenticated", "PermissionDenied"):
        yield (
            "credentials",
            "the call wants credentials, and probes have none: exempt the health service",
        )
    elif answer.code == "OK":
        yield (
            "unwell",
            "the server was reached and says itself that it does not serve: look into its log",
        )


def _not_ready_hints(examined: Examined) -> Iterator[tuple[str, str]]:
    first = examined.attempt.last(FirstBytes)
    data = first.data if first is not None else b""
    if data.startswith(b"HTTP/"):
        yield "http1", "the server speaks HTTP/1, which gRPC does not: use httpGet, or another port"
    elif is_tls_alert(data):
        yield (
            "grpc-tls",
            "the server speaks TLS, and grpc probes do not: serve health without TLS on a port of "
            "its own, or use exec with grpc_health_probe",
        )
    elif first is not None:
        yield (
            "not-grpc",
            "the server hangs up, or does not speak HTTP/2: does it want TLS, which grpc probes do "
            "not speak, or is this not its gRPC port?",
        )
    else:
        yield (
            "not-grpc",
            "the server accepts the connection and stays silent, where HTTP/2 begins with settings:"
            " is this its gRPC port?",
        )
