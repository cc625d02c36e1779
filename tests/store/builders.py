"""Objects for tests of the store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from minikubelet.manifest.json_tree import Json
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore
from minikubelet.store.watch import Watch

PODS = ("", "pods")
EVENTS = ("", "events")


def a_key(name: str = "web", namespace: str = "default", storage: tuple[str, str] = PODS) -> Key:
    return Key(*storage, namespace, name)


def a_document(key: Key | None = None, **fields: Any) -> Json:
    key = key or a_key()
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": key.name, "namespace": key.namespace},
        **fields,
    }


def create(store: ObjectStore, key: Key, **fields: Any) -> int:
    return store.create(key, a_document(key, **fields)).resource_version


def replace(store: ObjectStore, key: Key, *, lazily: bool = False, **fields: Any) -> int:
    return store.replace(key, a_document(key, **fields), lazily=lazily).resource_version


def told(watch: Watch) -> list[tuple[str, str, int]]:
    """What a watch has to say at the moment: type, name and version."""
    return [
        (change.type.value, change.object.key.name, change.resource_version)
        for change in watch.ready(1_000_000)
    ]


def left_by_crash(path: Path, directory: Path) -> Path:
    """The files as a crash at this moment would leave them."""
    directory.mkdir()
    for name in path.parent.glob(f"{path.name}*"):
        shutil.copy(name, directory / name.name)
    return directory / path.name
