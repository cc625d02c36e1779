"""What the command of a check finds in its environment. Pure.

MINIKUBELET_PODS       names of the Pods, with spaces between them
MINIKUBELET_POD_IP     their address
MINIKUBELET_LOG_DIR    their logs: <namespace>_<pod>_<uid>/<container>/<restart>.log, as kubelet
KUBECONFIG             the API of these Pods, for kubectl and client libraries
MINIKUBELET_PORT_<POD>_<CONTAINER>_<PORT>
                       each declared port: <PORT> is its name, or its number if it has none
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from minikubelet.manifest.pod import Pod


def command_environment(
    base: Mapping[str, str], pods: Sequence[Pod], *, pod_ip: str, log_dir: str, kubeconfig: str
) -> dict[str, str]:
    """`base` with the facts above; names are in upper case, with `_` for what is no letter or
    digit."""
    ports = {
        _variable("MINIKUBELET_PORT", pod.metadata.name, container.name, port.name or number): (
            number
        )
        for pod in pods
        for container in pod.containers()
        for port in container.ports
        for number in (str(port.container_port),)
    }
    return {
        **base,
        "MINIKUBELET_PODS": " ".join(pod.metadata.name for pod in pods),
        "MINIKUBELET_POD_IP": pod_ip,
        "MINIKUBELET_LOG_DIR": log_dir,
        **({"KUBECONFIG": kubeconfig} if kubeconfig else {}),
        **ports,
    }


def _variable(*parts: str) -> str:
    return re.sub("[^A-Z0-9]", "_", "_".join(parts).upper())
