"""What a pod may know about itself: fieldRef and resourceFieldRef values.

Role: the values of L-62, L-129 and L-133, for environments and volumes alike; which of them is
allowed where is validation's business. Upstream: pkg/fieldpath and pkg/api/v1/resource. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Pod, ResourceFieldSelector
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.pod.node_info import NodeInfo

_SUBSCRIPT = re.compile(r"(?P<map>.+)\['(?P<key>.*)'\]", re.DOTALL)


class DownwardAPIError(Exception):
    """There is no such field, container or resource; the text is upstream's."""


def field_value(pod: Pod, node: NodeInfo, path: str) -> str:
    """The value of `fieldRef.fieldPath`. Raises DownwardAPIError for a path that names nothing."""
    meta = pod.metadata
    if subscript := _SUBSCRIPT.fullmatch(path):
        maps = {"metadata.labels": meta.labels, "metadata.annotations": meta.annotations}
        if (of := maps.get(subscript["map"])) is not None:
            return of.get(subscript["key"], "")
    match path:
        case "metadata.name":
            return meta.name
        case "metadata.namespace":
            return meta.namespace
        case "metadata.uid":
            return meta.uid
        case "metadata.labels":
            return _map_lines(meta.labels)
        case "metadata.annotations":
            return _map_lines(meta.annotations)
        case "spec.nodeName":
            return pod.spec.node_name or node.name
        case "spec.serviceAccountName":
            return pod.spec.service_account_name
        case "status.hostIP" | "status.hostIPs" | "status.podIP" | "status.podIPs":
            # Every pod shares the node's network (L-138), and a node has one address.
            return node.ip
    raise DownwardAPIError(f"unsupported fieldPath: {path}")


def resource_value(
    pod: Pod, node: NodeInfo, container_name: str, selector: ResourceFieldSelector
) -> str:
    """A container's request or limit in units of the divisor, rounded up.

    A limit that is not set, or 0, is what the node has (L-129); a request that is not set is 0.
    Raises DownwardAPIError for an unknown container or resource.
    """
    try:
        container = pod.container(container_name)
    except KeyError:
        raise DownwardAPIError(f"container {container_name} not found") from None
    side, _, resource = selector.resource.partition(".")
    if side not in ("limits", "requests") or not _is_exposed(resource):
        raise DownwardAPIError(f"unsupported container resource : {selector.resource}")
    amounts = container.resources.limits if side == "limits" else container.resources.requests
    amount = parse_quantity(amounts.get(resource, "0"))
    if side == "limits" and amount.value() == 0:
        amount = parse_quantity(_node_has(node, resource))
    divisor = parse_quantity(selector.divisor)
    if divisor.milli_value() == 0:
        divisor = parse_quantity("1")
    if resource == "cpu":
        return _divided(amount.milli_value(), divisor.milli_value())
    return _divided(amount.value(), divisor.value())


def _is_exposed(resource: str) -> bool:
    return resource in ("cpu", "memory", "ephemeral-storage") or resource.startswith("hugepages-")


def _node_has(node: NodeInfo, resource: str) -> str:
    """Huge pages are never promised twice, so a missing limit for them is 0."""
    has = {
        "cpu": node.cpu_count,
        "memory": node.memory_bytes,
        "ephemeral-storage": node.ephemeral_storage_bytes,
    }
    return str(has.get(resource, 0))


def _divided(amount: int, divisor: int) -> str:
    """Rounded up."""
    return str(-(-amount // divisor))


def _map_lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={go_quote(value)}" for key, value in sorted(values.items()))
