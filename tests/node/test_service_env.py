"""Variables that tell containers of services."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.node.service_env import StoredServices, service_environment
from minikubelet.store.objects import Key
from minikubelet.store.store import memory_store
from tests.pod.builders import a_pod


def a_service(name: str, ip: str | None, *ports: dict[str, Any]) -> dict[str, Any]:
    spec = {"clusterIP": ip, "ports": list(ports)}
    return {"metadata": {"name": name}, "spec": spec}


def test_the_variables_of_a_service() -> None:  # L-135
    service = a_service(
        "my-db",
        "10.0.0.7",
        {"port": 5432, "name": "sql", "protocol": "TCP"},
        {"port": 53, "name": "ask-me", "protocol": "UDP"},
    )
    assert service_environment([service]) == {
        "MY_DB_SERVICE_HOST": "10.0.0.7",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL": "5432",
        "MY_DB_SERVICE_PORT_ASK_ME": "53",
        "MY_DB_PORT": "tcp://10.0.0.7:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.0.0.7:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.0.0.7",
        "MY_DB_PORT_53_UDP": "udp://10.0.0.7:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.0.0.7",
    }


@pytest.mark.parametrize("ip", [None, "", "None"])
def test_a_service_without_an_address_has_none(ip: str | None) -> None:
    assert service_environment([a_service("headless", ip, {"port": 80})]) == {}


def test_an_address_of_version_6_is_put_into_brackets() -> None:
    variables = service_environment([a_service("six", "fd00::1", {"port": 80})])
    assert variables["SIX_PORT"] == "tcp://[fd00::1]:80"
    assert variables["SIX_SERVICE_HOST"] == "fd00::1"


@pytest.mark.parametrize(
    ("namespace", "links", "names"),
    [
        ("default", True, {"KUBERNETES", "WEB"}),
        ("default", False, {"KUBERNETES"}),
        ("other", True, {"KUBERNETES", "THEIRS"}),
        ("other", False, {"KUBERNETES"}),
    ],
)
def test_which_services_a_pod_sees(namespace: str, links: bool, names: set[str]) -> None:
    store = memory_store()
    for place, name in (("default", "kubernetes"), ("default", "web"), ("other", "theirs")):
        store.create(Key("", "services", place, name), a_service(name, "10.0.0.1", {"port": 1}))
    pod = a_pod(metadata={"namespace": namespace}, enable_service_links=links)
    found = StoredServices(store)(pod)
    assert {key.removesuffix("_SERVICE_HOST") for key in found if "_HOST" in key} == names
