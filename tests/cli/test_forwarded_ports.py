"""The port arguments of `port-forward`."""

from __future__ import annotations

import pytest

from minikubelet.cli.forwarded_ports import ForwardedPort, PortError, forwarded_ports
from minikubelet.manifest.json_tree import Json

POD: Json = {
    "metadata": {"name": "web"},
    "spec": {
        "containers": [
            {
                "name": "app",
                "ports": [
                    {"name": "http", "containerPort": 8080},
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                ],
            }
        ]
    },
}


def service(**spec: object) -> Json:
    ports = [
        {"name": "web", "port": 80, "targetPort": "http"},
        {"name": "plain", "port": 81},
        {"name": "moved", "port": 82, "targetPort": 9000},
        {"name": "talk", "port": 83, "protocol": "UDP"},
    ]
    return {"kind": "Service", "metadata": {"name": "svc"}, "spec": {"ports": ports, **spec}}


@pytest.mark.parametrize(
    ("word", "through", "local", "remote"),
    [
        pytest.param("8080", None, 8080, 8080, id="one number is both"),
        pytest.param("9090:8080", None, 9090, 8080, id="local and remote"),
        pytest.param(":8080", None, 0, 8080, id="any local port"),
        pytest.param("0:8080", None, 0, 8080, id="any local port, as a number"),
        pytest.param("9090:http", None, 9090, 8080, id="by the name of a container port"),
        pytest.param("http", None, 8080, 8080, id="a name alone"),
        pytest.param("9090:80", service(), 9090, 8080, id="a service port leads to a named port"),
        pytest.param("80", service(), 80, 8080, id="the local port is that of the service"),
        pytest.param("web", service(), 80, 8080, id="a service port by name"),
        pytest.param("1:81", service(), 1, 81, id="without a target it is the port itself"),
        pytest.param("1:moved", service(), 1, 9000, id="another number"),
        pytest.param("1:80", service(clusterIP="None"), 1, 80, id="headless: nothing translates"),
    ],
)
def test_ports(word: str, through: Json | None, local: int, remote: int) -> None:  # K-92
    assert forwarded_ports([word], POD, through) == (ForwardedPort(local, remote),)


@pytest.mark.parametrize(
    ("word", "through", "error"),
    [
        pytest.param("1:2:3", None, "invalid port format '1:2:3'", id="three parts"),
        pytest.param("80:", None, "invalid port format '80:'", id="no remote port"),
        pytest.param("x:80", None, "error parsing local port 'x': it is no number", id="local"),
        pytest.param("0", None, "remote port must be > 0", id="zero"),
        pytest.param(
            "1:99999999999999", None, "port 99999999999999 is higher than 65535", id="big"
        ),
        pytest.param("1:no", None, "Pod 'web' does not have a named port 'no'", id="no such name"),
        pytest.param(
            "1:dns", None, "UDP protocol is not supported for port 53 of pod web", id="UDP"
        ),
        pytest.param(
            "1:83", service(), "UDP protocol is not supported for port 83 of service svc", id="svc"
        ),
        pytest.param(
            "99", service(), "Service svc does not have a service port 99", id="no service port"
        ),
        pytest.param(
            "no", service(), "Service 'svc' does not have a named port 'no'", id="no service name"
        ),
    ],
)
def test_refusals(word: str, through: Json | None, error: str) -> None:
    with pytest.raises(PortError) as caught:
        forwarded_ports([word], POD, through)
    assert str(caught.value) == error
