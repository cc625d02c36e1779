"""Documents to types: every field that has one arrives, and absent ones get their default."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from minikubelet.manifest.decode import decode_config_map, decode_pod, decode_secret
from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret
from minikubelet.manifest.placement import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodDNSConfig,
    PodDNSConfigOption,
    PreferredSchedulingTerm,
    Toleration,
)
from minikubelet.manifest.pod import (
    ConfigMapVolume,
    Container,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    HostAlias,
    HostPathVolume,
    KeyToPath,
    ObjectFieldSelector,
    Pod,
    PodSecurityContext,
    PodSpec,
    ProjectedVolume,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretVolume,
    ServiceAccountToken,
    TypedProfile,
    Volume,
    VolumeProjection,
)


def spec_of(spec: dict[str, Any]) -> PodSpec:
    return decode_pod({"metadata": {"name": "p"}, "spec": spec}).spec


def volume_of(volume: dict[str, Any]) -> Volume:
    [decoded] = spec_of({"volumes": [volume]}).volumes
    return decoded


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing at all"),
        pytest.param({"metadata": None, "spec": None}, id="nulls"),
        pytest.param({"metadata": {}, "spec": {"containers": None}}, id="empty objects"),
    ],
)
def test_an_empty_pod(document: dict[str, Any]) -> None:
    assert decode_pod(document) == Pod(ObjectMeta(), PodSpec())


def test_metadata() -> None:
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "labels": {"app": "web", "empty": None},
        "annotations": {"a": "b"},
        "generateName": "web-",
        "generation": 3,
        "creationTimestamp": "2026-01-31T12:00:00Z",
        "deletionTimestamp": "2026-01-31T14:00:01+02:00",
        "deletionGracePeriodSeconds": 0,
    }
    assert decode_pod({"metadata": metadata}).metadata == ObjectMeta(
        name="web",
        namespace="shop",
        uid="u",
        labels={"app": "web", "empty": ""},
        annotations={"a": "b"},
        generate_name="web-",
        generation=3,
        creation_timestamp=datetime(2026, 1, 31, 12, tzinfo=UTC),
        deletion_timestamp=datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC),
        deletion_grace_period_seconds=0,
    )


def test_an_empty_namespace_is_default() -> None:  # L-12
    assert decode_pod({"metadata": {"namespace": ""}}).metadata.namespace == "default"


def test_pod_spec() -> None:
    requirement = {"key": "k", "operator": "In", "values": ["v"]}
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "activeDeadlineSeconds": 5,
        "hostname": "h",
        "subdomain": "s",
        "nodeName": "n",
        "nodeSelector": {"disk": "ssd"},
        "hostNetwork": True,
        "serviceAccount": "old-name",
        "enableServiceLinks": False,
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 1,
            "runAsNonRoot": False,
            "supplementalGroups": [2, 3],
            "fsGroup": 4,
            "fsGroupChangePolicy": "Always",
            "supplementalGroupsPolicy": "Merge",
            "seccompProfile": {"type": "Localhost", "localhostProfile": "p"},
            "appArmorProfile": {"type": "Unconfined"},
        },
        "readinessGates": [{"conditionType": "a.example/b"}],
        "schedulingGates": [{"name": "g"}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}],
        "dnsPolicy": "None",
        "resources": {"limits": {"cpu": 1}},
        "dnsConfig": {
            "nameservers": ["10.0.0.2"],
            "searches": ["x"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
        },
        "tolerations": [
            {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [requirement]}]
                },
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "preference": {"matchFields": [requirement]}}
                ],
            }
        },
        "ephemeralContainers": [{"name": "e"}],
        "priorityClassName": "pc",
        "preemptionPolicy": "Never",
        "runtimeClassName": "rc",
        "overhead": {"cpu": "0.5"},
        "os": {"name": "linux"},
        "hostPID": True,
        "hostIPC": True,
        "hostUsers": False,
        "shareProcessNamespace": True,
    }
    decoded = NodeSelectorRequirement("k", "In", ("v",))
    assert spec_of(spec) == PodSpec(
        restart_policy="Never",
        termination_grace_period_seconds=0,
        active_deadline_seconds=5,
        hostname="h",
        subdomain="s",
        node_name="n",
        node_selector={"disk": "ssd"},
        host_network=True,
        service_account_name="old-name",
        enable_service_links=False,
        security_context=PodSecurityContext(
            run_as_user=0,
            run_as_group=1,
            run_as_non_root=False,
            supplemental_groups=(2, 3),
            fs_group=4,
            fs_group_change_policy="Always",
            supplemental_groups_policy="Merge",
            seccomp_profile=TypedProfile("Localhost", "p"),
            app_armor_profile=TypedProfile("Unconfined"),
        ),
        readiness_gates=("a.example/b",),
        scheduling_gates=("g",),
        host_aliases=(HostAlias("10.0.0.1", ("a", "b")),),
        dns_policy="None",
        resources=ResourceRequirements(limits={"cpu": "1"}),
        dns_config=PodDNSConfig(
            ("10.0.0.2",),
            ("x",),
            (PodDNSConfigOption("ndots", "2"), PodDNSConfigOption("edns0")),
        ),
        tolerations=(Toleration("k", "Exists", effect="NoExecute", toleration_seconds=9),),
        node_affinity=NodeAffinity(
            (NodeSelectorTerm(match_expressions=(decoded,)),),
            (PreferredSchedulingTerm(1, NodeSelectorTerm(match_fields=(decoded,))),),
        ),
        ephemeral_containers=(Container("e"),),
        priority_class_name="pc",
        preemption_policy="Never",
        runtime_class_name="rc",
        overhead={"cpu": "500m"},
        os_name="linux",
        host_pid=True,
        host_ipc=True,
        host_users=False,
        share_process_namespace=True,
    )


ITEM = {"key": "k", "path": "p", "mode": 0o400}


@pytest.mark.parametrize(
    ("source", "volume"),
    [
        pytest.param({}, Volume("v"), id="none"),
        pytest.param(
            {"emptyDir": {"medium": "Memory", "sizeLimit": "1024Ki"}},
            Volume("v", empty_dir=EmptyDirVolume("Memory", "1Mi")),
            id="emptyDir",
        ),
        pytest.param(
            {"hostPath": {"path": "/p", "type": "Directory"}},
            Volume("v", host_path=HostPathVolume("/p", "Directory")),
            id="hostPath",
        ),
        pytest.param(
            {"configMap": {"name": "c", "items": [ITEM], "defaultMode": 0, "optional": True}},
            Volume(
                "v", config_map=ConfigMapVolume("c", (KeyToPath("k", "p", 0o400),), 0, True)
            ),
            id="configMap",
        ),
        pytest.param(
            {"secret": {"secretName": "s"}},
            Volume("v", secret=SecretVolume("s")),
            id="secret",
        ),
        pytest.param(
            {"downwardAPI": {"items": [
                {"path": "a", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 0o600},
                {"path": "b", "resourceFieldRef": {"resource": "limits.memory"}}]}},
            Volume("v", downward_api=DownwardAPIVolume((
                DownwardAPIFile("a", ObjectFieldSelector("metadata.labels"), mode=0o600),
                DownwardAPIFile("b", resource_field_ref=ResourceFieldSelector("limits.memory")),
            ))),
            id="downwardAPI",
        ),
        pytest.param(
            {"projected": {"defaultMode": 0o440, "sources": [
                {"secret": {"name": "s", "optional": True}},
                {"configMap": {"name": "c"}},
                {"downwardAPI": {}},
                {"serviceAccountToken": {"path": "t"}}]}},
            Volume("v", projected=ProjectedVolume((
                VolumeProjection(secret=SecretVolume("s", optional=True)),
                VolumeProjection(config_map=ConfigMapVolume("c")),
                VolumeProjection(downward_api=DownwardAPIVolume()),
                VolumeProjection(service_account_token=ServiceAccountToken("t")),
            ), 0o440)),
            id="projected",
        ),
        pytest.param(
            {"nfs": {"server": "s"}, "iscsi": None, "emptyDir": {}, "image": {}},
            Volume("v", empty_dir=EmptyDirVolume(), unsupported=("nfs", "image")),
            id="sources that are not to be had",
        ),
    ],
)  # fmt: skip
def test_volumes(source: dict[str, Any], volume: Volume) -> None:
    assert volume_of({"name": "v", **source}) == volume


def test_config_map() -> None:
    document = {"metadata": {"name": "c"}, "data": {"a": "b"}, "binaryData": {"x": "AP8="}}
    assert decode_config_map(document) == ConfigMap(ObjectMeta("c"), {"a": "b"}, {"x": b"\x00\xff"})


def test_secret_data_is_decoded_and_string_data_wins() -> None:
    document = {
        "metadata": {"name": "s"},
        "type": "kubernetes.io/tls",
        "data": {"a": "YQ==", "b": "Yg=="},
        "stringData": {"b": "ü"},
    }
    assert decode_secret(document) == Secret(
        ObjectMeta("s"), {"a": b"a", "b": "ü".encode()}, "kubernetes.io/tls"
    )
    assert decode_secret({"metadata": {"name": "s"}}) == Secret(ObjectMeta("s"))
