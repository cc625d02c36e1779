"""The Node object, and its lease.

Role: facts of the host → documents, keeping what users changed; and the node as pods are measured
against it.
Invariants: pure; labels, annotations, taints and `unschedulable` are the user's; the well-known
labels and the status are ours.
Upstream: kubernetes pkg/kubelet, kubelet_node_status.go and nodestatus/setters.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from minikubelet.manifest.json_tree import Json, copy_json, objects_in
from minikubelet.node.admission import NodeFacts
from minikubelet.node.host_facts import HostFacts, Pressure
from minikubelet.node.node_match import Taint
from minikubelet.pod.encode_status import encode_time
from minikubelet.value_class import dataclass

LEASE_SECONDS = 40


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What the configuration says of the node."""

    name: str
    ip: str = "127.0.0.1"
    labels: Mapping[str, str] = field(default_factory=dict)
    max_pods: int = 110
    kubelet_version: str = ""
    runtime_version: str = ""
    api_port: int = 0


@dataclass(frozen=True, slots=True)
class _Condition:
    type: str
    holds: bool
    false_reason: str
    false_message: str
    true_reason: str
    true_message: str


def node_document(
    identity: NodeIdentity,
    host: HostFacts,
    pressure: Pressure,
    now: datetime,
    *,
    stored: Json | None = None,
    uid: str = "",
) -> Json:
    """The Node as it is now; `uid` is for a new one."""
    document: Json = copy_json(stored) if stored is not None else _new(identity, now, uid)
    meta: Json = document["metadata"]
    meta["labels"] = {**(meta.get("labels") or {}), **well_known_labels(identity, host)}
    document.setdefault("spec", {})
    old_status: Json = document.get("status") or {}
    document["status"] = {**old_status, **_status(identity, host, pressure, now, old_status)}
    return document


def well_known_labels(identity: NodeIdentity, host: HostFacts) -> dict[str, str]:
    own = {
        "kubernetes.io/hostname": identity.name,
        "kubernetes.io/os": host.operating_system,
        "kubernetes.io/arch": host.architecture,
        "beta.kubernetes.io/os": host.operating_system,
        "beta.kubernetes.io/arch": host.architecture,
    }
    return {**own, **identity.labels}


def _new(identity: NodeIdentity, now: datetime, uid: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": identity.name,
            "uid": uid,
            "creationTimestamp": encode_time(now),
        },
        "spec": {},
    }


def _status(
    identity: NodeIdentity, host: HostFacts, pressure: Pressure, now: datetime, old: Json
) -> Json:
    capacity = capacity_of(identity, host)
    port = identity.api_port
    return {
        "capacity": capacity,
        "allocatable": dict(capacity),
        "conditions": [
            *(c for c in objects_in(old, "conditions") if c.get("type") not in _OWN_CONDITIONS),
            *(_encoded(condition, now, old) for condition in _conditions(pressure)),
        ],
        "addresses": [
            {"type": "InternalIP", "address": identity.ip},
            {"type": "Hostname", "address": identity.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}} if port else {},
        "nodeInfo": {
            "machineID": host.machine_id,
            "systemUUID": host.system_uuid,
            "bootID": host.boot_id,
            "kernelVersion": host.kernel_version,
            "osImage": host.os_image,
            "containerRuntimeVersion": identity.runtime_version,
            "kubeletVersion": identity.kubelet_version,
            "kubeProxyVersion": "",
            "operatingSystem": host.operating_system,
            "architecture": host.architecture,
        },
    }


def capacity_of(identity: NodeIdentity, host: HostFacts) -> dict[str, str]:
    return {
        "cpu": str(host.cpu_count),
        "ephemeral-storage": f"{host.storage_bytes // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{host.memory_bytes // 1024}Ki",
        "pods": str(identity.max_pods),
    }


_OWN_CONDITIONS = frozenset({"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"})


def _conditions(pressure: Pressure) -> tuple[_Condition, ...]:
    return (
        _Condition(
            "MemoryPressure",
            pressure.memory,
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
            "KubeletHasInsufficientMemory",
            "kubelet has insufficient memory available",
        ),
        _Condition(
            "DiskPressure",
            pressure.disk,
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
            "KubeletHasDiskPressure",
            "kubelet has disk pressure",
        ),
        _Condition(
            "PIDPressure",
            pressure.pid,
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
            "KubeletHasInsufficientPID",
            "kubelet has insufficient PID available",
        ),
        _Condition(
            "Ready",
            True,
            "KubeletNotReady",
            "kubelet is not ready",
            "KubeletReady",
            "kubelet is posting ready status",
        ),
    )


def _encoded(condition: _Condition, now: datetime, old: Json) -> Json:
    holds = condition.holds
    status = "True" if holds else "False"
    before: Mapping[str, Any] = next(
        (c for c in objects_in(old, "conditions") if c.get("type") == condition.type), {}
    )
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    return {
        "type": condition.type,
        "status": status,
        "lastHeartbeatTime": encode_time(now),
        "lastTransitionTime": since or encode_time(now),
        "reason": condition.true_reason if holds else condition.false_reason,
        "message": condition.true_message if holds else condition.false_message,
    }


def node_facts(identity: NodeIdentity, stored: Json | None, host: HostFacts) -> NodeFacts:
    """The node as its object stands now, or as it will be made."""
    if stored is None:
        labels = well_known_labels(identity, host)
        return NodeFacts(identity.name, labels, capacity_of(identity, host))
    spec: Json = stored.get("spec") or {}
    return NodeFacts(
        identity.name,
        stored["metadata"].get("labels") or {},
        (stored.get("status") or {}).get("allocatable") or capacity_of(identity, host),
        tuple(
            Taint(str(t.get("key") or ""), str(t.get("value") or ""), str(t.get("effect") or ""))
            for t in objects_in(spec, "taints")
        ),
        bool(spec.get("unschedulable")),
    )


def lease_document(identity: NodeIdentity, now: datetime, *, uid: str, node_uid: str) -> Json:
    """A new lease of the node; renewed by its `renewTime`."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": identity.name,
            "namespace": "kube-node-lease",
            "uid": uid,
            "creationTimestamp": encode_time(now),
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": identity.name, "uid": node_uid}
            ],
        },
        "spec": {
            "holderIdentity": identity.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": micro_time(now),
        },
    }


def micro_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
