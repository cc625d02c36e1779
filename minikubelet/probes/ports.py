"""Which number a probe's or hook's port stands for (P-300 … P-303). Pure.

Upstream: kubernetes pkg/probe/util.go, ResolveContainerPort.
"""

from __future__ import annotations

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.go_numbers import parse_int64, why_no_int64
from minikubelet.manifest.pod import Container

MAX_PORT = 65535


class PortError(ValueError):
    """A port that cannot be resolved; the text is the user's."""


def resolve_port(port: int | str, container: Container) -> int:
    """A number as it is; a name as the containerPort of that name in the same container.

    Raises PortError.
    """
    number = port if isinstance(port, int) else _named(port, container)
    if not 1 <= number <= MAX_PORT:
        raise PortError(f"invalid port number: {number}")
    return number


def _named(name: str, container: Container) -> int:
    for port in container.ports:
        if port.name == name:
            return port.container_port
    number = parse_int64(name)
    if number is None:
        raise PortError(f"strconv.Atoi: parsing {go_quote(name)}: {why_no_int64(name)}")
    return number
