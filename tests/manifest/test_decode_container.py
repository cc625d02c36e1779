"""Containers to types: every field that has one arrives."""

from __future__ import annotations

from typing import Any

from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    ExecAction,
    ExitCodesRequirement,
    FileKeySelector,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    KeySelector,
    Lifecycle,
    LifecycleHandler,
    ObjectFieldSelector,
    Probe,
    ProbeKind,
    ResourceFieldSelector,
    ResourceRequirements,
    SecurityContext,
    SleepAction,
    TCPSocketAction,
    TypedProfile,
    VolumeMount,
)


def container_of(container: dict[str, Any]) -> Container:
    [decoded] = decode_pod({"spec": {"containers": [container]}}).spec.containers
    return decoded


def test_container() -> None:
    container = {
        "name": "c",
        "image": "i",
        "command": ["a", None],
        "args": ["b"],
        "workingDir": "/w",
        "ports": [
            {"containerPort": 80, "name": "web", "protocol": "UDP", "hostPort": 8080,
             "hostIP": "::1"},
            {"containerPort": 81},
        ],
        "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}, "requests": {"cpu": "1e-1"}},
        "volumeMounts": [
            {"name": "v", "mountPath": "/m", "readOnly": True, "recursiveReadOnly": "Enabled",
             "subPath": "s", "subPathExpr": "$(E)", "mountPropagation": "None"}
        ],
        "terminationMessagePath": "/t",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "imagePullPolicy": "Never",
        "securityContext": {
            "runAsUser": 1,
            "runAsGroup": 2,
            "runAsNonRoot": True,
            "privileged": False,
            "allowPrivilegeEscalation": True,
            "capabilities": {"add": ["NET_ADMIN"]},
            "procMount": "Default",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "stdin": True,
        "stdinOnce": True,
        "tty": True,
        "restartPolicy": "Always",
        "restartPolicyRules": [
            {"action": "Restart", "exitCodes": {"operator": "In", "values": [1, 2]}}
        ],
        "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
    }  # fmt: skip
    assert container_of(container) == Container(
        name="c",
        image="i",
        command=("a", ""),
        args=("b",),
        working_dir="/w",
        ports=(ContainerPort(80, "web", "UDP", 8080, "::1"), ContainerPort(81)),
        resources=ResourceRequirements({"cpu": "500m", "memory": "1Gi"}, {"cpu": "100e-3"}),
        volume_mounts=(VolumeMount("v", "/m", True, "Enabled", "s", "$(E)", "None"),),
        termination_message_path="/t",
        termination_message_policy="FallbackToLogsOnError",
        image_pull_policy="Never",
        security_context=SecurityContext(
            run_as_user=1,
            run_as_group=2,
            run_as_non_root=True,
            privileged=False,
            allow_privilege_escalation=True,
            capabilities_add=("NET_ADMIN",),
            proc_mount="Default",
            seccomp_profile=TypedProfile("RuntimeDefault"),
        ),
        stdin=True,
        stdin_once=True,
        tty=True,
        restart_policy="Always",
        restart_policy_rules=(ContainerRestartRule("Restart", ExitCodesRequirement("In", (1, 2))),),
        resize_policy=(ContainerResizePolicy("cpu", "NotRequired"),),
    )


def test_environment() -> None:
    container = {
        "env": [
            {"name": "A"},
            {"name": "B", "value": "b"},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "D", "valueFrom": {"resourceFieldRef": {
                "resource": "limits.cpu", "containerName": "c", "divisor": "1000m"}}},
            {"name": "E", "valueFrom": {
                "configMapKeyRef": {"name": "m", "key": "k", "optional": True},
                "secretKeyRef": {"name": "s", "key": "k"},
                "fileKeyRef": {"volumeName": "v", "path": "p", "key": "k", "optional": True}}},
        ],
        "envFrom": [
            {"prefix": "P_", "configMapRef": {"name": "m"}},
            {"secretRef": {"name": "s", "optional": True}},
        ],
    }  # fmt: skip
    decoded = container_of(container)
    assert decoded.env == (
        EnvVar("A"),
        EnvVar("B", "b"),
        EnvVar("C", value_from=EnvVarSource(field_ref=ObjectFieldSelector("metadata.name"))),
        EnvVar(
            "D",
            value_from=EnvVarSource(
                resource_field_ref=ResourceFieldSelector("limits.cpu", "c", "1")
            ),
        ),
        EnvVar(
            "E",
            value_from=EnvVarSource(
                config_map_key_ref=KeySelector("m", "k", True),
                secret_key_ref=KeySelector("s", "k"),
                file_key_ref=FileKeySelector("v", "p", "k", True),
            ),
        ),
    )
    assert decoded.env_from == (
        EnvFromSource("P_", config_map_ref=EnvFromRef("m")),
        EnvFromSource(secret_ref=EnvFromRef("s", True)),
    )


def test_probes_and_hooks() -> None:
    container = {
        "startupProbe": {"exec": {"command": ["cat", "/x"]}, "failureThreshold": 9},
        "readinessProbe": {
            "httpGet": {"port": "web", "path": "/ok", "host": "h", "scheme": "HTTPS",
                        "httpHeaders": [{"name": "N", "value": "v"}, {"name": "M"}]},
            "initialDelaySeconds": 1, "timeoutSeconds": 2, "periodSeconds": 3,
            "successThreshold": 4, "failureThreshold": 5,
        },
        "livenessProbe": {
            "tcpSocket": {"port": 80, "host": "h"},
            "grpc": {"port": 81, "service": "s"},
            "terminationGracePeriodSeconds": 6,
        },
        "lifecycle": {
            "postStart": {"exec": {}, "httpGet": {"port": 82}},
            "preStop": {"sleep": {"seconds": 7}, "tcpSocket": {"port": 83}},
            "stopSignal": "SIGINT",
        },
    }  # fmt: skip
    decoded = container_of(container)
    assert decoded.probes() == (
        Probe(ProbeKind.STARTUP, exec=ExecAction(("cat", "/x")), failure_threshold=9),
        Probe(
            ProbeKind.READINESS,
            http_get=HTTPGetAction(
                "web", "/ok", "h", "HTTPS", (HTTPHeader("N", "v"), HTTPHeader("M"))
            ),
            initial_delay_seconds=1,
            timeout_seconds=2,
            period_seconds=3,
            success_threshold=4,
            failure_threshold=5,
        ),
        Probe(
            ProbeKind.LIVENESS,
            tcp_socket=TCPSocketAction(80, "h"),
            grpc=GRPCAction(81, "s"),
            termination_grace_period_seconds=6,
        ),
    )
    assert decoded.lifecycle == Lifecycle(
        LifecycleHandler(exec=ExecAction(), http_get=HTTPGetAction(82)),
        LifecycleHandler(sleep=SleepAction(7), tcp_socket=TCPSocketAction(83)),
        "SIGINT",
    )
