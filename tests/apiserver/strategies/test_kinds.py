"""What is particular about Pods, Secrets, ConfigMaps, Services and Nodes, through the API."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import CORE, NODE, Api, a_config_map, a_pod, serving_api

PODS = f"{CORE}/pods"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


async def test_a_new_pod(api: Api) -> None:  # L-27 … L-33, K- section 8
    pod = await api.ok("POST", PODS, {**a_pod(), "status": {"phase": "Running"}})
    assert pod["metadata"]["generation"] == 1
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    spec = pod["spec"]
    assert (spec["securityContext"], spec["serviceAccountName"]) == ({}, "default")
    assert spec["containers"] == [
        {
            "name": "app",
            "image": "busybox:1",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
    ]
    assert "nodeName" not in spec


async def test_a_gated_pod_says_why_it_waits(api: Api) -> None:  # L-73
    pod = await api.ok("POST", PODS, a_pod(schedulingGates=[{"name": "a.b/c"}]))
    assert pod["status"]["conditions"] == [
        {
            "type": "PodScheduled",
            "status": "False",
            "lastTransitionTime": "2026-01-01T12:00:00Z",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": None,
        }
    ]


async def test_a_mirror_needs_its_node(api: Api) -> None:  # L-13
    mark = {"annotations": {"kubernetes.io/config.mirror": "x"}}
    answer = await api("POST", PODS, a_pod(metadata=mark))
    assert answer.status == 422
    assert (
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set '
        "spec.nodeName if mirror pod annotation is set"
    ) in answer.message


async def test_fields_without_effect_are_warned_of(api: Api) -> None:
    pod = a_pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.2.3.4"]})
    answer = await api("POST", PODS, pod)
    assert answer.status == 201
    assert any("spec.dnsPolicy" in warning for warning in answer.warnings), answer.warnings
    labelled = await api.patch(f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled.warnings == ()


async def test_fields_that_cannot_be_had_are_refused(api: Api) -> None:
    volumes = [{"name": "v", "nfs": {"server": "a", "path": "/"}}]
    answer = await api("POST", PODS, a_pod(volumes=volumes))
    assert answer.status == 422
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["spec.volumes[0].nfs"]


async def test_the_status_is_written_by_its_subresource_alone(api: Api) -> None:  # K-24
    pod = await api.ok("POST", PODS, a_pod())
    running = {**pod, "status": {**pod["status"], "phase": "Running"}}
    ignored = await api.ok("PUT", f"{PODS}/web", running)
    assert ignored["status"]["phase"] == "Pending"
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": "u"}
    more = {"labels": {"a": "b"}, "ownerReferences": [owner]}
    changed = {**running, "spec": {}, "metadata": {**pod["metadata"], **more}}
    written = await api.ok("PUT", f"{PODS}/web/status", changed)
    assert (written["status"]["phase"], written["spec"]) == ("Running", pod["spec"])
    # As upstream: who writes the status may annotate the object, but not give a Pod another owner.
    assert written["metadata"]["labels"] == {"a": "b"}
    assert "ownerReferences" not in written["metadata"]
    bad = {"metadata": {"labels": {"a": "-"}}, "status": {"message": "m"}}
    assert (await api.patch(f"{PODS}/web/status", bad)).status == 422
    patched = await api.patch(f"{PODS}/web/status", {"status": {"message": "m"}})
    assert patched.body["status"]["phase"] == "Running"
    assert (await api.ok("GET", f"{PODS}/web/status")) == patched.body
    assert patched.body["metadata"]["generation"] == 1


async def test_the_generation_counts_changes_of_the_spec(api: Api) -> None:  # K-58
    await api.ok("POST", PODS, a_pod())
    labelled = await api.patch(f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled.body["metadata"]["generation"] == 1
    image = {"spec": {"containers": [{"name": "app", "image": "busybox:2"}]}}
    assert (await api.patch(f"{PODS}/web", image)).body["metadata"]["generation"] == 2
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}}
    joined = await api.patch(f"{PODS}/web/ephemeralcontainers", debug)
    assert joined.body["metadata"]["generation"] == 3
    assert joined.body["spec"]["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"
    through_main = await api.patch(f"{PODS}/web", {"spec": {"ephemeralContainers": None}})
    assert through_main.status == 422


async def test_binding(api: Api) -> None:
    await api.ok("POST", PODS, a_pod())
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": NODE}}
    answer = await api("POST", f"{PODS}/web/binding", body)
    assert (answer.status, answer.body["status"]) == (201, "Success")
    pod = await api.ok("GET", f"{PODS}/web")
    assert pod["spec"]["nodeName"] == NODE
    assert pod["status"]["conditions"][0]["type"] == "PodScheduled"
    again = await api("POST", f"{PODS}/web/binding", body)
    assert again.status == 409
    assert again.message == (
        'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node '
        f'"{NODE}"'
    )


async def test_gated_and_deleted_pods_are_not_bound(api: Api) -> None:  # L-73
    await api.ok("POST", PODS, a_pod("gated", schedulingGates=[{"name": "example.com/wait"}]))
    await api.ok("POST", PODS, a_pod("going", metadata={"finalizers": ["example.com/hold"]}))
    await api.ok("DELETE", f"{PODS}/going")
    for name, why in (
        ("gated", "has non-empty .spec.schedulingGates"),
        ("going", "is being deleted, cannot be assigned to a host"),
    ):
        body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": NODE}}
        answer = await api("POST", f"{PODS}/{name}/binding", body)
        assert (answer.status, answer.message.endswith(f"pod {name} {why}")) == (409, True)


@pytest.mark.parametrize("stream", ["attach", "exec", "portforward"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_streams_of_pods_without_a_node(api: Api, method: str, stream: str) -> None:  # K-50
    missing = await api(method, f"{PODS}/web/{stream}")
    assert (missing.status, missing.message) == (404, 'pods "web" not found')
    await api.ok("POST", PODS, a_pod())
    unbound = await api(method, f"{PODS}/web/{stream}")
    assert (unbound.status, unbound.message) == (400, "pod web does not have a host assigned")


async def test_a_node_can_be_cordoned(api: Api) -> None:
    nodes = "/api/v1/nodes"
    await api.ok("POST", nodes, {"metadata": {"name": NODE, "labels": {"a": "b"}}})
    await api.patch(f"{nodes}/{NODE}", {"spec": {"unschedulable": True}})
    selected = await api.ok("GET", f"{nodes}?fieldSelector=spec.unschedulable%3Dtrue")
    assert len(selected["items"]) == 1


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
async def test_immutable_data(api: Api, plural: str) -> None:
    path = f"{CORE}/{plural}"
    value = base64.b64encode(b"1").decode()
    body: Json = {"metadata": {"name": "a"}, "data": {"k": value}, "immutable": True}
    await api.ok("POST", path, body)
    message = "Forbidden: field is immutable when `immutable` is set"
    changed = await api.patch(f"{path}/a", {"data": {"k": value.lower()}})
    assert (changed.status, f"data: {message}" in changed.message) == (422, True)
    freed = await api.patch(f"{path}/a", {"immutable": False})
    assert f"immutable: {message}" in freed.message
    labelled = await api.patch(f"{path}/a", {"metadata": {"labels": {"x": "y"}}})
    assert labelled.status == 200


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        pytest.param(
            "kubernetes.io/tls",
            {"tls.crt": ""},
            "data[tls.key]: Required value",
            id="TLS needs a key",
        ),
        pytest.param(
            "kubernetes.io/basic-auth",
            {},
            "[data[username]: Required value, data[password]: Required value]",
            id="a login needs one of two",
        ),
        pytest.param(
            "kubernetes.io/dockerconfigjson",
            {".dockerconfigjson": "eA=="},
            'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"',
            id="no JSON",
        ),
        pytest.param(
            "kubernetes.io/service-account-token",
            {},
            "metadata.annotations[kubernetes.io/service-account.name]: Required value",
            id="a token is somebody's",
        ),
        pytest.param("Opaque", {"a/b": ""}, "data[a/b]: Invalid value", id="bad key"),
        pytest.param(
            "Opaque",
            {"a": "A" * (1400 * 1024)},
            "data: Too long: may not be more than 1048576 bytes",
            id="too much",
        ),
    ],
)
async def test_secrets_are_checked(api: Api, kind: str, data: Json, message: str) -> None:
    body = {"metadata": {"name": "a"}, "type": kind, "data": data}
    answer = await api("POST", f"{CORE}/secrets", body)
    assert (answer.status, message in answer.message) == (422, True), answer.message


async def test_the_type_of_a_secret_stays(api: Api) -> None:
    await api.ok("POST", f"{CORE}/secrets", {"metadata": {"name": "a"}})
    answer = await api.patch(f"{CORE}/secrets/a", {"type": "other"})
    assert 'type: Invalid value: "other": field is immutable' in answer.message


async def test_services_get_an_address(api: Api) -> None:  # K- section 8
    path = f"{CORE}/services"
    body: Json = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    first = await api.ok("POST", path, body)
    spec = first["spec"]
    assert (spec["type"], spec["sessionAffinity"]) == ("ClusterIP", "None")
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert spec["clusterIP"].startswith("10.96.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    kept = await api.patch(f"{path}/web", {"spec": {"selector": {"a": "b"}}})
    assert kept.body["spec"]["clusterIP"] == spec["clusterIP"]
    moved = await api.patch(f"{path}/web", {"spec": {"clusterIP": "10.96.0.1"}})
    assert "spec.clusterIPs[0]: Invalid value" in moved.message
    await api.ok("DELETE", f"{path}/web")
    assert (await api.ok("POST", path, body))["spec"]["clusterIP"] == spec["clusterIP"]
    headless = {"metadata": {"name": "none"}, "spec": {"clusterIP": "None"}}
    assert (await api.ok("POST", path, headless))["spec"]["clusterIPs"] == ["None"]


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        pytest.param("1a", {"ports": [{"port": 1}]}, "a DNS-1035 label must consist", id="name"),
        pytest.param("a", {}, "spec.ports: Required value", id="no ports"),
        pytest.param(
            "a",
            {"ports": [{"port": 0}]},
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            id="port",
        ),
        pytest.param(
            "a",
            {"ports": [{"port": 1}], "type": "Other"},
            'spec.type: Unsupported value: "Other"',
            id="type",
        ),
        pytest.param(
            "a",
            {"ports": [{"port": 1}, {"port": 2, "name": "b"}]},
            "spec.ports[0].name: Required value",
            id="several ports need names",
        ),
    ],
)
async def test_services_are_checked(api: Api, name: str, spec: Json, message: str) -> None:
    answer = await api("POST", f"{CORE}/services", {"metadata": {"name": name}, "spec": spec})
    assert (answer.status, message in answer.message) == (422, True), answer.message


async def test_leases_and_endpoints_may_be_put(api: Api) -> None:
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
    assert (await api("PUT", path, lease)).status == 201
    assert (await api("PUT", path, lease)).status == 200
    assert (await api("PUT", f"{CORE}/configmaps/a", a_config_map("a"))).status == 404


async def test_tokens_come_with_a_warning(api: Api) -> None:
    answer = await api("POST", f"{CORE}/serviceaccounts/default/token", {"spec": {}})
    assert answer.status == 201
    assert answer.body["status"]["expirationTimestamp"] == "2026-01-01T13:00:00Z"
    assert "does not accept service account tokens" in answer.warnings[0]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        pytest.param(
            {"ownerReferences": [{"kind": "Pod", "name": "a", "uid": "1"}]},
            'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
            id="owner without version",
        ),
        pytest.param(
            {"ownerReferences": [{"apiVersion": "a/b/c", "kind": "X", "name": "a", "uid": "1"}]},
            'metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be '
            "empty",
            id="owner of no version",
        ),
        pytest.param(
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "1"}]},
            "/v1, Kind=Event is disallowed from being an owner",
            id="an event as owner",
        ),
        pytest.param(
            {
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n, "controller": True}
                    for n in "ab"
                ]
            },
            'Only one reference can have Controller set to true. Found "true" in references for '
            "Pod/a and Pod/b",
            id="two controllers",
        ),
        pytest.param(
            {"finalizers": ["orphan", "foregroundDeletion"]},
            'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan '
            "and foregroundDeletion cannot be both set",
            id="two ways to delete",
        ),
        pytest.param(
            {"finalizers": ["plain"]},
            'metadata.finalizers[0]: Invalid value: "plain": name is neither a standard finalizer '
            "name nor is it fully qualified",
            id="finalizer without domain",
        ),
        pytest.param({"labels": {"a b": ""}}, "metadata.labels: Invalid value", id="label"),
    ],
)
async def test_metadata_is_checked(api: Api, metadata: Json, message: str) -> None:
    answer = await api("POST", f"{CORE}/configmaps", a_config_map(metadata=metadata))
    assert (answer.status, message in answer.message) == (422, True), answer.message


SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


def a_slice(**members: Any) -> dict[str, Any]:
    endpoints = [{"addresses": ["127.0.0.1"]}]
    return {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": endpoints, **members}


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"addressType": ""}, "addressType: Required value"),
        (
            {"addressType": "DNS"},
            'addressType: Unsupported value: "DNS": supported values: "FQDN", "IPv4", "IPv6"',
        ),
        ({"addressType": "IPv6"}, 'endpoints[0].addresses[0]: Invalid value: "127.0.0.1"'),
        ({"endpoints": [{}]}, "endpoints[0].addresses: Required value"),
        ({"ports": [{"name": "A"}]}, 'ports[0].name: Invalid value: "A": a lowercase RFC 1123'),
        ({"ports": [{"port": 1}, {"port": 2}]}, 'ports[1].name: Duplicate value: ""'),
        ({"ports": [{"protocol": "tcp"}]}, 'ports[0].protocol: Unsupported value: "tcp"'),
    ],
)
async def test_endpoint_slices_that_are_refused(
    api: Api, members: dict[str, Any], error: str
) -> None:
    answer = await api("POST", SLICES, a_slice(**members))
    assert answer.status == 422
    assert error in answer.message


async def test_endpoint_slices(api: Api) -> None:
    made = await api.ok("POST", SLICES, a_slice(ports=[{"port": 80}]))
    assert made["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    other = await api.patch(f"{SLICES}/s", {"addressType": "FQDN"}, "merge-patch")
    assert 'addressType: Invalid value: "FQDN": field is immutable' in other.message
