"""Containers, init containers and sidecars that Kubernetes refuses."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    EmptyDirVolume,
    ExecAction,
    ExitCodesRequirement,
    Lifecycle,
    LifecycleHandler,
    Pod,
    PodSpec,
    Probe,
    ProbeKind,
    ResourceRequirements,
    SecurityContext,
    TypedProfile,
    Volume,
    VolumeMount,
)
from minikubelet.manifest.validate_pod import validate_pod
from tests.pod.builders import a_container, a_pod, a_sidecar

C = "spec.containers[0]"
INIT = "spec.initContainers[0]"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
NO_INIT = "Forbidden: may not be set for init containers without restartPolicy=Always"
A_PROBE = ExecAction(("true",))


def errors_of(pod: Pod) -> list[str]:
    return [str(error) for error in validate_pod(pod)]


def errors_of_container(**fields: Any) -> list[str]:
    return errors_of(a_pod(a_container(**fields)))


def port(**fields: Any) -> ContainerPort:
    return ContainerPort(**{"container_port": 80, **fields})


def test_a_good_container_with_everything() -> None:
    container = a_container(
        ports=(port(name="web"), port(name="web-udp", protocol="UDP"), port(container_port=80)),
        lifecycle=Lifecycle(pre_stop=LifecycleHandler(exec=A_PROBE)),
        liveness_probe=Probe(ProbeKind.LIVENESS, exec=A_PROBE),
        restart_policy="OnFailure",
        restart_policy_rules=(
            ContainerRestartRule("RestartAllContainers", ExitCodesRequirement("NotIn", (0,))),
        ),
        resources=ResourceRequirements({"cpu": "1"}, {"cpu": "500m"}),
        security_context=SecurityContext(run_as_user=0),
        resize_policy=(ContainerResizePolicy("cpu", "RestartContainer"),),
    )
    assert errors_of(a_pod(container, init=(a_container("init"), a_sidecar()))) == []


def test_a_pod_needs_containers() -> None:  # L-45
    pod = a_pod()
    assert errors_of(Pod(pod.metadata, PodSpec())) == ["spec.containers: Required value"]


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        pytest.param({"name": ""}, [f"{C}.name: Required value"], id="no name"),  # L-41
        pytest.param(
            {"name": "Main"}, [f'{C}.name: Invalid value: "Main": {LABEL}'], id="a bad name"
        ),  # L-41
        pytest.param({"image": ""}, [f"{C}.image: Required value"], id="no image"),  # L-53
        pytest.param(
            {"image": " busybox"},
            [f'{C}.image: Invalid value: " busybox": must not have leading or trailing whitespace'],
            id="a padded image",
        ),  # L-53
        pytest.param(
            {"termination_message_policy": "Logs"},
            [
                f'{C}.terminationMessagePolicy: Unsupported value: "Logs": '
                'supported values: "File", "FallbackToLogsOnError"'
            ],
            id="an unknown termination message policy",
        ),  # L-56
        pytest.param(
            {"image_pull_policy": "Sometimes"},
            [
                f'{C}.imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ],
            id="an unknown pull policy",
        ),  # L-56
        pytest.param(
            {"ports": (ContainerPort(),)},
            [f"{C}.ports[0].containerPort: Required value"],
            id="no port number",
        ),  # L-54
        pytest.param(
            {"ports": (port(container_port=65536, host_port=-1),)},
            [
                f"{C}.ports[0].containerPort: Invalid value: 65536: "
                "must be between 1 and 65535, inclusive",
                f"{C}.ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
            ],
            id="ports out of range",
        ),  # L-54
        pytest.param(
            {"ports": (port(protocol="http"),)},
            [
                f'{C}.ports[0].protocol: Unsupported value: "http": '
                'supported values: "SCTP", "TCP", "UDP"'
            ],
            id="an unknown protocol",
        ),  # L-54
        pytest.param(
            {"ports": (port(name="a"), port(name="a", container_port=81))},
            [f'{C}.ports[1].name: Duplicate value: "a"'],
            id="a port name twice",
        ),  # L-54
        pytest.param(
            {"ports": (port(name="a--b"),)},
            [f'{C}.ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens'],
            id="a bad port name",
        ),  # L-54
        pytest.param(
            {"restart_policy": "Sometimes"},
            [
                f'{C}.restartPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "Never", "OnFailure"'
            ],
            id="an unknown restart policy",
        ),  # L-58, V-20
        pytest.param(
            {"restart_policy_rules": (ContainerRestartRule("Restart"),)},
            [
                f"{C}.restartPolicy: Required value: "
                "must specify restartPolicy when restart rules are used",
                f"{C}.restartPolicyRules[0].exitCodes: Required value: must be specified",
            ],
            id="rules without a policy, and without exit codes",
        ),  # L-58, L-59
        pytest.param(
            {
                "restart_policy": "Never",
                "restart_policy_rules": (
                    ContainerRestartRule("Stop", ExitCodesRequirement("Is", tuple(range(256)))),
                ),
            },
            [
                f'{C}.restartPolicyRules[0].action: Unsupported value: "Stop": '
                'supported values: "Restart", "RestartAllContainers"',
                f'{C}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": '
                'supported values: "In", "NotIn"',
                f"{C}.restartPolicyRules[0].exitCodes.values: Too many: 256: "
                "must have at most 255 items",
            ],
            id="a rule with three faults",
        ),  # L-59
        pytest.param(
            {
                "restart_policy": "Never",
                "restart_policy_rules": (
                    ContainerRestartRule("Restart", ExitCodesRequirement("In", (1,))),
                )
                * 21,
            },
            [f"{C}.restartPolicyRules: Too many: 21: must have at most 20 items"],
            id="21 rules",
        ),  # L-59
        pytest.param(
            {"resize_policy": (ContainerResizePolicy("cpu", "Now"),) * 2},
            [
                f'{C}.resizePolicy: Unsupported value: "Now": '
                'supported values: "NotRequired", "RestartContainer"',
                f'{C}.resizePolicy[1]: Duplicate value: "cpu"',
                f'{C}.resizePolicy: Unsupported value: "Now": '
                'supported values: "NotRequired", "RestartContainer"',
            ],
            id="a resize policy twice",
        ),
    ],
)
def test_container(fields: dict[str, Any], errors: list[str]) -> None:
    assert errors_of_container(**fields) == errors


@pytest.mark.parametrize(
    ("context", "error"),
    [
        pytest.param(
            SecurityContext(run_as_user=-1),
            "runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            id="a negative user",
        ),
        pytest.param(
            SecurityContext(run_as_group=2**31),
            "runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive",
            id="a group beyond 31 bits",
        ),
        pytest.param(
            SecurityContext(proc_mount="None"),
            'procMount: Unsupported value: "None": supported values: "Default", "Unmasked"',
            id="an unknown proc mount",
        ),
        pytest.param(
            SecurityContext(proc_mount="Unmasked"),
            'procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
            id="an unmasked proc of the host's users",
        ),
        pytest.param(
            SecurityContext(seccomp_profile=TypedProfile("Localhost")),
            "seccompProfile.localhostProfile: Required value: "
            "must be set when seccomp type is Localhost",
            id="a local profile without a name",
        ),
        pytest.param(
            SecurityContext(seccomp_profile=TypedProfile("RuntimeDefault", "x")),
            'seccompProfile.localhostProfile: Invalid value: "x": '
            "can only be set when seccomp type is Localhost",
            id="a name for the default profile",
        ),
        pytest.param(
            SecurityContext(seccomp_profile=TypedProfile("Localhost", "../x")),
            "seccompProfile.localhostProfile: Invalid value: \"../x\": must not contain '..'",
            id="a profile outside of its directory",
        ),
        pytest.param(
            SecurityContext(app_armor_profile=TypedProfile("")),
            "appArmorProfile.type: Required value: type is required when appArmorProfile is set",
            id="a profile without a type",
        ),
        pytest.param(
            SecurityContext(app_armor_profile=TypedProfile("Localhost", " x")),
            'appArmorProfile.localhostProfile: Invalid value: " x": '
            "must not be padded with whitespace",
            id="a padded AppArmor profile",
        ),
        pytest.param(
            SecurityContext(app_armor_profile=TypedProfile("Localhost")),
            "appArmorProfile.localhostProfile: Required value: "
            "must be set when AppArmor type is Localhost",
            id="no AppArmor profile",
        ),
        pytest.param(
            SecurityContext(app_armor_profile=TypedProfile("Unconfined", "x")),
            'appArmorProfile.localhostProfile: Invalid value: "x": '
            "can only be set when AppArmor type is Localhost",
            id="an AppArmor profile without need",
        ),
        pytest.param(
            SecurityContext(seccomp_profile=TypedProfile("Own")),
            'seccompProfile.type: Unsupported value: "Own": '
            'supported values: "Localhost", "RuntimeDefault", "Unconfined"',
            id="an unknown profile type",
        ),
    ],
)
def test_security_context(context: SecurityContext, error: str) -> None:
    assert errors_of_container(security_context=context) == [f"{C}.securityContext.{error}"]


@pytest.mark.parametrize(
    ("context", "value", "detail"),
    [
        pytest.param(
            SecurityContext(allow_privilege_escalation=False, privileged=True),
            '{"allowPrivilegeEscalation":false,"privileged":true}',
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            id="privileged without escalation",
        ),
        pytest.param(
            SecurityContext(allow_privilege_escalation=False, capabilities_add=("CAP_SYS_ADMIN",)),
            '{"allowPrivilegeEscalation":false,"capabilities":{"add":["CAP_SYS_ADMIN"]}}',
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            id="SYS_ADMIN without escalation",
        ),
    ],
)
def test_contradictions(context: SecurityContext, value: str, detail: str) -> None:
    errors = errors_of_container(security_context=context)
    assert errors == [f"{C}.securityContext: Invalid value: {value}: {detail}"]


def test_names_are_unique_among_containers() -> None:  # L-52
    assert errors_of(a_pod(a_container("a"), a_container("a"))) == [
        'spec.containers[1].name: Duplicate value: "a"'
    ]


def test_a_clash_of_names_is_the_fault_of_the_init_container() -> None:  # L-52
    pod = a_pod(a_container("a"), init=(a_container("a"), a_container("b"), a_container("b")))
    assert errors_of(pod) == [
        'spec.initContainers[0].name: Duplicate value: "a"',
        'spec.initContainers[2].name: Duplicate value: "b"',
    ]


def test_host_ports_clash_across_containers() -> None:  # L-55
    ports = (port(host_port=8080),)
    assert errors_of(a_pod(a_container("a", ports=ports), a_container("b", ports=ports))) == [
        'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"'
    ]


def test_host_ports_of_init_containers_do_not_clash_with_others() -> None:  # L-55
    ports = (port(host_port=80),)
    init = (a_container("a", ports=ports), a_container("b", ports=ports * 2))
    assert errors_of(a_pod(a_container(ports=ports), init=init)) == [
        'spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//80"'
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(port(host_port=80, protocol="UDP"), id="another protocol"),
        pytest.param(port(host_port=80, host_ip="127.0.0.2"), id="another address"),
        pytest.param(port(), id="no host port"),
    ],
)
def test_host_ports_that_do_not_clash(other: ContainerPort) -> None:  # L-55
    assert errors_of_container(ports=(port(host_port=80), other)) == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"lifecycle": Lifecycle()}, f"{INIT}.lifecycle: {NO_INIT}", id="hooks"),
        pytest.param(
            {"liveness_probe": Probe(ProbeKind.LIVENESS)},
            f"{INIT}.livenessProbe: {NO_INIT}",
            id="liveness",
        ),
        pytest.param(
            {"readiness_probe": Probe(ProbeKind.READINESS), "restart_policy": "Never"},
            f"{INIT}.readinessProbe: {NO_INIT}",
            id="readiness, also with another restart policy",
        ),
        pytest.param(
            {"startup_probe": Probe(ProbeKind.STARTUP)},
            f"{INIT}.startupProbe: {NO_INIT}",
            id="startup",
        ),
        pytest.param(
            {"resize_policy": (ContainerResizePolicy("cpu", "NotRequired"),)},
            f'{INIT}.resizePolicy: Invalid value: [{{"resourceName":"cpu","restartPolicy":'
            '"NotRequired"}]: must not be set for init containers',
            id="resize policy",
        ),
    ],
)
def test_init_container(fields: dict[str, Any], error: str) -> None:  # L-57, V-18
    assert errors_of(a_pod(init=(a_container("init", **fields),))) == [error]


def test_unknown_restart_policy_of_an_init_container() -> None:  # L-58, V-19
    assert errors_of(a_pod(init=(a_container("init", restart_policy="Unknown"),))) == [
        f'{INIT}.restartPolicy: Unsupported value: "Unknown": '
        'supported values: "Always", "Never", "OnFailure"'
    ]


def test_sidecar_has_the_rules_of_a_container() -> None:  # V-31
    sidecar: Container = a_sidecar(
        lifecycle=Lifecycle(pre_stop=LifecycleHandler()),
        startup_probe=Probe(ProbeKind.STARTUP, exec=A_PROBE, success_threshold=2),
    )
    assert errors_of(a_pod(init=(sidecar,))) == [
        f"{INIT}.lifecycle.preStop: Required value: must specify a handler type",
        f"{INIT}.startupProbe.successThreshold: Invalid value: 2: must be 1",
    ]


MOUNT = VolumeMount("v", "/a")
V = f"{C}.volumeMounts"


@pytest.mark.parametrize(
    ("mount", "errors"),
    [  # L-63
        pytest.param(VolumeMount("v", "/a", sub_path="b"), [], id="a sub path"),
        pytest.param(
            VolumeMount("other", "/a"), [f'{V}[0].name: Not found: "other"'], id="no such volume"
        ),
        pytest.param(
            VolumeMount("", "/a"),
            [f"{V}[0].name: Required value", f'{V}[0].name: Not found: ""'],
            id="no name",
        ),
        pytest.param(
            VolumeMount("v", ""), [f"{V}[0].mountPath: Required value"], id="no mount path"
        ),
        pytest.param(
            VolumeMount("v", "/a", sub_path="/b"),
            [f'{V}.subPath: Invalid value: "/b": must be a relative path'],
            id="an absolute sub path",
        ),
        pytest.param(
            VolumeMount("v", "/a", sub_path="b/../../c"),
            [f"{V}.subPath: Invalid value: \"b/../../c\": must not contain '..'"],
            id="a sub path upwards",
        ),
        pytest.param(
            VolumeMount("v", "/a", sub_path="b", sub_path_expr="/c"),
            [
                f'{V}[0].subPathExpr: Invalid value: "/c": '
                "subPathExpr and subPath are mutually exclusive",
                f'{V}.subPathExpr: Invalid value: "/c": must be a relative path',
            ],
            id="both sub paths",
        ),
        pytest.param(
            VolumeMount("v", "/a", mount_propagation="All"),
            [
                f'{V}.mountPropagation: Unsupported value: "All": '
                'supported values: "Bidirectional", "HostToContainer", "None"'
            ],
            id="an unknown propagation",
        ),
        pytest.param(
            VolumeMount("v", "/a", mount_propagation="Bidirectional"),
            [
                f"{V}.mountPropagation: Forbidden: Bidirectional mount propagation is available "
                "only to privileged containers"
            ],
            id="propagation without privileges",
        ),
        pytest.param(
            VolumeMount(
                "v", "/a", recursive_read_only="Enabled", mount_propagation="HostToContainer"
            ),
            [
                f"{V}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
                f"{V}.recursiveReadOnly: Forbidden: may only be specified when mountPropagation "
                "is None or not specified",
            ],
            id="recursive read-only of a writable mount",
        ),
        pytest.param(
            VolumeMount("v", "/a", recursive_read_only="Yes"),
            [
                f'{V}.recursiveReadOnly: Unsupported value: "Yes": '
                'supported values: "Disabled", "Enabled", "IfPossible"'
            ],
            id="an unknown recursive read-only",
        ),
    ],
)
def test_mount(mount: VolumeMount, errors: list[str]) -> None:
    volumes = (Volume("v", empty_dir=EmptyDirVolume()),)
    assert errors_of(a_pod(a_container(volume_mounts=(mount,)), volumes=volumes)) == errors


def test_mount_paths_are_unique() -> None:  # L-63
    volumes = (Volume("v", empty_dir=EmptyDirVolume()),)
    container = a_container(volume_mounts=(MOUNT, MOUNT))
    assert errors_of(a_pod(container, volumes=volumes)) == [
        f'{V}[1].mountPath: Invalid value: "/a": must be unique'
    ]


def test_an_invalid_volume_is_no_volume() -> None:  # L-63, L-64
    container = a_container(volume_mounts=(MOUNT,))
    assert errors_of(a_pod(container, volumes=(Volume("v"),))) == [
        "spec.volumes[0]: Required value: must specify a volume type",
        f'{V}[0].name: Not found: "v"',
    ]
