"""A container with its environment, from JSON. Pure; see `decode.py`."""

from __future__ import annotations

from minikubelet.manifest.decode_handlers import decode_lifecycle, decode_probe
from minikubelet.manifest.decode_security import decode_security_context
from minikubelet.manifest.decode_values import (
    JSONObject,
    object_or_none,
    objects,
    quantities,
    quantity_text,
    scalars,
    value_or,
)
from minikubelet.manifest.pod import (
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    ExitCodesRequirement,
    FileKeySelector,
    KeySelector,
    ObjectFieldSelector,
    ProbeKind,
    ResourceFieldSelector,
    ResourceRequirements,
    TerminationMessagePolicy,
    VolumeMount,
)


def decode_container(document: JSONObject) -> Container:
    return Container(
        name=value_or(document, "name", ""),
        image=value_or(document, "image", ""),
        command=scalars(document, "command"),
        args=scalars(document, "args"),
        working_dir=value_or(document, "workingDir", ""),
        ports=objects(document, "ports", _decode_port),
        env=objects(document, "env", _decode_env_var),
        env_from=objects(document, "envFrom", _decode_env_from),
        resources=decode_resources(value_or(document, "resources", {})),
        volume_mounts=objects(document, "volumeMounts", _decode_volume_mount),
        liveness_probe=decode_probe(document.get("livenessProbe"), ProbeKind.LIVENESS),
        readiness_probe=decode_probe(document.get("readinessProbe"), ProbeKind.READINESS),
        startup_probe=decode_probe(document.get("startupProbe"), ProbeKind.STARTUP),
        lifecycle=object_or_none(document, "lifecycle", decode_lifecycle),
        termination_message_path=value_or(
            document, "terminationMessagePath", "/dev/termination-log"
        ),
        termination_message_policy=value_or(
            document, "terminationMessagePolicy", TerminationMessagePolicy.FILE
        ),
        image_pull_policy=value_or(document, "imagePullPolicy", "IfNotPresent"),
        security_context=object_or_none(document, "securityContext", decode_security_context),
        stdin=value_or(document, "stdin", False),
        stdin_once=value_or(document, "stdinOnce", False),
        tty=value_or(document, "tty", False),
        restart_policy=document.get("restartPolicy"),
        restart_policy_rules=objects(document, "restartPolicyRules", _decode_restart_rule),
        resize_policy=objects(document, "resizePolicy", _decode_resize_policy),
        target_container_name=value_or(document, "targetContainerName", ""),
    )


def decode_resources(document: JSONObject) -> ResourceRequirements:
    return ResourceRequirements(quantities(document, "limits"), quantities(document, "requests"))


def decode_field_ref(document: JSONObject) -> ObjectFieldSelector:
    return ObjectFieldSelector(
        field_path=value_or(document, "fieldPath", ""),
        api_version=value_or(document, "apiVersion", "") or "v1",
    )


def decode_resource_field_ref(document: JSONObject) -> ResourceFieldSelector:
    return ResourceFieldSelector(
        resource=value_or(document, "resource", ""),
        container_name=value_or(document, "containerName", ""),
        divisor=quantity_text(document.get("divisor")),
    )


def _decode_port(document: JSONObject) -> ContainerPort:
    return ContainerPort(
        container_port=value_or(document, "containerPort", 0),
        name=value_or(document, "name", ""),
        protocol=value_or(document, "protocol", "") or "TCP",
        host_port=value_or(document, "hostPort", 0),
        host_ip=value_or(document, "hostIP", ""),
    )


def _decode_env_var(document: JSONObject) -> EnvVar:
    return EnvVar(
        name=value_or(document, "name", ""),
        value=value_or(document, "value", ""),
        value_from=object_or_none(document, "valueFrom", _decode_env_var_source),
    )


def _decode_env_var_source(document: JSONObject) -> EnvVarSource:
    return EnvVarSource(
        field_ref=object_or_none(document, "fieldRef", decode_field_ref),
        resource_field_ref=object_or_none(document, "resourceFieldRef", decode_resource_field_ref),
        config_map_key_ref=object_or_none(document, "configMapKeyRef", _decode_key_selector),
        secret_key_ref=object_or_none(document, "secretKeyRef", _decode_key_selector),
        file_key_ref=object_or_none(document, "fileKeyRef", _decode_file_key_selector),
    )


def _decode_key_selector(document: JSONObject) -> KeySelector:
    return KeySelector(
        name=value_or(document, "name", ""),
        key=value_or(document, "key", ""),
        optional=value_or(document, "optional", False),
    )


def _decode_file_key_selector(document: JSONObject) -> FileKeySelector:
    return FileKeySelector(
        volume_name=value_or(document, "volumeName", ""),
        path=value_or(document, "path", ""),
        key=value_or(document, "key", ""),
        optional=value_or(document, "optional", False),
    )


def _decode_env_from(document: JSONObject) -> EnvFromSource:
    return EnvFromSource(
        prefix=value_or(document, "prefix", ""),
        config_map_ref=object_or_none(document, "configMapRef", _decode_env_from_ref),
        secret_ref=object_or_none(document, "secretRef", _decode_env_from_ref),
    )


def _decode_env_from_ref(document: JSONObject) -> EnvFromRef:
    return EnvFromRef(value_or(document, "name", ""), value_or(document, "optional", False))


def _decode_volume_mount(document: JSONObject) -> VolumeMount:
    return VolumeMount(
        name=value_or(document, "name", ""),
        mount_path=value_or(document, "mountPath", ""),
        read_only=value_or(document, "readOnly", False),
        recursive_read_only=document.get("recursiveReadOnly"),
        sub_path=value_or(document, "subPath", ""),
        sub_path_expr=value_or(document, "subPathExpr", ""),
        mount_propagation=document.get("mountPropagation"),
    )


def _decode_restart_rule(document: JSONObject) -> ContainerRestartRule:
    return ContainerRestartRule(
        action=value_or(document, "action", ""),
        exit_codes=object_or_none(
            document,
            "exitCodes",
            lambda codes: ExitCodesRequirement(
                value_or(codes, "operator", ""), scalars(codes, "values")
            ),
        ),
    )


def _decode_resize_policy(document: JSONObject) -> ContainerResizePolicy:
    return ContainerResizePolicy(
        resource_name=value_or(document, "resourceName", ""),
        restart_policy=value_or(document, "restartPolicy", ""),
    )
