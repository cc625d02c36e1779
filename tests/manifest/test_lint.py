"""Advice about pods that Kubernetes takes."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.lint import lint_pod
from minikubelet.manifest.pod import (
    ContainerPort,
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ProbeKind,
    TCPSocketAction,
)
from tests.pod.builders import a_container, a_pod, a_sidecar

WEB = (ContainerPort(8080, "web"),)


def a_liveness(**handler: Any) -> dict[str, Any]:
    return {"liveness_probe": Probe(ProbeKind.LIVENESS, **handler)}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(a_liveness(http_get=HTTPGetAction("web")), id="a declared name"),
        pytest.param(a_liveness(http_get=HTTPGetAction(9)), id="a number needs no declaration"),
        pytest.param(a_liveness(exec=ExecAction(("true",))), id="a command has no port"),
        pytest.param({"lifecycle": Lifecycle()}, id="no hooks"),
    ],
)
def test_no_advice(fields: dict[str, Any]) -> None:  # P-300
    assert lint_pod(a_pod(a_container(ports=WEB, **fields))) == ()


def test_names_that_no_port_of_the_container_has() -> None:  # P-303
    sidecar = a_sidecar(readiness_probe=Probe(ProbeKind.READINESS, tcp_socket=TCPSocketAction("w")))
    hook = LifecycleHandler(http_get=HTTPGetAction("web"))
    container = a_container(lifecycle=Lifecycle(pre_stop=hook))
    other = a_container("other", ports=WEB)
    advice = lint_pod(a_pod(container, other, init=(sidecar,)))
    assert [(str(one.path), one.message, one.fix) for one in advice] == [
        (
            "spec.initContainers[0].readinessProbe.tcpSocket.port",
            'no port of this container is named "w": '
            "on a cluster the probe errors each time and never counts",
            "name it in ports, or give its number",
        ),
        (
            "spec.containers[0].lifecycle.preStop.httpGet.port",
            'no port of this container is named "web": on a cluster the hook fails',
            "name it in ports, or give its number",
        ),
    ]
