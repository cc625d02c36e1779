"""The rows of kinds without a Pod template, Pods and Events apart.

Role: columns and cells of nodes, services, endpoints, data, accounts, namespaces and small kinds.
Pure. Upstream: kubernetes pkg/printers/internalversion.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from minikubelet.apiserver.tables_cells import (
    AGE,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    Column,
    age,
    first_few,
    host_port,
    joined,
    labels_text,
    name,
    or_none,
    part,
)
from minikubelet.manifest.json_tree import Json

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"

NODE_COLUMNS = (
    NAME,
    Column("Status", "Whether the node is ready, and takes new Pods."),
    Column("Roles", "Roles that its labels give it."),
    AGE,
    Column("Version", "Version of the kubelet."),
    Column("Internal-IP", "Address of the node.", wide=True),
    Column("External-IP", "Address of the node for the outside.", wide=True),
    Column("OS-Image", "Operating system.", wide=True),
    Column("Kernel-Version", "Kernel.", wide=True),
    Column("Container-Runtime", "What runs the containers, and its version.", wide=True),
)


def node_cells(document: Json, now: datetime) -> list[Any]:
    info = part(document, "status", "nodeInfo")
    return [
        name(document),
        _node_status(document),
        _roles(part(document, "metadata", "labels")),
        age(document, now),
        info.get("kubeletVersion", ""),
        _address(document, "InternalIP"),
        _address(document, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(document: Json) -> str:
    conditions = part(document, "status").get("conditions") or ()
    ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    text = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if part(document, "spec").get("unschedulable") else text


def _roles(labels: Json) -> str:
    roles = {
        key.removeprefix(_ROLE_PREFIX) if key.startswith(_ROLE_PREFIX) else value
        for key, value in labels.items()
        if key.startswith(_ROLE_PREFIX) or key == _ROLE_LABEL
    }
    return joined(sorted(role for role in roles if role))


def _address(document: Json, type: str) -> str:
    addresses = part(document, "status").get("addresses") or ()
    return next((a.get("address") for a in addresses if a.get("type") == type), None) or NONE


SERVICE_COLUMNS = (
    NAME,
    Column("Type", "How the service can be reached."),
    Column("Cluster-IP", "Its own address."),
    Column("External-IP", "Its address for the outside."),
    Column("Port(s)", "Its ports."),
    AGE,
    SELECTOR,
)


def service_cells(document: Json, now: datetime) -> list[Any]:
    spec = part(document, "spec")
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [
        name(document),
        spec.get("type", ""),
        or_none(addresses[0]),
        _external_ip(document, spec),
        joined(_service_port(port) for port in spec.get("ports") or ()),
        age(document, now),
        labels_text(spec.get("selector")),
    ]


def _external_ip(document: Json, spec: Json) -> str:
    given = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ExternalName":
            external: str = spec.get("externalName", "")
            return external
        case "LoadBalancer":
            ingress = part(document, "status", "loadBalancer").get("ingress") or ()
            balancers = {entry.get("ip") or entry.get("hostname") or "" for entry in ingress}
            return ",".join([*sorted(balancers - {""}), *given]) or "<pending>"
        case _:
            return joined(given)


def _service_port(port: Json) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


ENDPOINTS_COLUMNS = (NAME, Column("Endpoints", "Addresses and ports that are ready."), AGE)


def endpoints_cells(document: Json, now: datetime) -> list[Any]:
    return [name(document), first_few(list(_endpoints(document)), NONE), age(document, now)]


def _endpoints(document: Json) -> Iterator[str]:
    for subset in document.get("subsets") or ():
        addresses = [entry.get("ip", "") for entry in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            yield from addresses
        for port in ports:
            yield from (host_port(address, port.get("port", 0)) for address in addresses)


ENDPOINT_SLICE_COLUMNS = (
    NAME,
    Column("AddressType", "What its addresses are."),
    Column("Ports", "Ports of each endpoint."),
    Column("Endpoints", "Addresses."),
    AGE,
)


def endpoint_slice_cells(document: Json, now: datetime) -> list[Any]:
    ports = [
        str(port.get("port") or port.get("name") or "*") for port in document.get("ports") or ()
    ]
    addresses = [
        address
        for endpoint in document.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    return [
        name(document),
        document.get("addressType", ""),
        first_few(ports, "<unset>"),
        first_few(addresses, "<unset>"),
        age(document, now),
    ]


CONFIG_MAP_COLUMNS = (NAME, Column("Data", "Number of entries."), AGE)


def config_map_cells(document: Json, now: datetime) -> list[Any]:
    entries = len(part(document, "data")) + len(part(document, "binaryData"))
    return [name(document), entries, age(document, now)]


SECRET_COLUMNS = (
    NAME,
    Column("Type", "What the secret is for."),
    Column("Data", "Number of entries."),
    AGE,
)


def secret_cells(document: Json, now: datetime) -> list[Any]:
    return [
        name(document),
        document.get("type") or "Opaque",
        len(part(document, "data")),
        age(document, now),
    ]


SERVICE_ACCOUNT_COLUMNS = (NAME, Column("Secrets", "Number of secrets it lists."), AGE)


def service_account_cells(document: Json, now: datetime) -> list[Any]:
    return [name(document), len(document.get("secrets") or ()), age(document, now)]


NAMESPACE_COLUMNS = (NAME, Column("Status", "Active, or on its way out."), AGE)


def namespace_cells(document: Json, now: datetime) -> list[Any]:
    return [name(document), part(document, "status").get("phase", ""), age(document, now)]


LEASE_COLUMNS = (NAME, Column("Holder", "Who holds it."), AGE)


def lease_cells(document: Json, now: datetime) -> list[Any]:
    return [name(document), part(document, "spec").get("holderIdentity") or "", age(document, now)]


DISRUPTION_BUDGET_COLUMNS = (
    NAME,
    Column("Min Available", "How many Pods have to stay."),
    Column("Max Unavailable", "How many Pods may be missing."),
    Column("Allowed Disruptions", "How many Pods may be evicted now.", "integer"),
    AGE,
)


def disruption_budget_cells(document: Json, now: datetime) -> list[Any]:
    spec = part(document, "spec")
    return [
        name(document),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        part(document, "status").get("disruptionsAllowed", 0),
        age(document, now),
    ]


OTHER_COLUMNS = (NAME, Column("Created At", "When the object was created.", "date"))


def other_cells(document: Json, now: datetime) -> list[Any]:
    """K-62 for kinds without columns of their own."""
    return [name(document), part(document, "metadata").get("creationTimestamp") or ""]
