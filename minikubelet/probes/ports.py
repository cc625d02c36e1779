"""Which number a probe's or hook's port stands for (P-300 … P-303). Pure.

Upstream: kubernetes pkg/probe/util.go, ResolveContainerPort.
"""

from __future__ import annotations

import re

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.manifest.pod import Container

_DECIMAL = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = 1 << 63


class PortError(ValueError):
    """A port that cannot be resolved; the text is the user's."""


def resolve_port(port: int | str, container: Container) -> int:
    """A number as it is; a name as the containerPort of that name in the same container.

    Raises PortError.
    """
    number = port if isinstance(port, int) else _named(port, container)
    if not 1 <= number <= 65535:
        raise PortError(f"invalid port number: {number}")
    return number


def _named(name: str, container: Container) -> int:
    for port in container.ports:
        if port.name == name:
            return port.container_port
    if not _DECIMAL.fullmatch(name):
        raise PortError(f"strconv.Atoi: parsing {go_quote(name)}: invalid syntax")
    number = int(name)
    if not -_INT64 <= number < _INT64:
        raise PortError(f"strconv.Atoi: parsing {go_quote(name)}: value out of range")
    return number
