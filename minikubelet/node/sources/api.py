"""The pods of the API as a source: bind them, give them to the agent, remove them at the end.

Role: listens to the store and looks at each pod that changed. Pods without a node are bound here,
gated and unschedulable ones wait (L-73, L-74); a deleted pod is removed when it has stopped and
nobody's finalizer holds it (K-43, L-242). Pods of another node are left alone, as a kubelet never
sees them; an Event tells whoever mistyped the name, and a deletion is theirs for the asking, since
no other node will confirm it.
Invariants: level-triggered: what counts is the object as it is when it is looked at; the agent's
own status writes are not looked at; mirror pods belong to `mirror_pods.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikubelet.clock import Clock, Wakeup
from minikubelet.events import EventDraft, EventType
from minikubelet.journal import PodRef
from minikubelet.log import get_logger
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json, objects_in
from minikubelet.manifest.static_pods import is_mirror
from minikubelet.node.admission import NodeFacts
from minikubelet.node.agent import NodeAgent
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.scheduling import bound, gated, unschedulable, why_unschedulable
from minikubelet.node.status_writer import PODS, StatusWriter
from minikubelet.pod.conditions import is_own_condition
from minikubelet.store.objects import Change, ChangeType, Conflict, Key, NotFound, StoredObject
from minikubelet.store.store import ObjectStore

FAILED_SCHEDULING = "FailedScheduling"
OTHER_NODE = "OtherNode"
STATUS_RECONCILE_SECONDS = 10.0
"""So long what somebody else wrote over our part of a status may stand."""
_IGNORED_META = ("resourceVersion", "managedFields", "generation")
_NODES = ("", "nodes")

log = get_logger(__name__)


class ApiSource:
    def __init__(
        self,
        store: ObjectStore,
        agent: NodeAgent,
        writer: StatusWriter,
        *,
        clock: Clock,
        node: Callable[[], NodeFacts],
        write_event: Callable[[EventDraft], object],
    ) -> None:
        self._store = store
        self._agent = agent
        self._writer = writer
        self._clock = clock
        self._node = node
        self._write_event = write_event
        self._dirty: dict[Key, None] = {}
        self._uids: dict[Key, str] = {}
        """Of the pods that the agent has."""
        self._applied: dict[str, Any] = {}
        """By UID: the part of the object that matters, as the agent was given it."""
        self._waiting: dict[Key, str] = {}
        """Pods that wait for the node, and what was told of it."""
        self._elsewhere: dict[Key, str] = {}
        """UIDs of pods that name another node, which was told."""
        self._wakeup = Wakeup(clock)

    async def run(self) -> None:
        """Until cancelled."""
        unsubscribe = self._store.subscribe(self._on_change)
        try:
            for stored in self._store.list(PODS):
                self._look_at(stored.key)
            self._agent.source_ready(PodSourceName.API)
            while True:
                await self._wakeup.wait()
                self._wakeup.clear()
                self.look()
        finally:
            unsubscribe()

    def look(self) -> None:
        """At every pod that has changed."""
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for key in dirty:
                self._look_at(key)

    def on_finished(self, desired: DesiredPod) -> None:
        """Nothing of the pod runs any more: it may be removed, if it was deleted."""
        if desired.source is PodSourceName.API:
            meta = desired.pod.metadata
            self._mark(Key(*PODS, meta.namespace, meta.name))

    # --- inside

    def _on_change(self, change: Change) -> None:
        key = change.object.key
        if key.storage == PODS and not self._writer.writing:
            self._mark(key)
            if change.before is not None and change.type is ChangeType.MODIFIED:
                self._repeat_status_after(change.before.document, change.object)
        elif key.storage == _NODES:  # cordon, taints
            for waiting in self._waiting:
                self._mark(waiting)

    def _repeat_status_after(self, before: Json, written: StoredObject) -> None:
        if before.get("status") != written.document.get("status"):
            at = self._clock.monotonic() + STATUS_RECONCILE_SECONDS
            uid = str(written.document["metadata"].get("uid"))
            self._clock.call_at(at, lambda: self._repeat_status(uid))

    def _repeat_status(self, uid: str) -> None:
        """Upstream's status manager looks for differences at this interval (L-22: RECONCILE)."""
        worker = self._agent.worker(uid)
        if worker is not None and worker.status is not None:
            self._writer.on_status(worker.pod, worker.status)

    def _mark(self, key: Key) -> None:
        self._dirty[key] = None
        self._wakeup.set()

    def _look_at(self, key: Key) -> None:
        try:
            self._apply(key)
        except (NotFound, Conflict):  # it changed meanwhile, and is marked again
            pass
        except Exception:
            # One pod that cannot be read must not hold up the others.
            log.exception("cannot take pod from the API", pod=key)

    def _apply(self, key: Key) -> None:
        stored = self._store.get(key)
        document = None if stored is None or is_mirror(stored.document) else stored.document
        uid = "" if document is None else str(document["metadata"].get("uid"))
        known = self._uids.get(key)
        if known is not None and known != uid:
            self._forget(key, known)
        if document is None or stored is None:
            self._waiting.pop(key, None)
            self._elsewhere.pop(key, None)
            return
        if not document["spec"].get("nodeName") and not self._schedule(key, document):
            return
        self._waiting.pop(key, None)
        stored = self._store.get(key)
        assert stored is not None
        ours = self._is_ours(stored.document, uid)
        if ours:
            self._give(key, uid, stored.document)
        else:
            self._tell_of_other_node(key, uid, stored.document)
        meta = stored.document["metadata"]
        free = meta.get("deletionTimestamp") and not meta.get("finalizers")
        if free and (not ours or self._agent.is_over(uid)):
            self._store.remove(key)

    def _is_ours(self, document: Json, uid: str) -> bool:
        """Also what runs here already is, when the node has another name since."""
        named: str = document["spec"]["nodeName"]
        return named == self._node().name or uid in self._agent.known_containers()

    def _tell_of_other_node(self, key: Key, uid: str, document: Json) -> None:
        if self._elsewhere.get(key) == uid:
            return
        self._elsewhere[key] = uid
        named, ours = document["spec"]["nodeName"], self._node().name
        message = f'Nothing runs the Pod: it names the node "{named}", and this one is "{ours}"'
        self._warn(document, OTHER_NODE, message)

    def _forget(self, key: Key, uid: str) -> None:
        del self._uids[key]
        self._applied.pop(uid, None)
        self._agent.drop_pod(PodSourceName.API, uid)

    def _give(self, key: Key, uid: str, document: Json) -> None:
        part = _part_of_interest(document)
        if self._applied.get(uid) == part:
            return
        self._uids[key] = uid
        self._applied[uid] = part
        node_name = document["spec"]["nodeName"] if _was_bound(document) else ""
        self._agent.set_pod(
            DesiredPod(decode_pod(document), document, PodSourceName.API, node_name)
        )

    # --- scheduling

    def _schedule(self, key: Key, document: Json) -> bool:
        """Bind the pod; False while it has to wait."""
        if document["metadata"].get("deletionTimestamp"):
            return False  # the API server removes it
        now, node = self._clock.now(), self._node()
        if document["spec"].get("schedulingGates"):
            self._waiting.pop(key, None)
            self._replace(key, gated(document, now))
            return False
        why = why_unschedulable(document, node)
        if why is None:
            self._replace(key, bound(document, node.name, now))
            return True
        if self._waiting.get(key) != why:
            self._waiting[key] = why
            self._replace(key, unschedulable(document, now, why))
            self._warn(document, FAILED_SCHEDULING, why)
        return False

    def _warn(self, document: Json, reason: str, message: str) -> None:
        self._write_event(
            EventDraft(
                at=self._clock.now(),
                pod=PodRef.of(decode_pod(document).metadata),
                type=EventType.WARNING,
                reason=reason,
                message=message,
            )
        )

    def _replace(self, key: Key, document: Json) -> None:
        self._writer.replace(key, document)


def _was_bound(document: Json) -> bool:
    """Whether a node was chosen for the pod, by us or another scheduler, and its worker has not
    spoken yet: also an earlier daemon may have done that, and no more. A pod that named its node
    itself was not scheduled."""
    status: Json = document.get("status") or {}
    return not status.get("startTime") and any(
        condition.get("type") == "PodScheduled" and condition.get("status") == "True"
        for condition in objects_in(status, "conditions")
    )


def _part_of_interest(document: Json) -> Any:
    """What the agent acts on: all but what it writes itself, and bookkeeping."""
    meta = {k: v for k, v in document["metadata"].items() if k not in _IGNORED_META}
    conditions = objects_in(document.get("status") or {}, "conditions")
    foreign = [c for c in conditions if not is_own_condition(str(c.get("type")))]
    return meta, document["spec"], foreign
