"""Addresses and node ports of Services: no two have the same.

Role: give a Service what it did not ask for, and refuse what another one has. Upstream:
pkg/registry/core/service, storage/alloc.go. Differs: what is given begins at a number made of the
name, so that a Service that is made again gets the same; nothing listens there. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from minikubelet.apiserver.strategies.strategy import Others
from minikubelet.manifest.fieldpath import FieldError, FieldPath, invalid
from minikubelet.manifest.json_tree import Json, objects_in

_HOSTS = 2**16 - 512
_NODE_PORTS = (30000, 32767)
_SPEC = FieldPath().child("spec")
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def give_addresses(service: Json, old: Json | None, others: Others) -> Json:
    """Changes and returns `service`, which has its defaults."""
    spec = service["spec"]
    if old is not None:
        _keep(spec, old["spec"])
    if spec["type"] == "ExternalName":
        return service
    if not spec.get("clusterIP"):
        taken = {address for other in others() for address in _addresses(other)}
        offset = _free(_digest(service), _HOSTS, lambda offset: _address(offset) in taken)
        spec["clusterIP"] = _address(offset)
    spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
    if spec["type"] in _WITH_NODE_PORTS:
        _give_node_ports(service, others)
    return service


def taken_addresses(service: Json, others: Others) -> Iterator[FieldError]:
    spec = service["spec"]
    addresses = {address for other in others() for address in _addresses(other)}
    for address in _addresses(service):
        if address in addresses:
            why = f"failed to allocate IP {address}: provided IP is already allocated"
            yield invalid(_SPEC.child("clusterIPs"), spec["clusterIPs"], why)
    if spec["type"] not in _WITH_NODE_PORTS:
        return
    taken = {port for other in others() for port in _node_ports(other)}
    for index, port in enumerate(objects_in(spec, "ports")):
        number = (port.get("protocol"), port.get("nodePort"))
        if number in taken:
            path = _SPEC.child("ports").index(index).child("nodePort")
            yield invalid(path, port["nodePort"], "provided port is already allocated")
        taken.add(number)


def _keep(spec: Json, old: Json) -> None:
    """What a client that replaces a Service leaves out stays (upstream: patchAllocatedValues)."""
    if "ExternalName" in (old.get("type"), spec["type"]):
        return
    for name in ("clusterIP", "clusterIPs"):
        if not spec.get(name) and old.get(name):
            spec[name] = old[name]
    if spec["type"] in _WITH_NODE_PORTS:
        numbers = {_port(port): port.get("nodePort") for port in objects_in(old, "ports")}
        for port in objects_in(spec, "ports"):
            if not port.get("nodePort") and numbers.get(_port(port)):
                port["nodePort"] = numbers[_port(port)]


def _port(port: Json) -> tuple[object, object]:
    return port.get("port"), port.get("protocol") or "TCP"


def _give_node_ports(service: Json, others: Others) -> None:
    ports = list(objects_in(service["spec"], "ports"))
    missing = [index for index, port in enumerate(ports) if not port.get("nodePort")]
    if not missing:
        return
    taken = {number for other in (*others(), service) for _, number in _node_ports(other)}
    first, last = _NODE_PORTS
    for index in missing:
        start = _digest(service, f"/{index}")
        offset = _free(start, last - first + 1, lambda offset: first + offset in taken)
        ports[index]["nodePort"] = first + offset
        taken.add(first + offset)


def _free(start: int, count: int, is_taken: Callable[[int], bool]) -> int:
    """The first offset from `start` on that nobody has; `start` itself where all are taken."""
    offsets = ((start + step) % count for step in range(count))
    return next((offset for offset in offsets if not is_taken(offset)), start % count)


def _digest(service: Json, more: str = "") -> int:
    meta = service["metadata"]
    text = f"{meta.get('namespace')}/{meta.get('name')}{more}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _address(offset: int) -> str:
    """In 10.96.0.0/16, away from both ends."""
    high, low = divmod(256 + offset, 256)
    return f"10.96.{high}.{low}"


def _addresses(service: Json) -> list[str]:
    spec = service.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in addresses if address and address != "None"]


def _node_ports(service: Json) -> list[tuple[object, object]]:
    ports = objects_in(service.get("spec") or {}, "ports")
    return [(p.get("protocol"), p["nodePort"]) for p in ports if p.get("nodePort")]
