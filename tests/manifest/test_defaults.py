"""Defaults: what is filled in, and what is left alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.defaults import apply_pod_defaults, default_pull_policy

Json = dict[str, Any]

CONTAINER = {
    "name": "c",
    "image": "busybox:1",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
SPEC = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "enableServiceLinks": True,
}


def a_pod(**spec: Any) -> Json:
    spec.setdefault("containers", [{"name": "c", "image": "busybox:1"}])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def defaulted_spec(**spec: Any) -> Json:
    result: Json = apply_pod_defaults(a_pod(**spec))["spec"]
    return result


def defaulted_container(**container: Any) -> Json:
    """What is filled in beyond the defaults that every container gets."""
    [result] = defaulted_spec(containers=[{"name": "c", "image": "busybox:1", **container}])[
        "containers"
    ]
    return {key: value for key, value in result.items() if CONTAINER.get(key) != value}


def defaulted_volume(**source: Any) -> Json:
    [result] = defaulted_spec(volumes=[{"name": "v", **source}])["volumes"]
    result.pop("name")
    return dict(result)


def test_smallest_pod() -> None:  # L-27, L-28
    assert apply_pod_defaults(a_pod()) == a_pod(containers=[CONTAINER], **SPEC)


def test_what_is_written_stays() -> None:  # L-27
    written: Json = {
        "restartPolicy": "Never",
        "dnsPolicy": "Default",
        "schedulerName": "mine",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 1},
        "enableServiceLinks": False,
    }
    assert defaulted_spec(**written) == {"containers": [CONTAINER], **written}


def test_the_old_name_of_the_service_account() -> None:
    accounts = {"serviceAccount": "a", "serviceAccountName": "a"}
    assert defaulted_spec(serviceAccount="a") == {"containers": [CONTAINER], **SPEC, **accounts}


@pytest.mark.parametrize(
    ("image", "policy"),
    [  # L-28
        pytest.param("busybox", "Always", id="no tag is latest"),
        pytest.param("busybox:latest", "Always", id="latest"),
        pytest.param("busybox:1.36", "IfNotPresent", id="a tag"),
        pytest.param("busybox@sha256:" + "a" * 64, "IfNotPresent", id="a digest"),
        pytest.param("busybox:latest@sha256:" + "a" * 64, "Always", id="latest and a digest"),
        pytest.param("localhost:5000/app", "Always", id="a port of a registry is no tag"),
        pytest.param("Not An Image", "IfNotPresent", id="no image"),
        pytest.param("", "IfNotPresent", id="an empty image"),
    ],
)
def test_pull_policy(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


@pytest.mark.parametrize(
    ("written", "filled_in"),
    [
        pytest.param(
            {"livenessProbe": {"exec": {"command": ["true"]}}},
            {"livenessProbe": {"exec": {"command": ["true"]}, **PROBE}},
            id="a probe",
        ),  # L-31
        pytest.param(
            {"readinessProbe": {"tcpSocket": {"port": 80}, **dict.fromkeys(PROBE, 0)}},
            {"readinessProbe": {"tcpSocket": {"port": 80}, **PROBE}},
            id="0 means the default",
        ),  # V-3, V-4, V-5, V-7, V-34
        pytest.param(
            {"startupProbe": {"httpGet": {"port": 80, "path": ""}, **PROBE}},
            {"startupProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **PROBE}},
            id="an empty path is the root",
        ),  # V-9, V-10
        pytest.param(
            {"livenessProbe": {"grpc": {"port": 80}, **PROBE}},
            {"livenessProbe": {"grpc": {"port": 80, "service": ""}, **PROBE}},
            id="a gRPC service",
        ),  # V-16
        pytest.param(
            {"livenessProbe": {"tcpSocket": {"port": 1}, "initialDelaySeconds": -1, **PROBE}},
            {"livenessProbe": {"tcpSocket": {"port": 1}, "initialDelaySeconds": -1, **PROBE}},
            id="a negative delay is for validation",
        ),  # V-2
        pytest.param(
            {"lifecycle": {"preStop": {"httpGet": {"port": 80}}}},
            {"lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}}}},
            id="a hook over HTTP",
        ),  # L-31
        pytest.param(
            {"ports": [{"containerPort": 80}]},
            {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
            id="the protocol of a port",
        ),  # L-28
        pytest.param(
            {"env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            {
                "env": [
                    {
                        "name": "N",
                        "valueFrom": {
                            "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}
                        },
                    }
                ]
            },
            id="a field reference",
        ),  # L-32
        pytest.param(
            {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "0.5"}}},
            {
                "resources": {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "requests": {"cpu": "500m", "memory": "1Gi"},
                }
            },
            id="a request follows from its limit",
        ),  # L-29
        pytest.param(
            {"resources": {"requests": {"cpu": "1.5m", "memory": "1024Ki"}}},
            {"resources": {"requests": {"cpu": "2m", "memory": "1Mi"}}},
            id="quantities are rounded up to milli units",
        ),  # L-29
        pytest.param(
            {"resources": {"limits": {"cpu": "a lot"}}},
            {"resources": {"limits": {"cpu": "a lot"}, "requests": {"cpu": "a lot"}}},
            id="what is no quantity stays",
        ),
        pytest.param({"lifecycle": {}}, {"lifecycle": {}}, id="absent hooks stay absent"),
        pytest.param({"workingDir": None}, {}, id="null means absent"),
    ],
)
def test_container(written: Json, filled_in: Json) -> None:
    assert defaulted_container(**written) == filled_in


def test_init_containers_get_the_same() -> None:  # L-28, L-29
    init = {"name": "c", "image": "busybox:1", "resources": {"limits": {"cpu": "1"}}}
    expected = {**CONTAINER, "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}
    assert defaulted_spec(initContainers=[init])["initContainers"] == [expected]


@pytest.mark.parametrize(
    ("source", "filled_in"),
    [  # L-32
        pytest.param({}, {"emptyDir": {}}, id="no source is an emptyDir"),
        pytest.param({"emptyDir": {}}, {"emptyDir": {}}, id="an emptyDir has no defaults"),
        pytest.param(
            {"configMap": {"name": "x"}},
            {"configMap": {"name": "x", "defaultMode": 420}},
            id="a configMap",
        ),
        pytest.param(
            {"secret": {"secretName": "x", "defaultMode": 0}},
            {"secret": {"secretName": "x", "defaultMode": 0}},
            id="mode 0 is a mode",
        ),
        pytest.param(
            {"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}, id="a hostPath"
        ),
        pytest.param(
            {"downwardAPI": {"items": [{"path": "c", "resourceFieldRef": {"resource": "x"}}]}},
            {
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [{"path": "c", "resourceFieldRef": {"resource": "x", "divisor": "0"}}],
                }
            },
            id="a downwardAPI",
        ),
        pytest.param(
            {
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "t"}},
                        {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "x"}}]}},
                        {"configMap": {"name": "x"}},
                    ]
                }
            },
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [
                        {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}},
                        {
                            "downwardAPI": {
                                "items": [
                                    {
                                        "path": "n",
                                        "fieldRef": {"fieldPath": "x", "apiVersion": "v1"},
                                    }
                                ]
                            }
                        },
                        {"configMap": {"name": "x"}},
                    ],
                }
            },
            id="a projected volume and its sources",
        ),
        pytest.param(
            {"image": {"reference": "a:1"}},
            {"image": {"reference": "a:1", "pullPolicy": "IfNotPresent"}},
            id="an image volume",
        ),
        pytest.param({"nfs": {"server": "s"}}, {"nfs": {"server": "s"}}, id="any other source"),
    ],
)
def test_volume(source: Json, filled_in: Json) -> None:
    assert defaulted_volume(**source) == filled_in


def test_ports_of_a_pod_on_the_network_of_the_host() -> None:  # L-30
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 82}]
    container = {"name": "c", "image": "busybox:1", "ports": ports}
    spec = defaulted_spec(hostNetwork=True, containers=[container], initContainers=[container])
    expected = [
        {"containerPort": 80, "hostPort": 80, "protocol": "TCP"},
        {"containerPort": 81, "hostPort": 82, "protocol": "TCP"},
    ]
    assert spec["containers"][0]["ports"] == spec["initContainers"][0]["ports"] == expected


def a_container(restart_policy: str | None = None, **requests: str) -> Json:
    container: Json = {"name": "c", "image": "busybox:1", "resources": {"requests": requests}}
    return container | ({"restartPolicy": restart_policy} if restart_policy else {})


@pytest.mark.parametrize(
    ("spec", "requests"),
    [  # L-29, for the pod as a whole
        pytest.param(
            {"resources": {"limits": {"cpu": "2"}}},
            {"cpu": "2"},
            id="without requests of containers, the limit",
        ),
        pytest.param(
            {
                "resources": {"limits": {"cpu": "4", "memory": "1Gi"}},
                "containers": [a_container(cpu="500m"), a_container(cpu="1")],
            },
            {"cpu": "1500m", "memory": "1Gi"},
            id="the sum of what runs together",
        ),
        pytest.param(
            {
                "resources": {"limits": {"cpu": "9"}},
                "containers": [a_container(cpu="1")],
                "initContainers": [a_container("Always", cpu="1"), a_container(cpu="4")],
            },
            {"cpu": "5"},
            id="an init container beside the sidecars before it",
        ),
        pytest.param(
            {"resources": {"limits": {"cpu": "9"}, "requests": {"cpu": "3"}}},
            {"cpu": "3"},
            id="what is written stays",
        ),
    ],
)
def test_requests_of_the_pod(spec: Json, requests: Json) -> None:
    assert defaulted_spec(**spec)["resources"]["requests"] == requests


@pytest.mark.parametrize("spec", [None, {}, {"containers": None}])
def test_a_pod_without_containers_is_for_validation(spec: Json | None) -> None:
    document: Json = {"kind": "Pod", "spec": spec}
    assert apply_pod_defaults(document) == {"kind": "Pod", "spec": SPEC}


SCALARS = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "1", "x"])
CONTAINER_KEYS = ("name", "image", "ports", "containerPort", "hostPort", "env", "valueFrom")
PROBE_KEYS = ("livenessProbe", "httpGet", "lifecycle", "preStop", "fieldRef")
RESOURCE_KEYS = ("resources", "limits", "requests", "cpu")
VOLUME_KEYS = ("volumes", "configMap", "projected", "sources", "items")
KEYS = st.sampled_from(
    ["containers", "hostNetwork", *CONTAINER_KEYS, *PROBE_KEYS, *RESOURCE_KEYS, *VOLUME_KEYS]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@given(spec=st.dictionaries(KEYS, TREES))
def test_any_document_is_defaulted_once_and_left_unchanged(spec: Json) -> None:
    document = {"spec": spec}
    before = copy.deepcopy(document)
    once = apply_pod_defaults(document)
    assert document == before
    assert apply_pod_defaults(once) == once
