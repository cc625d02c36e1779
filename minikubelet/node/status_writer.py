"""Writes what the workers find into the `status` of the stored pods.

Role: status of a worker → object of the store. The rest of the object, and what others write into
its status, stays.
Invariants: a status that changes nothing is not written; writes reach the disk lazily; a pod that
is gone, or another of its name, is left alone.
Upstream: kubernetes pkg/kubelet/status, status_manager.go (mergePodStatus).
"""

from __future__ import annotations

from collections.abc import Callable

from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.static_pods import is_static
from minikubelet.pod.conditions import DISRUPTION_TARGET, is_own_condition
from minikubelet.pod.encode_status import encode_status
from minikubelet.pod.pod_status import PodStatus
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore

PODS = ("", "pods")
_KEPT = ("nominatedNodeName", "resize", "resourceClaimStatuses", "extendedResourceClaimStatus")
"""Of others, in the status."""


def pod_key(namespace: str, name: str) -> Key:
    return Key(*PODS, namespace, name)


class StatusWriter:
    """`on_static` takes the statuses of static pods, whose objects are mirrors."""

    def __init__(
        self, store: ObjectStore, on_static: Callable[[str, Json], None] = lambda uid, status: None
    ) -> None:
        self._store = store
        self._on_static = on_static
        self.writing = False
        """True while a write of this writer is told to those who listen to the store."""

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        """The `StatusListener` of the agent."""
        encoded = encode_status(pod, status)
        meta = pod.metadata
        if is_static({"metadata": {"annotations": meta.annotations}}):
            self._on_static(meta.uid, encoded)
        else:
            self.write(pod_key(meta.namespace, meta.name), meta.uid, encoded)

    def write(self, key: Key, uid: str, encoded: Json) -> None:
        """Merge into the object, if it still has this UID."""
        stored = self._store.get(key)
        if stored is None or stored.document["metadata"].get("uid") != uid:
            return
        document = stored.document
        status = merged_status(encoded, document.get("status") or {})
        if status == document.get("status"):
            return
        self.replace(key, {**document, "status": status}, lazily=True)

    def replace(self, key: Key, document: Json, *, lazily: bool = False) -> None:
        """A write of the agent's own, which it need not hear of."""
        self.writing = True
        try:
            self._store.replace(key, document, lazily=lazily)
        finally:
            self.writing = False


def merged_status(encoded: Json, stored: Json) -> Json:
    """Ours, with what others wrote: conditions of other types as they stand now. The
    DisruptionTarget may be anybody's (L-237)."""
    ours = [
        condition
        for condition in objects_in(encoded, "conditions")
        if not _is_foreign(condition) or condition.get("type") == DISRUPTION_TARGET
    ]
    given = {condition.get("type") for condition in ours}
    foreign = [
        condition
        for condition in objects_in(stored, "conditions")
        if _is_foreign(condition) and condition.get("type") not in given
    ]
    merged = {key: value for key, value in encoded.items() if key != "conditions"}
    merged |= {key: stored[key] for key in _KEPT if key in stored and key not in encoded}
    conditions = [*foreign, *ours]
    return {**merged, "conditions": conditions} if conditions else merged


def _is_foreign(condition: Json) -> bool:
    return not is_own_condition(str(condition.get("type")))
