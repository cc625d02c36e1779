"""Keeps the Node object and its lease alive in the store.

Role: makes them at start, renews the lease every 10 s, writes the status every 5 minutes and
whenever something in it has changed; tells the Events of the node.
Invariants: what users write into the Node stays; a deleted Node comes back with the next renewal,
since without it nothing here can be looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from minikubelet.clock import Clock
from minikubelet.events import EventDraft, EventType
from minikubelet.journal import PodRef
from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json
from minikubelet.node.admission import NodeFacts
from minikubelet.node.former_names import LEASE_NAMESPACE, LEASES, NODES, FormerNames
from minikubelet.node.host_facts import HostFacts, Pressure, read_pressure
from minikubelet.node.node_object import (
    NodeIdentity,
    lease_document,
    micro_time,
    node_document,
    node_facts,
)
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore

RENEW_SECONDS = 10.0
REPORT_SECONDS = 300.0
_BEATS = ("lastHeartbeatTime",)

log = get_logger(__name__)


class NodePublisher:
    def __init__(
        self,
        store: ObjectStore,
        identity: NodeIdentity,
        host: HostFacts,
        *,
        clock: Clock,
        state_dir: Path,
        new_uid: Callable[[], str],
        write_event: Callable[[EventDraft], object],
    ) -> None:
        self._store = store
        self._identity = identity
        self._host = host
        self._clock = clock
        self._state_dir = state_dir
        self._new_uid = new_uid
        self._write_event = write_event
        self._key = Key(*NODES, "", identity.name)
        self._former = FormerNames(store, identity.name)
        self._reported_at: float | None = None

    def facts(self) -> NodeFacts:
        """The node as pods are measured against it, with its labels and taints of now."""
        return node_facts(self._identity, self._document(), self._host)

    def start(self) -> None:
        """Make or renew the Node before anything refers to it."""
        before = self._document()
        self._former.note()
        self.beat(Pressure())
        self._event("Starting", "Starting kubelet.")
        boot_id = ((before or {}).get("status") or {}).get("nodeInfo", {}).get("bootID", "")
        if before is not None and boot_id != self._host.boot_id:
            name, boot = self._identity.name, self._host.boot_id
            text = f"Node {name} has been rebooted, boot id: {boot}"
            self._event("Rebooted", text, EventType.WARNING)
        if before is None:
            self._event("NodeReady", f"Node {self._identity.name} status is now: NodeReady")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            try:
                pressure = await asyncio.to_thread(read_pressure, self._state_dir)
                self.beat(pressure)
            except Exception:
                # The node goes on without a fresh heartbeat.
                log.exception("cannot publish the node")

    def beat(self, pressure: Pressure) -> None:
        """One heartbeat."""
        self._publish(pressure)
        self._renew_lease()
        self._former.remove_unused()

    def _document(self) -> Json | None:
        stored = self._store.get(self._key)
        return None if stored is None else stored.document

    def _publish(self, pressure: Pressure) -> None:
        stored = self._document()
        now = self._clock.now()
        uid = "" if stored else self._new_uid()
        document = node_document(self._identity, self._host, pressure, now, stored=stored, uid=uid)
        if stored is None:
            self._store.create(self._key, document)
        elif not self._is_due() and _without_beats(document) == _without_beats(stored):
            return
        else:
            self._store.replace(self._key, document, lazily=True)
        self._reported_at = self._clock.monotonic()

    def _is_due(self) -> bool:
        reported = self._reported_at
        return reported is None or self._clock.monotonic() >= reported + REPORT_SECONDS

    def _renew_lease(self) -> None:
        key = Key(*LEASES, LEASE_NAMESPACE, self._identity.name)
        stored, now = self._store.get(key), self._clock.now()
        if stored is None:
            node_uid = str((self._document() or {"metadata": {}})["metadata"].get("uid", ""))
            lease = lease_document(self._identity, now, uid=self._new_uid(), node_uid=node_uid)
            self._store.create(key, lease)
            return
        spec = {**(stored.document.get("spec") or {}), "renewTime": micro_time(now)}
        self._store.replace(key, {**stored.document, "spec": spec}, lazily=True)

    def _event(self, reason: str, message: str, type_: EventType = EventType.NORMAL) -> None:
        name = self._identity.name
        self._write_event(
            EventDraft(
                at=self._clock.now(),
                pod=PodRef("", name, name),
                type=type_,
                reason=reason,
                message=message,
                kind="Node",
            )
        )


def _without_beats(document: Json) -> Json:
    status: Json = document.get("status") or {}
    conditions = [
        {key: value for key, value in condition.items() if key not in _BEATS}
        for condition in status.get("conditions") or ()
    ]
    return {**document, "status": {**status, "conditions": conditions}}
