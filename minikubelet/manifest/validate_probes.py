"""Rules for probes, lifecycle hooks and their handlers (V-1 … V-15, V-30, L-65, L-66).

Role: typed probes and hooks → field errors, all of them, in upstream's order. The defaults are
filled in before. Upstream: pkg/apis/core/validation, validateHandler and validateProbe. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import (
    Container,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ProbeKind,
    SleepAction,
    TCPSocketAction,
)

Action = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction | SleepAction


def validate_probes(container: Container, path: FieldPath) -> Iterator[FieldError]:
    """Liveness, readiness and startup, in this order (V-30)."""
    for name, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            yield from validate_probe(probe, path.child(name))


def validate_probe(probe: Probe, path: FieldPath) -> Iterator[FieldError]:
    yield from _validate_handler(_probe_actions(probe), None, path)
    for name, value in (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ):
        if value < 0:
            yield invalid(path.child(name), value, "must be greater than or equal to 0")
    grace = probe.termination_grace_period_seconds
    grace_path = path.child("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(grace_path, grace, "must be greater than 0")
    if probe.kind is ProbeKind.READINESS:
        if grace is not None:
            yield invalid(grace_path, grace, "must not be set for readinessProbes")
    elif probe.success_threshold != 1:
        yield invalid(path.child("successThreshold"), probe.success_threshold, "must be 1")


def validate_lifecycle(
    lifecycle: Lifecycle, grace_period_seconds: int, path: FieldPath
) -> Iterator[FieldError]:
    """`stopSignal` is not looked at: its feature is off by default (L-67)."""
    for name, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler is not None:
            actions = _hook_actions(handler)
            yield from _validate_handler(actions, grace_period_seconds, path.child(name))


def _probe_actions(probe: Probe) -> tuple[tuple[str, Action | None], ...]:
    return (
        ("exec", probe.exec),
        ("httpGet", probe.http_get),
        ("tcpSocket", probe.tcp_socket),
        ("grpc", probe.grpc),
    )


def _hook_actions(handler: LifecycleHandler) -> tuple[tuple[str, Action | None], ...]:
    return (
        ("exec", handler.exec),
        ("httpGet", handler.http_get),
        ("tcpSocket", handler.tcp_socket),
        ("sleep", handler.sleep),
    )


def _validate_handler(
    actions: tuple[tuple[str, Action | None], ...],
    grace_period_seconds: int | None,
    path: FieldPath,
) -> Iterator[FieldError]:
    """V-1: the first action counts and is checked, each further one is one too many."""
    given = [(name, action) for name, action in actions if action is not None]
    if not given:
        yield required(path, "must specify a handler type")
        return
    name, action = given[0]
    yield from _validate_action(action, grace_period_seconds, path.child(name))
    for name, _ in given[1:]:
        yield forbidden(path.child(name), "may not specify more than 1 handler type")


def _validate_action(
    action: Action, grace_period_seconds: int | None, path: FieldPath
) -> Iterator[FieldError]:
    match action:
        case ExecAction(command=()):
            yield required(path.child("command"))
        case HTTPGetAction():
            yield from _validate_http_get(action, path)
        case TCPSocketAction(port=port) | GRPCAction(port=port):
            yield from _validate_port(port, path.child("port"))
        case SleepAction(seconds=seconds) if grace_period_seconds is not None:
            if not 0 <= seconds <= grace_period_seconds:
                yield invalid(
                    path,
                    seconds,
                    "must be non-negative and less than "
                    f"terminationGracePeriodSeconds ({grace_period_seconds})",
                )


def _validate_http_get(action: HTTPGetAction, path: FieldPath) -> Iterator[FieldError]:
    if not action.path:
        yield required(path.child("path"))
    yield from _validate_port(action.port, path.child("port"))
    if action.scheme not in {"HTTP", "HTTPS"}:
        yield not_supported(path.child("scheme"), action.scheme, ("HTTP", "HTTPS"))
    for header in action.http_headers:
        for detail in names.http_header_name(header.name):
            # Upstream names the list, not the entry (V-11).
            yield invalid(path.child("httpHeaders"), header.name, detail)


def _validate_port(port: int | str, path: FieldPath) -> Iterator[FieldError]:
    """A number, or the name of a port, which need not be declared (V-12, V-13)."""
    details = names.port_name(port) if isinstance(port, str) else names.port_number(port)
    for detail in details:
        yield invalid(path, port, detail)
