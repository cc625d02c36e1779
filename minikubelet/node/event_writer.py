"""Writes Events into the store, where `kubectl get events` and `describe` find them.

Role: counts what the journal tells (events.py) and keeps one object per Event. Goes on where an
earlier daemon ended: its objects are counted on, and records of the journal that it had no time to
tell are told now, so that no Event is lost or doubled.
Invariants: `on_record` and `write` never wait and never write, since they may be called by those
whom the store tells of a change; `run()` writes. An Event lives for an hour after it was written
last (L-272 has no such rule; it is the API server's default); a namespace has a bounded number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import timedelta

from minikubelet.clock import Clock, Wakeup
from minikubelet.events import Event, EventDraft, EventRecorder, events_of
from minikubelet.journal import Record
from minikubelet.journal_reading import JournalReader
from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.static_pods import running_uid
from minikubelet.node.event_objects import (
    event_document,
    event_from_document,
    last_written,
    namespace_of,
    updated_document,
)
from minikubelet.store.objects import Key, NotFound
from minikubelet.store.store import ObjectStore

log = get_logger(__name__)

TTL = timedelta(hours=1)
PER_NAMESPACE = 2000
POSITION = "events.position"
"""Where the store keeps up to which record of the journal everything was told."""
_EXPIRY_SECONDS = 60.0
_EVENTS = ("", "events")


class EventWriter:
    """Subscribe `on_record` to the journal, behind the journal's file; call `start()` once before
    anything is recorded, then `run()`."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        clock: Clock,
        node_name: str,
        new_uid: Callable[[], str],
        journal: JournalReader | None = None,
        ttl: timedelta = TTL,
        per_namespace: int = PER_NAMESPACE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._node_name = node_name
        self._new_uid = new_uid
        self._journal = journal
        self._ttl = ttl
        self._per_namespace = per_namespace
        self._recorder = EventRecorder()
        self._pending: list[EventDraft] = []
        self._position: int | None = None
        """Of the newest record that `_pending` covers."""
        self._wakeup = Wakeup(clock)
        self._written: dict[str, OrderedDict[str, None]] = {}
        """Names by namespace, least recently written first."""

    def on_record(self, record: Record) -> None:
        """A subscriber of the journal."""
        if drafts := events_of(record):
            self._position = self._journal.position if self._journal else None
            self._pending += drafts
            self._wakeup.set()

    def write(self, draft: EventDraft) -> None:
        """For what no record stands for: a refused manifest, news of the node."""
        self._pending.append(draft)
        self._wakeup.set()

    def start(self) -> None:
        """Take over what is in the store, and tell what the journal alone knows."""
        events = [
            event
            for stored in self._store.list(_EVENTS)
            if (event := event_from_document(stored.document, self._node_name)) is not None
        ]
        for event in sorted(events, key=lambda event: event.last_timestamp):
            self._recorder.restore(event)
            self._note_written(event)
        if self._journal is not None:
            self._replay(self._journal)

    async def run(self) -> None:
        """Write until cancelled, and what is left then."""
        expire_at = self._clock.monotonic()
        try:
            while True:
                self._wakeup.clear()
                self.flush()
                if self._clock.monotonic() >= expire_at:
                    self._expire()
                    expire_at = self._clock.monotonic() + _EXPIRY_SECONDS
                await self._wakeup.wait(expire_at)
        finally:
            self.flush()

    def flush(self) -> None:
        """Write what was told. Each Event once, and together with the position: without a wait in
        between, all of it reaches the disk or nothing."""
        pending, self._pending = self._pending, []
        events: dict[tuple[str, str], Event] = {}
        for draft in pending:
            event = self._recorder.add(draft)
            events[namespace_of(event), event.name] = event
        for event in events.values():
            try:
                self._put(event)
            except Exception:
                log.exception("cannot write an event", pod=event.pod, reason=event.reason)
        if self._position is not None:
            self._store.set_meta(POSITION, str(self._position))
            self._position = None

    def _replay(self, journal: JournalReader) -> None:
        known = self._store.get_meta(POSITION)
        # Numbers of records that a full disk has swallowed are used again.
        since = min(int(known), journal.position) if known and known.isdecimal() else 0
        newest_gone = self._clock.now() - self._ttl
        for entry in journal.records(since):
            if entry.record.known_at > newest_gone:
                self._pending += events_of(entry.record)
        self._position = journal.position
        self.flush()

    def _put(self, event: Event) -> None:
        namespace = namespace_of(event)
        if not self._may_have_events(namespace):
            return
        key = Key(*_EVENTS, namespace, event.name)
        version = self._version_of(event)
        current = self._store.get(key)
        if current is not None:
            document = updated_document(current.document, event, resource_version=version)
            self._store.replace(key, document, lazily=True)
        else:
            document = event_document(
                event,
                node_name=self._node_name,
                uid=self._new_uid(),
                now=self._clock.now(),
                resource_version=version,
            )
            self._store.create(key, document)
        self._note_written(event)

    def _may_have_events(self, namespace: str) -> bool:
        """Not a namespace that goes or is gone: its Events would stay behind."""
        stored = self._store.get(Key("", "namespaces", "", namespace))
        if stored is None:
            return not self._store.list(("", "namespaces"))
        return not stored.document["metadata"].get("deletionTimestamp")

    def _version_of(self, event: Event) -> str:
        """That of the object as the API has it; empty if it is gone."""
        plural = "nodes" if event.kind == "Node" else "pods"
        stored = self._store.get(Key("", plural, event.pod.namespace, event.pod.name))
        if stored is None:
            return ""
        metadata: Json = stored.document["metadata"]
        uids = (metadata.get("uid"), running_uid(stored.document))
        same = event.kind == "Node" or event.pod.uid in uids
        return str(stored.resource_version) if same else ""

    # --- bounds

    def _note_written(self, event: Event) -> None:
        namespace = namespace_of(event)
        names = self._written.setdefault(namespace, OrderedDict())
        names[event.name] = None
        names.move_to_end(event.name)
        surplus = len(names) - self._per_namespace
        if surplus > 0:
            self._remove([Key(*_EVENTS, namespace, name) for name in list(names)[:surplus]])

    def _expire(self) -> None:
        limit = (self._clock.now() - self._ttl).strftime("%Y-%m-%dT%H:%M:%SZ")
        stored = self._store.list(_EVENTS)
        self._remove([item.key for item in stored if last_written(item.document) < limit])
        self._forget_removed()

    def _forget_removed(self) -> None:
        """Events that went otherwise, as with their namespace."""
        for namespace, names in tuple(self._written.items()):
            for name in tuple(names):
                if self._store.get(Key(*_EVENTS, namespace, name)) is None:
                    del names[name]
            if not names:
                del self._written[namespace]

    def _remove(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if key.namespace in self._written:
                self._written[key.namespace].pop(key.name, None)
            try:
                self._store.remove(key)
            except NotFound:
                continue  # somebody else has removed it
