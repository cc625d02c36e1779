"""JSON documents → typed objects.

Role: the one place where documents end and types begin: Pod, ConfigMap, Secret.
Invariants: pure; the document has passed the strict check, so shapes are right and nothing is
reported here. What is absent gets the default of the type; `defaults.py`, applied before, knows
the defaults that depend on other fields.
"""

from __future__ import annotations

import base64

from minikubelet.manifest.decode_container import decode_container, decode_resources
from minikubelet.manifest.decode_placement import (
    decode_dns_config,
    decode_node_affinity,
    decode_pod_affinity,
    decode_toleration,
)
from minikubelet.manifest.decode_security import decode_pod_security_context
from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    quantities,
    scalars,
    texts,
    time_or_none,
    value_or,
)
from minikubelet.manifest.decode_volume import decode_volume
from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret
from minikubelet.manifest.pod import HostAlias, Pod, PodSpec, RestartPolicy


def decode_pod(document: JSONObject) -> Pod:
    """A Pod; an absent namespace is `default` (L-12)."""
    return Pod(
        metadata=decode_object_meta(value_or(document, "metadata", {})),
        spec=decode_pod_spec(value_or(document, "spec", {})),
    )


def decode_config_map(document: JSONObject) -> ConfigMap:
    return ConfigMap(
        metadata=decode_object_meta(value_or(document, "metadata", {})),
        data=texts(document, "data"),
        binary_data=_decoded_bytes(document, "binaryData"),
    )


def decode_secret(document: JSONObject) -> Secret:
    """A Secret; `stringData` wins over `data` of the same key."""
    written = {key: text.encode() for key, text in texts(document, "stringData").items()}
    return Secret(
        metadata=decode_object_meta(value_or(document, "metadata", {})),
        data=_decoded_bytes(document, "data") | written,
        type=value_or(document, "type", "") or "Opaque",
    )


def decode_object_meta(document: JSONObject) -> ObjectMeta:
    return ObjectMeta(
        name=value_or(document, "name", ""),
        namespace=value_or(document, "namespace", "") or "default",
        uid=value_or(document, "uid", ""),
        labels=texts(document, "labels"),
        annotations=texts(document, "annotations"),
        generate_name=value_or(document, "generateName", ""),
        generation=value_or(document, "generation", 1),
        creation_timestamp=time_or_none(document, "creationTimestamp"),
        deletion_timestamp=time_or_none(document, "deletionTimestamp"),
        deletion_grace_period_seconds=document.get("deletionGracePeriodSeconds"),
    )


def decode_pod_spec(document: JSONObject) -> PodSpec:
    affinity: JSONObject = value_or(document, "affinity", {})
    return PodSpec(
        containers=objects(document, "containers", decode_container),
        init_containers=objects(document, "initContainers", decode_container),
        volumes=objects(document, "volumes", decode_volume),
        restart_policy=value_or(document, "restartPolicy", RestartPolicy.ALWAYS),
        termination_grace_period_seconds=value_or(document, "terminationGracePeriodSeconds", 30),
        active_deadline_seconds=document.get("activeDeadlineSeconds"),
        hostname=value_or(document, "hostname", ""),
        subdomain=value_or(document, "subdomain", ""),
        node_name=value_or(document, "nodeName", ""),
        node_selector=texts(document, "nodeSelector"),
        host_network=value_or(document, "hostNetwork", False),
        service_account_name=value_or(document, "serviceAccountName", "")
        or value_or(document, "serviceAccount", ""),
        enable_service_links=value_or(document, "enableServiceLinks", True),
        security_context=object_or_none(document, "securityContext", decode_pod_security_context),
        readiness_gates=_members(document, "readinessGates", "conditionType"),
        scheduling_gates=_members(document, "schedulingGates", "name"),
        host_aliases=objects(document, "hostAliases", _decode_host_alias),
        dns_policy=value_or(document, "dnsPolicy", "ClusterFirst"),
        resources=object_or_none(document, "resources", decode_resources),
        dns_config=object_or_none(document, "dnsConfig", decode_dns_config),
        tolerations=objects(document, "tolerations", decode_toleration),
        node_affinity=object_or_none(affinity, "nodeAffinity", decode_node_affinity),
        pod_affinity=object_or_none(affinity, "podAffinity", decode_pod_affinity),
        pod_anti_affinity=object_or_none(affinity, "podAntiAffinity", decode_pod_affinity),
        ephemeral_containers=objects(document, "ephemeralContainers", decode_container),
        priority_class_name=value_or(document, "priorityClassName", ""),
        preemption_policy=document.get("preemptionPolicy"),
        runtime_class_name=document.get("runtimeClassName"),
        overhead=quantities(document, "overhead"),
        os_name=object_or_none(document, "os", lambda os: value_or(os, "name", "")),
        host_pid=value_or(document, "hostPID", False),
        host_ipc=value_or(document, "hostIPC", False),
        host_users=document.get("hostUsers"),
        share_process_namespace=document.get("shareProcessNamespace"),
    )


def _members(document: JSONObject, name: str, member: str) -> tuple[str, ...]:
    """One text field of each object in a list."""
    return objects(document, name, lambda item: value_or(item, member, ""))


def _decode_host_alias(document: JSONObject) -> HostAlias:
    return HostAlias(value_or(document, "ip", ""), scalars(document, "hostnames"))


def _decoded_bytes(document: JSONObject, name: str) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in texts(document, name).items()}
