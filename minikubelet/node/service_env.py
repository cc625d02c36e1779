"""The variables that tell containers of services (L-135).

Role: Services → environment; which Services a pod sees.
Invariants: pure but for `StoredServices`, which asks the store.
Upstream: kubernetes pkg/kubelet/envvars, and getServiceEnvVarMap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.pod import Pod
from minikubelet.store.store import ObjectStore

SERVICES = ("", "services")
_MASTER = ("default", "kubernetes")


def service_environment(services: Iterable[Json]) -> dict[str, str]:
    """Of those with a cluster IP and a port."""
    variables: dict[str, str] = {}
    for service in services:
        spec: Json = service.get("spec") or {}
        ip = spec.get("clusterIP")
        ports = list(objects_in(spec, "ports"))
        if ports and ip not in (None, "", "None"):
            variables |= _variables(_upper(service["metadata"]["name"]), str(ip), ports)
    return variables


def _variables(name: str, ip: str, ports: list[Json]) -> dict[str, str]:
    host = f"[{ip}]" if ":" in ip else ip
    variables = {
        f"{name}_SERVICE_HOST": ip,
        f"{name}_SERVICE_PORT": str(ports[0].get("port")),
    }
    for index, port in enumerate(ports):
        number, protocol = str(port.get("port")), str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{host}:{number}"
        if port.get("name"):
            variables[f"{name}_SERVICE_PORT_{_upper(port['name'])}"] = number
        if index == 0:
            variables[f"{name}_PORT"] = url
        prefix = f"{name}_PORT_{number}_{protocol.upper()}"
        variables[prefix] = url
        variables[f"{prefix}_PROTO"] = protocol.lower()
        variables[f"{prefix}_PORT"] = number
        variables[f"{prefix}_ADDR"] = ip
    return variables


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


class StoredServices:
    """The variables of a pod's containers, by the Services of the store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __call__(self, pod: Pod) -> Mapping[str, str]:
        namespace = pod.metadata.namespace
        seen = [
            stored.document
            for stored in self._store.list(SERVICES)
            if (stored.key.namespace, stored.key.name) == _MASTER
            or (stored.key.namespace == namespace and pod.spec.enable_service_links)
        ]
        return service_environment(seen)
