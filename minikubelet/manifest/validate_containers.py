"""Rules for containers, init containers and sidecars (L-45, L-52 … L-59, V-18 … V-20, V-31).

Role: the two lists of containers → field errors in upstream's order.
Upstream: pkg/apis/core/validation, validateContainers and validateInitContainers, as with the
container restart rules of 1.35. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest import names
from minikubelet.manifest.fieldpath import (
    ErrorType,
    FieldError,
    FieldPath,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    PodSpec,
    RestartPolicy,
    is_sidecar,
)
from minikubelet.manifest.validate_env import validate_env, validate_env_from
from minikubelet.manifest.validate_metadata import checked
from minikubelet.manifest.validate_mounts import validate_mounts
from minikubelet.manifest.validate_probes import validate_lifecycle, validate_probes
from minikubelet.manifest.validate_resources import validate_resources
from minikubelet.manifest.validate_security import validate_security_context

_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RULE_ACTIONS = ("Restart", "RestartAllContainers")
_RULE_OPERATORS = ("In", "NotIn")
_RULES_MAX = 20
_EXIT_CODES_MAX = 255
_RESIZE_RESOURCES = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")


def validate_containers(
    spec: PodSpec, volumes: frozenset[str], path: FieldPath
) -> Iterator[FieldError]:
    """`spec.containers`; `volumes` are the names that can be mounted."""
    if not spec.containers:
        yield required(path)
        return
    taken: set[str] = set()
    for index, container in enumerate(spec.containers):
        at = path.index(index)
        yield from validate_common(container, spec, volumes, at)
        if container.name in taken:
            yield duplicate(at.child("name"), container.name)
        taken.add(container.name)
        yield from _validate_hooks_and_probes(container, spec, at)
        yield from _validate_restarts(container, at)
    yield from _validate_host_ports(spec.containers, path)


def validate_init_containers(
    spec: PodSpec, volumes: frozenset[str], path: FieldPath
) -> Iterator[FieldError]:
    """`spec.initContainers`: their names may not clash with those of regular containers."""
    taken = {container.name for container in spec.containers}
    for index, container in enumerate(spec.init_containers):
        at = path.index(index)
        yield from validate_common(container, spec, volumes, at)
        yield from _validate_restarts(container, at)
        if container.name in taken:
            yield duplicate(at.child("name"), container.name)
        elif container.name:
            taken.add(container.name)
        # They run one after the other, so only a container's own ports can clash; upstream counts
        # it as the only one of its list.
        yield from _validate_host_ports((container,), path)
        if is_sidecar(container, init=True):
            yield from _validate_hooks_and_probes(container, spec, at)
        else:
            yield from _refuse_hooks_and_probes(container, at)


def validate_images(containers: tuple[Container, ...], path: FieldPath) -> Iterator[FieldError]:
    """What holds for the images of a Pod, and not for those of a template (L-53)."""
    for index, container in enumerate(containers):
        if container.image != container.image.strip():
            detail = "must not have leading or trailing whitespace"
            yield invalid(path.index(index).child("image"), container.image, detail)


def validate_common(
    container: Container, spec: PodSpec, volumes: frozenset[str], path: FieldPath
) -> Iterator[FieldError]:
    """What holds for a container of any list; `volumes` are the names that can be mounted."""
    if not container.name:
        yield required(path.child("name"))
    yield from checked(path.child("name"), container.name, names.dns_label, empty_is_fine=True)
    if not container.image:
        yield required(path.child("image"))
    policy_path = path.child("terminationMessagePolicy")
    yield from _one_of(container.termination_message_policy, _MESSAGE_POLICIES, policy_path)
    yield from _validate_ports(container.ports, path.child("ports"))
    yield from validate_env(container.env, path.child("env"))
    yield from validate_env_from(container.env_from, path.child("envFrom"))
    yield from validate_mounts(container, volumes, path.child("volumeMounts"))
    yield from _one_of(container.image_pull_policy, _PULL_POLICIES, path.child("imagePullPolicy"))
    yield from validate_resources(container.resources, path.child("resources"))
    resize_path = path.child("resizePolicy")
    yield from _validate_resize(container.resize_policy, spec.restart_policy, resize_path)
    if container.security_context is not None:
        yield from validate_security_context(
            container.security_context,
            path.child("securityContext"),
            host_users=spec.host_users is not False,
        )


def _one_of(value: str, supported: tuple[str, ...], path: FieldPath) -> Iterator[FieldError]:
    if not value:
        yield required(path)
    elif value not in supported:
        yield not_supported(path, value, supported)


def _validate_ports(ports: tuple[ContainerPort, ...], path: FieldPath) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, port in enumerate(ports):
        at = path.index(index)
        if port.name:
            details = names.port_name(port.name)
            yield from (invalid(at.child("name"), port.name, detail) for detail in details)
            if not details and port.name in taken:
                yield duplicate(at.child("name"), port.name)
            taken.add(port.name)
        if port.container_port == 0:
            yield required(at.child("containerPort"))
        else:
            for detail in names.port_number(port.container_port):
                yield invalid(at.child("containerPort"), port.container_port, detail)
        if port.host_port != 0:
            for detail in names.port_number(port.host_port):
                yield invalid(at.child("hostPort"), port.host_port, detail)
        yield from _one_of(port.protocol, _PROTOCOLS, at.child("protocol"))


def _validate_host_ports(
    containers: tuple[Container, ...], path: FieldPath
) -> Iterator[FieldError]:
    """L-55: a port of the host is a protocol, an address and a number."""
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.ports):
            if port.host_port:
                key = f"{port.protocol}/{port.host_ip}/{port.host_port}"
                if key in taken:
                    at = path.index(index).child("ports").index(number)
                    yield duplicate(at.child("hostPort"), key)
                taken.add(key)


def _validate_hooks_and_probes(
    container: Container, spec: PodSpec, path: FieldPath
) -> Iterator[FieldError]:
    if container.lifecycle is not None:
        grace = spec.termination_grace_period_seconds
        yield from validate_lifecycle(container.lifecycle, grace, path.child("lifecycle"))
    yield from validate_probes(container, path)


def _refuse_hooks_and_probes(container: Container, path: FieldPath) -> Iterator[FieldError]:
    """L-57, V-18: an init container just runs to its end."""
    for name, value in (
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if value is not None:
            detail = "may not be set for init containers without restartPolicy=Always"
            yield forbidden(path.child(name), detail)
    if container.resize_policy:
        shown = [
            {"resourceName": policy.resource_name, "restartPolicy": policy.restart_policy}
            for policy in container.resize_policy
        ]
        detail = "must not be set for init containers"
        yield invalid(path.child("resizePolicy"), shown, detail)


def _validate_restarts(container: Container, path: FieldPath) -> Iterator[FieldError]:
    """L-58, L-59."""
    policy, rules = container.restart_policy, container.restart_policy_rules
    policy_path = path.child("restartPolicy")
    if policy is None and rules:
        yield required(policy_path, "must specify restartPolicy when restart rules are used")
    if policy is not None and policy not in _RESTART_POLICIES:
        yield not_supported(policy_path, policy, _RESTART_POLICIES)
    rules_path = path.child("restartPolicyRules")
    yield from _at_most(_RULES_MAX, len(rules), rules_path)
    for index, rule in enumerate(rules):
        yield from _validate_rule(rule, rules_path.index(index))


def _validate_rule(rule: ContainerRestartRule, path: FieldPath) -> Iterator[FieldError]:
    if rule.action not in _RULE_ACTIONS:
        yield not_supported(path.child("action"), rule.action, _RULE_ACTIONS)
    at = path.child("exitCodes")
    if rule.exit_codes is None:
        yield required(at, "must be specified")
        return
    if rule.exit_codes.operator not in _RULE_OPERATORS:
        yield not_supported(at.child("operator"), rule.exit_codes.operator, _RULE_OPERATORS)
    yield from _at_most(_EXIT_CODES_MAX, len(rule.exit_codes.values), at.child("values"))


def _at_most(limit: int, count: int, path: FieldPath) -> Iterator[FieldError]:
    if count > limit:
        detail = f"must have at most {limit} items"
        yield FieldError(path, ErrorType.TOO_MANY, detail, count)


def _validate_resize(
    policies: tuple[ContainerResizePolicy, ...], pod_restart_policy: str, path: FieldPath
) -> Iterator[FieldError]:
    for index, policy in enumerate(policies):
        if any(policy.resource_name == other.resource_name for other in policies[:index]):
            yield duplicate(path.index(index), policy.resource_name)
        yield from _one_of(policy.resource_name, _RESIZE_RESOURCES, path)
        yield from _one_of(policy.restart_policy, _RESIZE_POLICIES, path)
        never = pod_restart_policy == RestartPolicy.NEVER
        if never and policy.restart_policy != "NotRequired":
            detail = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            yield invalid(path, policy.restart_policy, detail)
