"""What objects get besides their defaults: from admission, and beside others of their kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.apiserver.api import CORE, Api, a_pod, serving_api

PODS = f"{CORE}/pods"
SERVICES = f"{CORE}/services"
LOST = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


OWN = {"key": "own", "operator": "Exists", "effect": "NoSchedule"}
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "operator": "Exists"}
ANYTHING = {"operator": "Exists"}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param([], LOST, id="none"),
        pytest.param([OWN], [OWN, *LOST], id="others"),
        pytest.param([UNREACHABLE], [UNREACHABLE, LOST[0]], id="one of the two"),
        pytest.param([ANYTHING], [ANYTHING], id="everything"),
    ],
)
async def test_tolerations(api: Api, given: list[Any], wanted: list[Any]) -> None:
    pod = await api.ok("POST", PODS, a_pod(tolerations=given))
    assert pod["spec"]["tolerations"] == wanted


@pytest.mark.parametrize(
    ("given", "priority"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"priority": 7}, 7, id="its own"),
        pytest.param({"priorityClassName": "system-node-critical"}, 2000001000, id="a known class"),
        pytest.param({"priorityClassName": "gold"}, None, id="a class that nobody defined"),
    ],
)
async def test_priority(api: Api, given: dict[str, Any], priority: int | None) -> None:
    spec = (await api.ok("POST", PODS, a_pod(**given)))["spec"]
    assert spec.get("priority") == priority
    assert spec.get("preemptionPolicy") == (None if priority is None else "PreemptLowerPriority")


async def test_the_manifest_of_a_pod_replaces_it(api: Api) -> None:  # L-68
    manifest = a_pod(tolerations=[OWN], priority=7)
    made = await api.ok("POST", PODS, manifest)
    del manifest["spec"]["priority"]
    assert await api.ok("PUT", f"{PODS}/web", manifest) == made
    again = await api("PUT", f"{PODS}/web", made)
    assert (again.status, again.warnings) == (200, ())
    added = [{"op": "add", "path": "/spec/tolerations/-", "value": ANYTHING}]
    patched = await api.patch(f"{PODS}/web", added, "json-patch")
    assert patched.body["spec"]["tolerations"] == [OWN, *LOST, ANYTHING]


async def test_what_the_server_adds_is_not_warned_of(api: Api) -> None:
    made = await api.ok("POST", PODS, a_pod())
    for name in ("uid", "resourceVersion"):
        del made["metadata"][name]
    made["metadata"]["name"] = "copy"
    assert (await api("POST", PODS, made)).warnings == ()


def a_service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_services_do_not_share_addresses(api: Api) -> None:  # K- section 8
    """The address of `second` is taken by one that asked for it."""
    wanted = (await api.ok("POST", SERVICES, a_service("second")))["spec"]["clusterIP"]
    await api.ok("DELETE", f"{SERVICES}/second")
    await api.ok("POST", SERVICES, a_service("first", clusterIP=wanted))
    second = (await api.ok("POST", SERVICES, a_service("second")))["spec"]
    assert second["clusterIP"] != wanted
    assert second["clusterIPs"] == [second["clusterIP"]]
    clash = await api("POST", SERVICES, a_service("third", clusterIP=wanted))
    assert clash.status == 422
    assert clash.message == (
        f'Service "third" is invalid: spec.clusterIPs: Invalid value: ["{wanted}"]: failed to '
        f"allocate IP {wanted}: provided IP is already allocated"
    )


async def test_services_do_not_share_node_ports(api: Api) -> None:
    ports = [{"port": 80, "nodePort": 30080}]
    await api.ok("POST", SERVICES, a_service("first", type="NodePort", ports=ports))
    clash = await api("POST", SERVICES, a_service("second", type="NodePort", ports=ports))
    assert clash.message == (
        'Service "second" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port '
        "is already allocated"
    )
    given = (await api.ok("POST", SERVICES, a_service("second", type="NodePort")))["spec"]["ports"]
    assert 30000 <= given[0]["nodePort"] <= 32767


async def test_a_replaced_service_keeps_what_it_was_given(api: Api) -> None:
    made = await api.ok("POST", SERVICES, a_service("web", type="NodePort"))
    ports = [{"port": 81, "name": "b"}, {"port": 80, "name": "a"}]
    replaced = await api.ok(
        "PUT", f"{SERVICES}/web", a_service("web", type="NodePort", ports=ports)
    )
    assert replaced["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    numbers = [port["nodePort"] for port in replaced["spec"]["ports"]]
    assert numbers[1] == made["spec"]["ports"][0]["nodePort"] != numbers[0]
