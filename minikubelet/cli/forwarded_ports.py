"""What the port arguments of `port-forward` mean. Pure.

Role: `[LOCAL:]REMOTE` with numbers or names, for a Pod or through a Service → pairs of numbers.
Upstream: kubectl pkg/cmd/portforward, client-go tools/portforward `parsePorts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass

_HIGHEST = 65535


class PortError(Exception):
    """The text is for the user."""


@dataclass(frozen=True, slots=True)
class ForwardedPort:
    """`local` 0: any that is free."""

    local: int
    remote: int


def forwarded_ports(
    words: Sequence[str], pod: Json, service: Json | None = None
) -> tuple[ForwardedPort, ...]:
    """Raises PortError."""
    return tuple(_forwarded_port(word, pod, service) for word in words)


def _forwarded_port(word: str, pod: Json, service: Json | None) -> ForwardedPort:
    local_text, colon, remote_text = word.rpartition(":")
    if ":" in local_text or not remote_text:
        raise PortError(f"invalid port format '{word}'")
    if service is None:
        wanted = _number(remote_text)
        remote = wanted or _container_port(pod, remote_text)
        _refuse_udp(remote, _ports_of_pod(pod), f"pod {pod['metadata']['name']}")
    else:
        wanted = _number(remote_text) or _service_port_number(service, remote_text)
        remote = _target_port(service, pod, wanted)
    if not colon:
        # `svc/web http` listens on the port of the Service.
        return ForwardedPort(wanted or remote, remote)
    local = _number(local_text, lowest=0) if local_text else 0
    if local is None:
        raise PortError(f"error parsing local port '{local_text}': it is no number")
    return ForwardedPort(local, remote)


def _number(text: str, lowest: int = 1) -> int | None:
    """None for what is no number. Raises PortError."""
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text[:9])
    if number < lowest:
        raise PortError("remote port must be > 0")
    if number > _HIGHEST:
        raise PortError(f"port {text} is higher than {_HIGHEST}")
    return number


def _service_port_number(service: Json, name: str) -> int:
    for port in _ports_of_service(service):
        if port.get("name") == name:
            return int(port["port"])
    raise PortError(f"Service '{service['metadata']['name']}' does not have a named port '{name}'")


def _target_port(service: Json, pod: Json, number: int) -> int:
    name = service["metadata"]["name"]
    found = [port for port in _ports_of_service(service) if port.get("port") == number]
    if not found:
        raise PortError(f"Service {name} does not have a service port {number}")
    _refuse_udp(number, ((number, port.get("protocol")) for port in found), f"service {name}")
    if (service.get("spec") or {}).get("clusterIP") == "None":
        return number  # without an address of its own nothing translates
    target = found[0].get("targetPort") or number
    return target if isinstance(target, int) else _container_port(pod, target)


def _container_port(pod: Json, name: str) -> int:
    for container in _containers(pod):
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    raise PortError(f"Pod '{pod['metadata']['name']}' does not have a named port '{name}'")


def _refuse_udp(number: int, ports: Iterable[tuple[int, str | None]], whose: str) -> None:
    protocols = {protocol or "TCP" for port, protocol in ports if port == number}
    if protocols and "TCP" not in protocols:
        raise PortError(f"{protocols.pop()} protocol is not supported for port {number} of {whose}")


def _ports_of_service(service: Json) -> list[Json]:
    return list((service.get("spec") or {}).get("ports") or ())


def _ports_of_pod(pod: Json) -> list[tuple[int, str | None]]:
    return [
        (port["containerPort"], port.get("protocol"))
        for container in _containers(pod)
        for port in container.get("ports") or ()
    ]


def _containers(pod: Json) -> list[Json]:
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
