"""What Kubernetes takes without a word, and what does not work all the same.

Role: a typed Pod → warnings for the user. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.manifest.fieldpath import FieldPath, go_quote
from minikubelet.manifest.pod import (
    Container,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Pod,
    Probe,
    TCPSocketAction,
)
from minikubelet.value_class import dataclass

_CONSEQUENCES: dict[type, str] = {
    Probe: "the probe errors each time and never counts",
    LifecycleHandler: "the hook fails",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning without its place in a file."""

    path: FieldPath
    message: str
    fix: str


def lint_pod(pod: Pod) -> tuple[Advice, ...]:
    """Advice about a valid pod."""
    spec = FieldPath().child("spec")
    lists = (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers))
    return tuple(
        advice
        for name, containers in lists
        for index, container in enumerate(containers)
        for advice in _undeclared_ports(container, spec.child(name).index(index))
    )


def _undeclared_ports(container: Container, path: FieldPath) -> Iterator[Advice]:
    """P-303: a name that no port has makes the probe an error, which is never counted."""
    declared = {port.name for port in container.ports}
    lifecycle = container.lifecycle or Lifecycle()
    users: tuple[tuple[FieldPath, Probe | LifecycleHandler | None], ...] = (
        (path.child("livenessProbe"), container.liveness_probe),
        (path.child("readinessProbe"), container.readiness_probe),
        (path.child("startupProbe"), container.startup_probe),
        (path.child("lifecycle", "postStart"), lifecycle.post_start),
        (path.child("lifecycle", "preStop"), lifecycle.pre_stop),
    )
    for at, user in users:
        actions: tuple[tuple[str, HTTPGetAction | TCPSocketAction | None], ...] = (
            (("httpGet", user.http_get), ("tcpSocket", user.tcp_socket)) if user else ()
        )
        for name, action in actions:
            if action and isinstance(action.port, str) and action.port not in declared:
                missing = f"no port of this container is named {go_quote(action.port)}"
                yield Advice(
                    at.child(name, "port"),
                    f"{missing}: on a cluster {_CONSEQUENCES[type(user)]}",
                    "name it in ports, or give its number",
                )
