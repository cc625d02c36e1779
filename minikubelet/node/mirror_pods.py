"""Mirror pods: what the API shows of static pods (L-13).

Role: one object per static pod that is configured or still stops; made again when somebody deletes
or changes it away, replaced when the manifest changes, removed when the static pod has ended.
Invariants: level-triggered; a mirror never reaches the agent as a pod of the API, so whatever
happens to it, the containers are not touched.
Upstream: kubernetes pkg/kubelet/pod, mirror_client.go. Differs: at once, not at the next sync.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minikubelet.clock import Clock, Wakeup
from minikubelet.log import get_logger
from minikubelet.manifest.defaults import fill_resources
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.manifest.static_pods import (
    CONFIG_HASH,
    CONFIG_MIRROR,
    annotations_of,
    is_mirror,
)
from minikubelet.node.desired import DesiredPod
from minikubelet.node.status_writer import PODS, StatusWriter, pod_key
from minikubelet.pod.encode_status import encode_time
from minikubelet.pod.qos import compute_qos_class
from minikubelet.store.objects import Change, ChangeType, Conflict, Key, NotFound, StoredObject
from minikubelet.store.store import ObjectStore

_NAMESPACES = ("", "namespaces")
_NODES = ("", "nodes")

log = get_logger(__name__)

_ANNOTATION = CONFIG_MIRROR.encode()


class MirrorPods:
    """`pods` are the static pods that there are at the moment, newest of a name last; a source that
    has not reported yet is not `ready`."""

    def __init__(
        self,
        store: ObjectStore,
        writer: StatusWriter,
        *,
        clock: Clock,
        node_name: str,
        new_uid: Callable[[], str],
        pods: Callable[[], Iterable[DesiredPod]],
        ready: Callable[[], bool],
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._node_name = node_name
        self._new_uid = new_uid
        self._pods = pods
        self._ready = ready
        self._statuses: dict[str, Json] = {}
        self._in_the_way: set[Key] = set()
        self._wakeup = Wakeup(clock)

    def on_status(self, uid: str, status: Json) -> None:
        """What the worker of a static pod says, by the static pod's UID."""
        self._statuses[uid] = status
        self.wake()

    def wake(self) -> None:
        """Static pods came or went."""
        self._wakeup.set()

    async def run(self) -> None:
        """Until cancelled."""
        unsubscribe = self._store.subscribe(self._on_change)
        try:
            while True:
                self.look()
                await self._wakeup.wait()
                self._wakeup.clear()
        finally:
            unsubscribe()

    def look(self) -> None:
        """Make the mirrors be as the static pods are."""
        wanted: dict[Key, DesiredPod] = {}
        for desired in self._pods():
            if desired.is_static:
                meta = desired.pod.metadata
                wanted[pod_key(meta.namespace, meta.name)] = desired
        for key, desired in wanted.items():
            self._attempt(key, desired)
        if self._ready():
            for stored in self._store.list(PODS):
                if stored.key not in wanted and _is_mirror(stored):
                    self._attempt(stored.key, None)
        self._in_the_way &= wanted.keys()
        uids = {desired.uid for desired in wanted.values()}
        for uid in self._statuses.keys() - uids:
            del self._statuses[uid]

    # --- inside

    def _on_change(self, change: Change) -> None:
        key = change.object.key
        if key.storage == PODS and not self._writer.writing:
            before = change.before or change.object
            if _is_mirror(before) or _is_mirror(change.object) or key in self._in_the_way:
                self.wake()
        elif key.storage == _NAMESPACES and change.type is not ChangeType.DELETED:
            self.wake()

    def _attempt(self, key: Key, desired: DesiredPod | None) -> None:
        try:
            if desired is None:
                self._remove(key)
            else:
                self._ensure(key, desired)
        except (NotFound, Conflict):  # it changed meanwhile, which wakes us
            pass
        except Exception:
            log.exception("cannot mirror static pod", pod=key)

    def _ensure(self, key: Key, desired: DesiredPod) -> None:
        stored = self._store.get(key)
        if stored is not None and not _is_mirror(stored):
            if key not in self._in_the_way:
                log.warning("a pod of the API has the name of a static pod", pod=key)
                self._in_the_way.add(key)
            return
        self._in_the_way.discard(key)
        if stored is not None and not self._fits(stored.document, desired):
            if stored.document["metadata"].get("finalizers"):
                return
            self._store.remove(key)
            stored = None
        if stored is None:
            if not self._namespace_takes(key.namespace):
                return
            stored = self._store.create(key, self._mirror_of(desired))
        status = self._statuses.get(desired.uid)
        if status is not None:
            self._writer.write(key, str(stored.document["metadata"]["uid"]), status)

    def _fits(self, mirror: Json, desired: DesiredPod) -> bool:
        meta = mirror["metadata"]
        annotations = annotations_of(mirror)
        return (
            not meta.get("deletionTimestamp")
            and annotations.get(CONFIG_MIRROR) == annotations_of(desired.document)[CONFIG_HASH]
            and mirror.get("spec") == _spec_of(desired)
        )

    def _remove(self, key: Key) -> None:
        stored = self._store.get(key)
        if stored is not None and not stored.document["metadata"].get("finalizers"):
            self._store.remove(key)

    def _namespace_takes(self, name: str) -> bool:
        namespace = self._store.get(Key(*_NAMESPACES, "", name))
        return namespace is not None and not namespace.document["metadata"].get("deletionTimestamp")

    def _mirror_of(self, desired: DesiredPod) -> Json:
        static = desired.document
        annotations = annotations_of(static)
        meta: dict[str, Any] = {
            **static["metadata"],
            "uid": self._new_uid(),
            "generation": 1,
            "creationTimestamp": encode_time(self._clock.now()),
            "annotations": {**annotations, CONFIG_MIRROR: annotations[CONFIG_HASH]},
        }
        node = self._store.get(Key(*_NODES, "", self._node_name))
        if node is not None:
            meta["ownerReferences"] = [
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "name": self._node_name,
                    "uid": node.document["metadata"].get("uid", ""),
                    "controller": True,
                }
            ]
        status = {"phase": "Pending", "qosClass": str(compute_qos_class(desired.pod))}
        return {**static, "metadata": meta, "spec": _spec_of(desired), "status": status}


def _spec_of(desired: DesiredPod) -> Json:
    """As the API completes it: else every later change of the mirror would change its spec too."""
    spec: Json = copy_json(desired.document["spec"])
    fill_resources(spec)
    return spec


def _is_mirror(stored: StoredObject) -> bool:
    # Most pods are not, and need not be decoded for that.
    return _ANNOTATION in stored.encoded and is_mirror(stored.document)
