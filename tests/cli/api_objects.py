"""Objects with many fields set, to print and describe; their ages stand still for minutes."""

from __future__ import annotations

from typing import Any

from minikubelet.manifest.json_tree import Json
from tests.cli.api_server import ago, an_object

LONG = "word " * 40


def rich_pod() -> Json:
    """Most of what `describe` knows of."""
    return an_object(
        "Pod",
        "rich",
        metadata={
            "labels": {"app": "web", "tier": "front"},
            "annotations": {
                "note": "short",
                "long": LONG.strip(),
                "lines": "one\ntwo",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": "j",
                    "uid": "u",
                    "controller": True,
                }
            ],
        },
        spec=_rich_spec(),
        status=_rich_status(),
    )


def _rich_spec() -> Json:
    return {
        "nodeName": "n1",
        "priority": 0,
        "serviceAccountName": "default",
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "nodeSelector": {"disk": "ssd"},
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "readinessGates": [{"conditionType": "example.com/up"}, {"conditionType": "no"}],
        "tolerations": [
            {"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "a", "value": "x", "effect": "NoSchedule"},
            {"operator": "Exists"},
        ],
        "initContainers": [
            {"name": "init", "image": "busybox", "command": ["sh", "-c", "echo a\necho b"]},
        ],
        "containers": [_rich_container(), {"name": "bare", "image": "busybox:1"}],
        "volumes": _volumes(),
    }


def _rich_container() -> Json:
    probe = {
        "initialDelaySeconds": 1,
        "timeoutSeconds": 2,
        "periodSeconds": 3,
        "successThreshold": 1,
        "failureThreshold": 4,
    }
    return {
        "name": "app",
        "image": "nginx:1.27",
        "command": ["/bin/app"],
        "args": ["--flag", "value"],
        "ports": [
            {"containerPort": 8080, "protocol": "TCP", "name": "http"},
            {"containerPort": 53, "hostPort": 5353, "protocol": "UDP"},
        ],
        "resources": {
            "limits": {"cpu": "500m", "memory": "64Mi"},
            "requests": {"cpu": "250m", "memory": "32Mi"},
        },
        "livenessProbe": {
            "httpGet": {"path": "/health z?a=b", "port": "http", "scheme": "HTTP"},
            **probe,
        },
        "readinessProbe": {"exec": {"command": ["cat", "/tmp/x"]}, **probe},
        "startupProbe": {"tcpSocket": {"port": 8080}, **probe},
        "envFrom": [
            {"configMapRef": {"name": "settings", "optional": True}},
            {"prefix": "S_", "secretRef": {"name": "keys"}},
        ],
        "env": _environment(),
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/z"},
            {"name": "conf", "mountPath": "/a", "readOnly": True, "subPath": "in/here"},
        ],
    }


def _environment() -> list[dict[str, Any]]:
    def field(path: str) -> Json:
        return {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}

    return [
        {"name": "PLAIN", "value": "x"},
        {"name": "EMPTY"},
        {"name": "LINES", "value": "one\ntwo"},
        {"name": "NAME", "valueFrom": field("metadata.name")},
        {"name": "APP", "valueFrom": field("metadata.labels['app']")},
        {"name": "LABELS", "valueFrom": field("metadata.labels")},
        {"name": "UID", "valueFrom": field("metadata.uid")},
        {"name": "WHERE", "valueFrom": field("metadata.namespace")},
        {"name": "ACCOUNT", "valueFrom": field("spec.serviceAccountName")},
        {"name": "IP", "valueFrom": field("status.podIP")},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {
            "name": "MEMORY",
            "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}},
        },
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}},
        {
            "name": "SETTING",
            "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "s", "optional": True}},
        },
    ]


def _volumes() -> list[dict[str, Any]]:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu", "containerName": "app"}},
    ]
    return [
        {"name": "scratch", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "host", "hostPath": {"path": "/srv", "type": "Directory"}},
        {"name": "plain-host", "hostPath": {"path": "/srv"}},
        {"name": "conf", "configMap": {"name": "settings", "optional": True}},
        {"name": "keys", "secret": {"secretName": "keys"}},
        {"name": "self", "downwardAPI": {"items": items}},
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"configMap": {"name": "settings"}},
                    {"secret": {"name": "keys"}},
                    {"downwardAPI": {"items": items}},
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
                ]
            },
        },
        {"name": "odd", "somethingNew": {}},
    ]


def _rich_status() -> Json:
    started, ended = ago(hours=25), ago(hours=20, minutes=30)
    last = {
        "exitCode": 137,
        "reason": "Error",
        "message": "killed",
        "startedAt": started,
        "finishedAt": ended,
    }
    return {
        "phase": "Running",
        "startTime": started,
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "qosClass": "Burstable",
        "conditions": [
            {"type": type, "status": status, "lastTransitionTime": started}
            for type, status in (("Ready", "False"), ("example.com/up", "True"))
        ],
        "initContainerStatuses": [
            {
                "name": "init",
                "ready": True,
                "restartCount": 0,
                "image": "busybox",
                "imageID": "",
                "containerID": "minikubelet://1",
                "lastState": {},
                "state": {
                    "terminated": {
                        "exitCode": 0,
                        "reason": "Completed",
                        "startedAt": started,
                        "finishedAt": started,
                    }
                },
            }
        ],
        "containerStatuses": [
            {
                "name": "app",
                "ready": True,
                "started": True,
                "restartCount": 3,
                "image": "nginx:1.27",
                "imageID": "",
                "containerID": "minikubelet://2",
                "state": {"running": {"startedAt": ended}},
                "lastState": {"terminated": last},
            },
            {
                "name": "bare",
                "ready": False,
                "restartCount": 12,
                "image": "busybox:1",
                "imageID": "",
                "lastState": {},
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            },
        ],
    }


def plain_pod(name: str = "plain", **parts: Any) -> Json:
    """What the API stores of the smallest manifest, before anything has run."""
    spec = {
        "containers": [{"name": "app", "image": "busybox", "resources": {}}],
        "restartPolicy": "Always",
        "securityContext": {},
        **parts.pop("spec", {}),
    }
    status = {"phase": "Pending", "qosClass": "BestEffort"} | parts.pop("status", {})
    return an_object("Pod", name, spec=spec, status=status, **parts)


def a_config_map(name: str = "settings", **parts: Any) -> Json:
    return an_object("ConfigMap", name, data={"a": "1"}, **parts)


def leaving_pod() -> Json:
    metadata = {"deletionTimestamp": ago(hours=9, minutes=30), "deletionGracePeriodSeconds": 30}
    return plain_pod("leaving", metadata=metadata, status={"phase": "Running"})


def failed_pod() -> Json:
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    return plain_pod("failed", status=status)


def an_event(about: Json, number: int, **fields: Any) -> Json:
    metadata = about["metadata"]
    return an_object(
        "Event",
        f"{metadata['name']}.{number}",
        involvedObject={
            "kind": about["kind"],
            "apiVersion": "v1",
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "fieldPath": "spec.containers{app}",
        },
        **{
            "type": "Normal",
            "reason": "Started",
            "message": "Container started",
            "source": {"component": "kubelet", "host": "n1"},
            "reportingComponent": "kubelet",
            "reportingInstance": "n1",
            "firstTimestamp": ago(hours=20 - number, minutes=30),
            "lastTimestamp": ago(hours=20 - number, minutes=30),
            "count": 1,
            "eventTime": None,
            **fields,
        },
    )


def events_of_rich() -> list[Json]:
    pod = rich_pod()
    return [
        an_event(pod, 2),
        an_event(
            pod,
            1,
            type="Warning",
            reason="Unhealthy",
            message="Liveness probe failed: HTTP probe failed\n",
            count=3,
            lastTimestamp=ago(hours=11, minutes=30),
        ),
        an_event(pod, 3, source={}, reason="Killing", message="Stopping"),
    ]


def others() -> list[Json]:
    """One of each other kind."""
    return [
        an_object(
            "ConfigMap",
            "settings",
            metadata={"labels": {"a": "b"}},
            data={"file.txt": "one\ntwo\n"},
            binaryData={"b": "AAEC"},
        ),
        an_object("Secret", "keys", type="Opaque", data={"k": "c2VjcmV0"}),
        an_object(
            "Service",
            "front",
            spec={
                "type": "ClusterIP",
                "clusterIP": "10.96.0.9",
                "clusterIPs": ["10.96.0.9"],
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "selector": {"app": "web"},
                "ports": [
                    {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"},
                    {"name": "tls", "port": 443, "protocol": "TCP", "targetPort": 8443},
                ],
            },
        ),
        a_node(),
    ]


def a_node() -> Json:
    node = an_object(
        "Node",
        "n1",
        metadata={"labels": {"kubernetes.io/hostname": "n1"}},
        spec={"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
        status={
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": "n1"},
            ],
            "capacity": {"cpu": "2", "memory": "1Gi", "pods": "110", "ephemeral-storage": "9Gi"},
            "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "110", "ephemeral-storage": "9Gi"},
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "ready",
                    "lastHeartbeatTime": ago(hours=5),
                    "lastTransitionTime": ago(hours=9),
                }
            ],
            "nodeInfo": {
                "machineID": "m",
                "systemUUID": "s",
                "bootID": "b",
                "kernelVersion": "6.1",
                "osImage": "Linux",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "containerRuntimeVersion": "minikubelet://0",
                "kubeletVersion": "v1.33.0",
                "kubeProxyVersion": "",
            },
        },
    )
    del node["metadata"]["namespace"]
    return node
