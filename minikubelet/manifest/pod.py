"""The Pod as typed values: what the rest of the program reads instead of dicts.

Role: frozen types named as in Kubernetes, in snake_case. Produced by `decode.py` from a document
whose defaults are filled in (L-27 …); `None` means absent. String enumerations are `StrEnum`s for
comparison, but fields hold `str`, so that a value which validation will refuse can be represented.
Every handler, volume source and env source that is given is kept, so that "more than one" can be
reported. Handlers, environment and volumes have modules of their own; they are
offered here too. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from minikubelet.manifest.env import (
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    KeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
)
from minikubelet.manifest.handlers import (
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ProbeKind,
    SleepAction,
    TCPSocketAction,
)
from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.placement import NodeAffinity, PodAffinity, PodDNSConfig, Toleration
from minikubelet.manifest.volumes import (
    ConfigMapVolume,
    DownwardAPIFile,
    DownwardAPIVolume,
    EmptyDirVolume,
    HostPathVolume,
    KeyToPath,
    ProjectedVolume,
    SecretVolume,
    ServiceAccountToken,
    Volume,
    VolumeProjection,
)
from minikubelet.value_class import dataclass

__all__ = [
    "ConfigMapVolume",
    "Container",
    "ContainerPort",
    "ContainerResizePolicy",
    "ContainerRestartRule",
    "DownwardAPIFile",
    "DownwardAPIVolume",
    "EmptyDirVolume",
    "EnvFromRef",
    "EnvFromSource",
    "EnvVar",
    "EnvVarSource",
    "ExecAction",
    "ExitCodesRequirement",
    "FileKeySelector",
    "GRPCAction",
    "HTTPGetAction",
    "HTTPHeader",
    "HostAlias",
    "HostPathVolume",
    "KeySelector",
    "KeyToPath",
    "Lifecycle",
    "LifecycleHandler",
    "ObjectFieldSelector",
    "Pod",
    "PodSecurityContext",
    "PodSpec",
    "Probe",
    "ProbeKind",
    "ProjectedVolume",
    "ResourceFieldSelector",
    "ResourceRequirements",
    "RestartPolicy",
    "RestartRuleAction",
    "SecretVolume",
    "SecurityContext",
    "ServiceAccountToken",
    "SleepAction",
    "TCPSocketAction",
    "TerminationMessagePolicy",
    "TypedProfile",
    "Volume",
    "VolumeMount",
    "VolumeProjection",
    "is_sidecar",
]


class RestartPolicy(StrEnum):
    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class RestartRuleAction(StrEnum):
    RESTART = "Restart"
    RESTART_ALL_CONTAINERS = "RestartAllContainers"


class TerminationMessagePolicy(StrEnum):
    FILE = "File"
    FALLBACK_TO_LOGS_ON_ERROR = "FallbackToLogsOnError"


@dataclass(frozen=True, slots=True)
class ContainerPort:
    container_port: int = 0
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class ResourceRequirements:
    """Quantities as canonical text by resource name; parse with `manifest.quantity`."""

    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeMount:
    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: str | None = None
    sub_path: str = ""
    sub_path_expr: str = ""
    mount_propagation: str | None = None


@dataclass(frozen=True, slots=True)
class TypedProfile:
    """A seccompProfile or appArmorProfile: checked, never applied."""

    type: str = ""
    localhost_profile: str | None = None


@dataclass(frozen=True, slots=True)
class SecurityContext:
    """The parts of a container's securityContext that have an effect or a rule of validation."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    capabilities_add: tuple[str, ...] = ()
    proc_mount: str | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None


@dataclass(frozen=True, slots=True)
class ExitCodesRequirement:
    operator: str = ""
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerRestartRule:
    action: str = ""
    exit_codes: ExitCodesRequirement | None = None


@dataclass(frozen=True, slots=True)
class ContainerResizePolicy:
    resource_name: str = ""
    restart_policy: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    ports: tuple[ContainerPort, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    volume_mounts: tuple[VolumeMount, ...] = ()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = TerminationMessagePolicy.FILE
    image_pull_policy: str = "IfNotPresent"
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    restart_policy: str | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    resize_policy: tuple[ContainerResizePolicy, ...] = ()
    target_container_name: str = ""
    """Of ephemeral containers only: whose environment and working directory it gets (L-255)."""

    def probes(self) -> tuple[Probe, ...]:
        """Its probes in the order in which workers are made (P-110)."""
        return tuple(
            p
            for p in (self.startup_probe, self.readiness_probe, self.liveness_probe)
            if p is not None
        )


@dataclass(frozen=True, slots=True)
class PodSecurityContext:
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: tuple[int, ...] = ()
    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    supplemental_groups_policy: str | None = None
    seccomp_profile: TypedProfile | None = None
    app_armor_profile: TypedProfile | None = None


@dataclass(frozen=True, slots=True)
class HostAlias:
    ip: str
    hostnames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodSpec:
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = RestartPolicy.ALWAYS
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    hostname: str = ""
    subdomain: str = ""
    node_name: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    service_account_name: str = ""
    enable_service_links: bool = True
    security_context: PodSecurityContext | None = None
    readiness_gates: tuple[str, ...] = ()
    scheduling_gates: tuple[str, ...] = ()
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: str = "ClusterFirst"
    resources: ResourceRequirements | None = None
    dns_config: PodDNSConfig | None = None
    tolerations: tuple[Toleration, ...] = ()
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None
    ephemeral_containers: tuple[Container, ...] = ()
    """Added to a pod that runs (L-253); a new pod may not have any (L-48)."""
    priority_class_name: str = ""
    preemption_policy: str | None = None
    runtime_class_name: str | None = None
    overhead: Mapping[str, str] = field(default_factory=dict)
    os_name: str | None = None
    host_pid: bool = False
    host_ipc: bool = False
    host_users: bool | None = None
    share_process_namespace: bool | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    metadata: ObjectMeta
    spec: PodSpec

    @property
    def description(self) -> str:
        """The "pod description string" of many messages: `<name>_<namespace>(<uid>)`."""
        meta = self.metadata
        return f"{meta.name}_{meta.namespace}({meta.uid})"

    @property
    def hostname(self) -> str:
        """`spec.hostname`, else the pod's name, cut to 63 characters (L-43)."""
        return (self.spec.hostname or self.metadata.name)[:63].rstrip("-.")

    def containers(self) -> tuple[Container, ...]:
        """Init containers and sidecars in spec order, then regular containers in spec order."""
        return (*self.spec.init_containers, *self.spec.containers)

    def all_containers(self) -> tuple[Container, ...]:
        """Ephemeral containers, which start first (L-254), and then all others."""
        return (*self.spec.ephemeral_containers, *self.containers())

    def container(self, name: str) -> Container:
        """Raises KeyError for a name that is not in the spec."""
        for container in self.all_containers():
            if container.name == name:
                return container
        raise KeyError(name)

    def is_init(self, name: str) -> bool:
        """Whether `name` stands in `spec.initContainers` (a sidecar does)."""
        return any(c.name == name for c in self.spec.init_containers)

    def is_ephemeral(self, name: str) -> bool:
        return any(c.name == name for c in self.spec.ephemeral_containers)

    def section(self, name: str) -> str:
        """The list of the spec that has this container."""
        if self.is_init(name):
            return "initContainers"
        return "ephemeralContainers" if self.is_ephemeral(name) else "containers"


def is_sidecar(container: Container, *, init: bool) -> bool:
    """An init container with `restartPolicy: Always` (lifecycle spec, vocabulary)."""
    return init and container.restart_policy == RestartPolicy.ALWAYS
