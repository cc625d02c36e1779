"""Facts about the node that rules and environments read. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from minikubelet.manifest.meta import ConfigMap, Secret
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class NodeInfo:
    name: str
    ip: str = "127.0.0.1"
    labels: Mapping[str, str] = field(default_factory=dict)
    cpu_count: int = 1
    memory_bytes: int = 0
    ephemeral_storage_bytes: int = 0
    """Size of the file system that holds the pods' volumes and logs."""


class ObjectLookup(Protocol):
    """Where environments and volumes find ConfigMaps and Secrets; None when there is no such
    object."""

    def config_map(self, namespace: str, name: str) -> ConfigMap | None: ...

    def secret(self, namespace: str, name: str) -> Secret | None: ...
