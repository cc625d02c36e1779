"""Ports that two pods of one node, or a pod and somebody else, both want.

Role: all pods share the host's network (design 3.5), so a clash that a cluster would not have is
told before the application fails on it. The finding is pure; who holds a port is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from minikubelet.journal import PodRef, PortClash
from minikubelet.manifest.pod import Pod
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Clash:
    """One port that `container` of `pod` cannot have for itself."""

    pod: Pod
    container: str
    message: str


def declared_ports(pod: Pod) -> Iterator[tuple[str, int]]:
    """(container, TCP port) of regular containers and sidecars."""
    for container in pod.containers():
        for port in container.ports:
            if port.protocol == "TCP":
                yield container.name, port.container_port


def port_clashes(pods: Sequence[Pod], holders: Mapping[int, str]) -> tuple[Clash, ...]:
    """Clashes among `pods`, told for the later one, and with processes that already listen
    (`holders` by port)."""
    clashes = []
    taken: dict[int, str] = {}
    for pod in pods:
        for container, port in declared_ports(pod):
            owner = f"container {container} of pod {pod.metadata.namespace}/{pod.metadata.name}"
            if port in holders:
                clashes.append(
                    Clash(pod, container, f"port {port} is already taken by {holders[port]}")
                )
            elif port in taken and taken[port] != owner:
                clashes.append(
                    Clash(
                        pod,
                        container,
                        f"port {port} is also declared by {taken[port]}: "
                        "all pods share the ports of this host, and only one can have it",
                    )
                )
            taken.setdefault(port, owner)
    return tuple(clashes)


def port_clash_records(
    pods: Sequence[Pod], others: Sequence[Pod], holders: Mapping[int, str], at: datetime
) -> tuple[PortClash, ...]:
    """What the journal is told about `pods` that come to a node where the `others` run."""
    return tuple(
        PortClash(
            at=at,
            pod=PodRef.of(clash.pod.metadata),
            container=clash.container,
            field_path=f"spec.containers{{{clash.container}}}",
            message=clash.message,
        )
        for clash in port_clashes([*others, *pods], holders)
        if any(clash.pod is pod for pod in pods)
    )
