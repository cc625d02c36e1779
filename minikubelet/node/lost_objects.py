"""Pods whose objects a damaged database has lost.

Role: puts them back into the store from what their workers kept, so that what runs goes on.
Invariants: only after damage: else a pod that the store does not have was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json
from minikubelet.node.desired import PodSourceName
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.status_writer import pod_key
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore

log = get_logger(__name__)


def restore_lost_pods(store: ObjectStore, pods: Iterable[RestoredPod]) -> None:
    """Does nothing unless the store was damaged when it was opened."""
    if not store.recovered:
        return
    for pod in pods:
        if pod.source == PodSourceName.API and pod.document is not None:
            _restore(store, pod.document)


def _restore(store: ObjectStore, document: Json) -> None:
    meta = document["metadata"]
    key = pod_key(meta["namespace"], meta["name"])
    if store.get(key) is not None:
        return
    namespace = Key("", "namespaces", "", meta["namespace"])
    if store.get(namespace) is None:
        store.create(
            namespace,
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": namespace.name,
                    # Of the first pod found in it: there is no better one left.
                    "uid": meta["uid"],
                    "creationTimestamp": meta["creationTimestamp"],
                },
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            },
        )
    store.create(key, document)
    log.warning("pod was lost from the database, and goes on", pod=f"{key.namespace}/{key.name}")
