"""Which ConfigMaps and Secrets a pod uses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from minikubelet.manifest.json_tree import Json, objects_in

ObjectRef = tuple[str, str]
"""Plural (`configmaps`, `secrets`) and name, in the pod's namespace."""


def objects_used(document: Json) -> frozenset[ObjectRef]:
    spec: Json = document.get("spec") or {}
    return frozenset(ref for ref in (*_by_containers(spec), *_by_volumes(spec)) if ref[1])


def _by_containers(spec: Json) -> Iterator[ObjectRef]:
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in objects_in(spec, group):
            for env in objects_in(container, "env"):
                source: Mapping[str, Any] = env.get("valueFrom") or {}
                yield "configmaps", _name(source, "configMapKeyRef")
                yield "secrets", _name(source, "secretKeyRef")
            for source in objects_in(container, "envFrom"):
                yield "configmaps", _name(source, "configMapRef")
                yield "secrets", _name(source, "secretRef")


def _by_volumes(spec: Json) -> Iterator[ObjectRef]:
    for volume in objects_in(spec, "volumes"):
        yield "configmaps", _name(volume, "configMap")
        yield "secrets", _name(volume, "secret", "secretName")
        for source in objects_in(volume.get("projected") or {}, "sources"):
            yield "configmaps", _name(source, "configMap")
            yield "secrets", _name(source, "secret")


def _name(source: Mapping[str, Any], key: str, member: str = "name") -> str:
    return str((source.get(key) or {}).get(member) or "")
