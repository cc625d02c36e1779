"""Is this Pod one that Kubernetes would take? All errors at once, in upstream's words and order.

Role: a typed Pod with its defaults → every field error of creation (L-35 … L-67, V-1 … V-35).
Upstream: pkg/apis/core/validation, ValidatePodCreate. Not checked: topology spread and resource
claims, which have no effect here, and the inside of volume sources that are refused. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    FieldError,
    FieldPath,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import Pod, PodSpec
from minikubelet.manifest.validate_affinity import validate_pod_affinity
from minikubelet.manifest.validate_containers import (
    validate_containers,
    validate_images,
    validate_init_containers,
)
from minikubelet.manifest.validate_metadata import checked, validate_labels, validate_object_meta
from minikubelet.manifest.validate_placement import (
    validate_dns_config,
    validate_dns_policy,
    validate_host_aliases,
    validate_node_affinity,
    validate_readiness_gates,
    validate_scheduling_gates,
    validate_tolerations,
)
from minikubelet.manifest.validate_resources import validate_overhead, validate_pod_resources
from minikubelet.manifest.validate_security import validate_host_users, validate_pod_security
from minikubelet.manifest.validate_volumes import validate_volumes

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_OPERATING_SYSTEMS = ("linux", "windows")
_INT32_MAX = 2**31 - 1


def validate_pod(pod: Pod) -> tuple[FieldError, ...]:
    """Every reason to refuse `pod` on creation; empty for a good one."""
    return tuple(_validate_pod(pod))


def _validate_pod(pod: Pod) -> Iterator[FieldError]:
    spec, path = pod.spec, FieldPath().child("spec")
    yield from validate_object_meta(pod.metadata, FieldPath().child("metadata"))
    yield from _validate_spec(spec, path)
    yield from validate_images(spec.containers, path.child("containers"))
    yield from validate_images(spec.init_containers, path.child("initContainers"))
    if spec.ephemeral_containers:
        yield forbidden(path.child("ephemeralContainers"), "cannot be set on create")
    if spec.node_name and spec.scheduling_gates:
        detail = "cannot be set until all schedulingGates have been cleared"
        yield forbidden(path.child("nodeName"), detail)


def _validate_spec(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    errors, volumes = validate_volumes(spec.volumes, path.child("volumes"))
    yield from errors
    yield from validate_containers(spec, volumes, path.child("containers"))
    yield from validate_init_containers(spec, volumes, path.child("initContainers"))
    yield from validate_pod_resources(spec, path.child("resources"))
    yield from _validate_host_network(spec, path.child("containers"))
    if not spec.restart_policy:
        yield required(path.child("restartPolicy"))
    elif spec.restart_policy not in _RESTART_POLICIES:
        yield not_supported(path.child("restartPolicy"), spec.restart_policy, _RESTART_POLICIES)
    yield from validate_dns_policy(spec.dns_policy, path.child("dnsPolicy"))
    yield from validate_labels(spec.node_selector, path.child("nodeSelector"))
    yield from validate_pod_security(spec, path)
    if spec.node_affinity is not None:
        at = path.child("affinity", "nodeAffinity")
        yield from validate_node_affinity(spec.node_affinity, at)
    for name, affinity in (
        ("podAffinity", spec.pod_affinity),
        ("podAntiAffinity", spec.pod_anti_affinity),
    ):
        if affinity is not None:
            yield from validate_pod_affinity(affinity, path.child("affinity", name))
    yield from validate_dns_config(spec.dns_config, spec.dns_policy, path.child("dnsConfig"))
    yield from validate_readiness_gates(spec.readiness_gates, path.child("readinessGates"))
    yield from validate_scheduling_gates(spec.scheduling_gates, path.child("schedulingGates"))
    yield from validate_host_users(spec, path)
    yield from _validate_names(spec, path)
    yield from _validate_rest(spec, path)


def _validate_host_network(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    """L-51; regular containers only."""
    if not spec.host_network:
        return
    for index, container in enumerate(spec.containers):
        for number, port in enumerate(container.ports):
            if port.host_port != port.container_port:
                at = path.index(index).child("ports").index(number).child("hostPort")
                detail = "must match `containerPort` when `hostNetwork` is true"
                yield invalid(at, port.host_port, detail)


def _validate_names(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    """Names of other objects, the deadline, and the pod's own host name."""
    for name, value in (
        ("serviceAccountName", spec.service_account_name),
        ("nodeName", spec.node_name),
    ):
        yield from checked(path.child(name), value, names.dns_subdomain, empty_is_fine=True)
    deadline = spec.active_deadline_seconds
    if deadline is not None and not 1 <= deadline <= _INT32_MAX:
        at = path.child("activeDeadlineSeconds")
        yield invalid(at, deadline, names.between(1, _INT32_MAX))
    for name, value in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        yield from checked(path.child(name), value, names.dns_label, empty_is_fine=True)


def _validate_rest(spec: PodSpec, path: FieldPath) -> Iterator[FieldError]:
    yield from validate_tolerations(spec.tolerations, path.child("tolerations"))
    yield from validate_host_aliases(spec.host_aliases, path.child("hostAliases"))
    at = path.child("priorityClassName")
    yield from checked(at, spec.priority_class_name, names.dns_subdomain, empty_is_fine=True)
    if spec.runtime_class_name is not None:
        at = path.child("runtimeClassName")
        yield from checked(at, spec.runtime_class_name, names.dns_subdomain)
    policy = spec.preemption_policy
    if policy is not None and policy not in _PREEMPTION_POLICIES:
        yield not_supported(path.child("preemptionPolicy"), policy, _PREEMPTION_POLICIES)
    yield from validate_overhead(spec.overhead, path.child("overhead"))
    if spec.os_name is not None and spec.os_name not in _OPERATING_SYSTEMS:
        if spec.os_name:
            yield not_supported(path.child("os"), spec.os_name, _OPERATING_SYSTEMS)
        else:
            yield required(path.child("os", "name"), "cannot be empty")
