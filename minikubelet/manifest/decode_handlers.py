"""Probes and lifecycle hooks, from JSON. Pure; see `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    scalars,
    value_or,
)
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


def decode_probe(document: JSONObject | None, kind: ProbeKind) -> Probe | None:
    """The probe that stood in the field of `kind`; None where there is none."""
    if document is None:
        return None
    return Probe(
        kind=kind,
        exec=object_or_none(document, "exec", _decode_exec),
        http_get=object_or_none(document, "httpGet", _decode_http_get),
        tcp_socket=object_or_none(document, "tcpSocket", _decode_tcp_socket),
        grpc=object_or_none(document, "grpc", _decode_grpc),
        initial_delay_seconds=value_or(document, "initialDelaySeconds", 0),
        timeout_seconds=value_or(document, "timeoutSeconds", 1),
        period_seconds=value_or(document, "periodSeconds", 10),
        success_threshold=value_or(document, "successThreshold", 1),
        failure_threshold=value_or(document, "failureThreshold", 3),
        termination_grace_period_seconds=document.get("terminationGracePeriodSeconds"),
    )


def decode_lifecycle(document: JSONObject) -> Lifecycle:
    return Lifecycle(
        post_start=object_or_none(document, "postStart", _decode_hook),
        pre_stop=object_or_none(document, "preStop", _decode_hook),
        stop_signal=document.get("stopSignal"),
    )


def _decode_hook(document: JSONObject) -> LifecycleHandler:
    return LifecycleHandler(
        exec=object_or_none(document, "exec", _decode_exec),
        http_get=object_or_none(document, "httpGet", _decode_http_get),
        tcp_socket=object_or_none(document, "tcpSocket", _decode_tcp_socket),
        sleep=object_or_none(
            document, "sleep", lambda sleep: SleepAction(value_or(sleep, "seconds", 0))
        ),
    )


def _decode_exec(document: JSONObject) -> ExecAction:
    return ExecAction(scalars(document, "command"))


def _decode_http_get(document: JSONObject) -> HTTPGetAction:
    return HTTPGetAction(
        port=value_or(document, "port", 0),
        path=value_or(document, "path", "/"),
        host=value_or(document, "host", ""),
        scheme=value_or(document, "scheme", "HTTP"),
        http_headers=objects(
            document,
            "httpHeaders",
            lambda header: HTTPHeader(value_or(header, "name", ""), value_or(header, "value", "")),
        ),
    )


def _decode_tcp_socket(document: JSONObject) -> TCPSocketAction:
    return TCPSocketAction(value_or(document, "port", 0), value_or(document, "host", ""))


def _decode_grpc(document: JSONObject) -> GRPCAction:
    return GRPCAction(value_or(document, "port", 0), value_or(document, "service", ""))
