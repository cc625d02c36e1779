"""Probes and hooks that Kubernetes refuses."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ProbeKind,
    SleepAction,
    TCPSocketAction,
)
from minikubelet.manifest.validate_pod import validate_pod
from tests.pod.builders import a_container, a_pod

C = "spec.containers[0]"
P = f"{C}.livenessProbe"
S = f"{C}.lifecycle.preStop"
TRUE = ExecAction(("true",))
MORE = "Forbidden: may not specify more than 1 handler type"
NOT_NEGATIVE = "must be greater than or equal to 0"
PORT_RANGE = "must be between 1 and 65535, inclusive"


def errors_of_container(**fields: Any) -> list[str]:
    return [str(error) for error in validate_pod(a_pod(a_container(**fields)))]


def errors_of_liveness(**fields: Any) -> list[str]:
    return errors_of_container(liveness_probe=Probe(ProbeKind.LIVENESS, **fields))


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        pytest.param({"exec": TRUE}, [], id="a command"),
        pytest.param({"exec": ExecAction(("",))}, [], id="an empty word is a command"),  # V-8
        pytest.param({"http_get": HTTPGetAction(8080)}, [], id="a port number"),
        pytest.param(
            {"tcp_socket": TCPSocketAction(80, host="any thing")}, [], id="any host"
        ),  # V-17
        pytest.param({"grpc": GRPCAction(80, "any thing")}, [], id="any gRPC service"),  # V-16
        pytest.param({"http_get": HTTPGetAction("web")}, [], id="a name no port has"),  # V-13
        pytest.param(
            {"exec": TRUE, "timeout_seconds": 60, "period_seconds": 1}, [], id="no cross rule"
        ),  # V-32
        pytest.param(
            {"exec": TRUE, "termination_grace_period_seconds": 999}, [], id="a long grace period"
        ),  # V-32
        pytest.param(
            {}, [f"{P}: Required value: must specify a handler type"], id="no handler"
        ),  # V-1
        pytest.param(
            {"exec": TRUE, "tcp_socket": TCPSocketAction(0), "grpc": GRPCAction(0)},
            [f"{P}.tcpSocket: {MORE}", f"{P}.grpc: {MORE}"],
            id="surplus handlers are not checked further",
        ),  # V-1
        pytest.param(
            {"exec": ExecAction()}, [f"{P}.exec.command: Required value"], id="no command"
        ),  # V-8
        pytest.param(
            {"http_get": HTTPGetAction(80, path="")},
            [f"{P}.httpGet.path: Required value"],
            id="no path",
        ),  # V-9
        pytest.param(
            {"http_get": HTTPGetAction(80, scheme="http")},
            [f'{P}.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"'],
            id="a scheme in lower case",
        ),  # V-10
        pytest.param(
            {"http_get": HTTPGetAction(80, http_headers=(HTTPHeader("X Y"),))},
            [
                f'{P}.httpGet.httpHeaders: Invalid value: "X Y": a valid HTTP header must consist '
                "of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
                "validation is '[-A-Za-z0-9]+')"
            ],
            id="a bad header",
        ),  # V-11
        pytest.param(
            {"http_get": HTTPGetAction()},
            [f"{P}.httpGet.port: Invalid value: 0: {PORT_RANGE}"],
            id="no port",
        ),  # V-12
        pytest.param(
            {"grpc": GRPCAction(65536)},
            [f"{P}.grpc.port: Invalid value: 65536: {PORT_RANGE}"],
            id="a gRPC port out of range",
        ),  # V-12
        pytest.param(
            {"tcp_socket": TCPSocketAction("8080")},
            [f'{P}.tcpSocket.port: Invalid value: "8080": must contain at least one letter (a-z)'],
            id="a quoted number",
        ),  # V-13, V-33
        pytest.param(
            {
                "exec": TRUE,
                "initial_delay_seconds": -1,
                "timeout_seconds": -2,
                "period_seconds": -3,
                "success_threshold": -4,
                "failure_threshold": -5,
                "termination_grace_period_seconds": 0,
            },
            [
                f"{P}.initialDelaySeconds: Invalid value: -1: {NOT_NEGATIVE}",
                f"{P}.timeoutSeconds: Invalid value: -2: {NOT_NEGATIVE}",
                f"{P}.periodSeconds: Invalid value: -3: {NOT_NEGATIVE}",
                f"{P}.successThreshold: Invalid value: -4: {NOT_NEGATIVE}",
                f"{P}.failureThreshold: Invalid value: -5: {NOT_NEGATIVE}",
                f"{P}.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
                f"{P}.successThreshold: Invalid value: -4: must be 1",
            ],
            id="every number, in order",
        ),  # V-2 … V-7, V-14, V-30, L-66
        pytest.param(
            {"exec": TRUE, "success_threshold": 2},
            [f"{P}.successThreshold: Invalid value: 2: must be 1"],
            id="two successes",
        ),  # V-6, L-66
    ],
)
def test_liveness(fields: dict[str, Any], errors: list[str]) -> None:
    assert errors_of_liveness(**fields) == errors


def test_readiness_has_its_own_rules() -> None:  # V-15, L-66
    probe = Probe(
        ProbeKind.READINESS, exec=TRUE, success_threshold=2, termination_grace_period_seconds=10
    )
    assert errors_of_container(readiness_probe=probe) == [
        f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 10: "
        "must not be set for readinessProbes"
    ]


def test_order_of_the_probes_of_a_container() -> None:  # V-30
    assert errors_of_container(
        startup_probe=Probe(ProbeKind.STARTUP),
        readiness_probe=Probe(ProbeKind.READINESS),
        liveness_probe=Probe(ProbeKind.LIVENESS),
    ) == [
        f"{C}.{name}: Required value: must specify a handler type"
        for name in ("livenessProbe", "readinessProbe", "startupProbe")
    ]


def test_a_startup_probe_succeeds_once() -> None:  # V-6
    probe = Probe(ProbeKind.STARTUP, exec=TRUE, success_threshold=3)
    assert errors_of_container(startup_probe=probe) == [
        f"{C}.startupProbe.successThreshold: Invalid value: 3: must be 1"
    ]


@pytest.mark.parametrize(
    ("handler", "errors"),
    [  # L-65
        pytest.param(LifecycleHandler(sleep=SleepAction(0)), [], id="no sleep at all"),
        pytest.param(LifecycleHandler(sleep=SleepAction(30)), [], id="all of the grace period"),
        pytest.param(
            LifecycleHandler(sleep=SleepAction(31)),
            [
                f"{S}.sleep: Invalid value: 31: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ],
            id="longer than the grace period",
        ),
        pytest.param(
            LifecycleHandler(sleep=SleepAction(-1)),
            [
                f"{S}.sleep: Invalid value: -1: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ],
            id="a negative sleep",
        ),
        pytest.param(
            LifecycleHandler(), [f"{S}: Required value: must specify a handler type"], id="nothing"
        ),
        pytest.param(
            LifecycleHandler(exec=TRUE, sleep=SleepAction(99)),
            [f"{S}.sleep: {MORE}"],
            id="two handlers",
        ),
        pytest.param(
            LifecycleHandler(http_get=HTTPGetAction(0)),
            [f"{S}.httpGet.port: Invalid value: 0: {PORT_RANGE}"],
            id="no port",
        ),
    ],
)
def test_hook(handler: LifecycleHandler, errors: list[str]) -> None:
    assert errors_of_container(lifecycle=Lifecycle(pre_stop=handler)) == errors


def test_hooks_in_order_and_no_stop_signal() -> None:  # L-65, L-67
    lifecycle = Lifecycle(LifecycleHandler(), LifecycleHandler(), stop_signal="SIGWHATEVER")
    assert errors_of_container(lifecycle=lifecycle) == [
        f"{C}.lifecycle.{name}: Required value: must specify a handler type"
        for name in ("postStart", "preStop")
    ]
