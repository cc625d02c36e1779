"""What every Kubernetes object carries. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """The parts of `metadata` that minikubelet acts on."""

    name: str = ""
    namespace: str = "default"
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    generate_name: str = ""
    generation: int = 1
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    deletion_grace_period_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap as its users see it: `data` and `binary_data` merged into `files` by volumes,
    `data` alone by env."""

    metadata: ObjectMeta
    data: Mapping[str, str] = field(default_factory=dict)
    binary_data: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret with `data` decoded from base64 and `stringData` merged over it."""

    metadata: ObjectMeta
    data: Mapping[str, bytes] = field(default_factory=dict)
    type: str = "Opaque"
