"""Whether this node takes a pod (lifecycle spec, section 4).

Role: the general checks of the kubelet, in its order, with its words; the first that fails counts.
Invariants: pure; what runs already is never asked again (L-72).
Upstream: kubernetes pkg/kubelet/lifecycle, predicate.go. Differs: a pod that no scheduler has bound
goes through the same checks, since there is no other node that could take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from minikubelet.manifest.pod import Container, ContainerPort, Pod, is_sidecar
from minikubelet.manifest.quantity import Quantity, parse_quantity
from minikubelet.manifest.resource_sums import aggregate_requests
from minikubelet.node.node_match import Taint, matches_node, untolerated
from minikubelet.value_class import dataclass

_COUNTED = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"
_WILDCARDS = ("", "0.0.0.0", "::")
_MESSAGES = {
    "NodeAffinity": "node(s) didn't match Pod's node affinity/selector",
    "NodeName": "node(s) didn't match the requested node name",
    "NodePorts": "node(s) didn't have free ports for the requested pod ports",
    "TaintToleration": "node(s) had taints that the pod didn't tolerate",
}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node as pods are measured against it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)
    """Quantities by resource: cpu, memory, ephemeral-storage, pods."""
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    reason: str
    message: str

    @property
    def status_message(self) -> str:
        """Of the refused pod's status (L-69)."""
        return f"Pod was rejected: {self.message}"


def check_admission(
    pod: Pod, active: Sequence[Pod], node: NodeFacts, *, static: bool
) -> Rejection | None:
    """Why the node does not take `pod` beside the `active` ones; None when it does (L-70, L-71)."""
    shortage = _shortage(pod, active, node)
    if shortage is not None:
        return shortage
    if not matches_node(pod.spec.node_selector, pod.spec.node_affinity, node.labels, node.name):
        return _failed("NodeAffinity")
    if pod.spec.node_name not in ("", node.name):
        return _failed("NodeName")
    if not _ports_are_free(pod, active):
        return _failed("NodePorts")
    if not static and untolerated(node.taints, pod.spec.tolerations, ("NoExecute",)):
        return _failed("TaintToleration")
    return None


def _failed(check: str) -> Rejection:
    return Rejection(check, f"Predicate {check} failed: {_MESSAGES[check]}")


def _shortage(pod: Pod, active: Sequence[Pod], node: NodeFacts) -> Rejection | None:
    room = {name: _amount(name, text) for name, text in node.allocatable.items()}
    pods = room.get("pods")
    if pods is not None and len(active) + 1 > pods:
        return _out_of("pods", 1, len(active), pods)
    wanted = pod_requests(pod)
    names = [*_COUNTED, *sorted(name for name in wanted if name.startswith(_HUGE_PAGES))]
    for name in names:
        requested = wanted.get(name, 0)
        if not requested:
            continue
        used = sum(pod_requests(other).get(name, 0) for other in active)
        capacity = room.get(name, 0)
        if requested + used > capacity:
            return _out_of(name, requested, used, capacity)
    return None


def _out_of(name: str, requested: int, used: int, capacity: int) -> Rejection:
    figures = f"requested: {requested}, used: {used}, capacity: {capacity}"
    return Rejection(f"OutOf{name}", f"Node didn't have enough resource: {name}, {figures}")


def pod_requests(pod: Pod) -> dict[str, int]:
    """What a pod asks for: cpu in milli units, the rest in whole ones."""
    spec = pod.spec
    total = aggregate_requests(
        [_quantities(c.resources.requests) for c in spec.containers],
        [
            (_quantities(c.resources.requests), is_sidecar(c, init=True))
            for c in spec.init_containers
        ],
    )
    if spec.resources is not None:
        total |= _quantities(spec.resources.requests)
    amounts = {name: _whole(name, quantity) for name, quantity in total.items()}
    for name, quantity in _quantities(spec.overhead).items():
        amounts[name] = amounts.get(name, 0) + _whole(name, quantity)
    return amounts


def _quantities(texts: Mapping[str, str]) -> dict[str, Quantity]:
    return {name: parse_quantity(text) for name, text in texts.items()}


def _amount(name: str, text: str) -> int:
    return _whole(name, parse_quantity(text))


def _whole(name: str, quantity: Quantity) -> int:
    return quantity.milli_value() if name == "cpu" else quantity.value()


def _ports_are_free(pod: Pod, active: Sequence[Pod]) -> bool:
    taken = [port for other in active for port in _host_ports(other)]
    return not any(_clash(port, other) for port in _host_ports(pod) for other in taken)


def _host_ports(pod: Pod) -> Iterator[ContainerPort]:
    containers: list[Container] = [
        *(c for c in pod.spec.init_containers if is_sidecar(c, init=True)),
        *pod.spec.containers,
    ]
    for container in containers:
        yield from (port for port in container.ports if port.host_port > 0)


def _clash(one: ContainerPort, other: ContainerPort) -> bool:
    if (one.host_port, one.protocol) != (other.host_port, other.protocol):
        return False
    return one.host_ip == other.host_ip or one.host_ip in _WILDCARDS or other.host_ip in _WILDCARDS
