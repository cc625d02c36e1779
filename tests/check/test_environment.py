"""The variables that the command of a check finds."""

from __future__ import annotations

from minikubelet.check.environment import command_environment
from minikubelet.manifest.pod import ContainerPort
from tests.pod.builders import a_container, a_pod


def test_pods_ports_and_logs() -> None:
    ports = (ContainerPort(8080, "http"), ContainerPort(9090))
    pods = [
        a_pod(a_container("my-app", ports=ports)),
        a_pod(metadata={"name": "db.main", "uid": "2"}),
    ]
    facts = command_environment(
        {"PATH": "/bin"}, pods, pod_ip="127.0.0.2", log_dir="/logs", kubeconfig="/run/kubeconfig"
    )
    assert facts == {
        "PATH": "/bin",
        "MINIKUBELET_PODS": "web db.main",
        "MINIKUBELET_POD_IP": "127.0.0.2",
        "MINIKUBELET_LOG_DIR": "/logs",
        "KUBECONFIG": "/run/kubeconfig",
        "MINIKUBELET_PORT_WEB_MY_APP_HTTP": "8080",
        "MINIKUBELET_PORT_WEB_MY_APP_9090": "9090",
    }
