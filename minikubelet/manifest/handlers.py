"""What probes and lifecycle hooks do, as typed values. Pure."""

from __future__ import annotations

from enum import StrEnum

from minikubelet.value_class import dataclass


class ProbeKind(StrEnum):
    """Spelled as in events and metrics (probes.md)."""

    STARTUP = "Startup"
    READINESS = "Readiness"
    LIVENESS = "Liveness"


@dataclass(frozen=True, slots=True)
class ExecAction:
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HTTPHeader:
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class HTTPGetAction:
    port: int | str = 0
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[HTTPHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class TCPSocketAction:
    port: int | str = 0
    host: str = ""


@dataclass(frozen=True, slots=True)
class GRPCAction:
    port: int = 0
    service: str = ""


@dataclass(frozen=True, slots=True)
class SleepAction:
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of one container, defaults filled in; `kind` is the field it stood in. Seconds
    throughout."""

    kind: ProbeKind
    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class LifecycleHandler:
    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None
