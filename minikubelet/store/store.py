"""Kubernetes objects by key: versions, conflicts, watches.

Role: the state that the API server, the node agent and the controllers share. It knows no rule of
Kubernetes beyond `metadata.resourceVersion`.
Invariants: all calls come from one event loop; reads and writes take effect at once, so that a
read-modify-write without an await between is atomic, and what is written without an await between
reaches the disk in one transaction; one counter numbers all writes (K-29) and no number is used
twice, not even after a crash; a write that changes nothing makes no version (K-36).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json
from minikubelet.store.encoding import encode, same_json
from minikubelet.store.history import History, HistoryLimits
from minikubelet.store.objects import (
    AlreadyExists,
    Change,
    ChangeType,
    Conflict,
    Expired,
    Key,
    NotFound,
    StoredObject,
)
from minikubelet.store.persisted import Persisted
from minikubelet.store.watch import Watch

log = get_logger(__name__)


class Disk(Protocol):
    """Where writes are kept: nowhere, or `write_behind.WriteBehind`."""

    @property
    def failing(self) -> str: ...
    @property
    def recovered(self) -> tuple[str, ...]: ...
    async def open(self, state: Callable[[], Persisted]) -> Persisted: ...
    def changed(self, change: Change, *, lazily: bool) -> None: ...
    def forgotten(self, changes: Sequence[Change]) -> None: ...
    def set_meta(self, name: str, value: str, *, lazily: bool) -> None: ...
    async def durable(self, resource_version: int) -> None: ...
    async def close(self) -> None: ...


class _Objects:
    """The objects of one storage, sorted."""

    def __init__(self) -> None:
        self.by_name: dict[tuple[str, str], StoredObject] = {}
        self._names: list[tuple[str, str]] = []

    def put(self, stored: StoredObject) -> None:
        name = (stored.key.namespace, stored.key.name)
        if name not in self.by_name:
            insort(self._names, name)
        self.by_name[name] = stored

    def drop(self, key: Key) -> None:
        name = (key.namespace, key.name)
        del self.by_name[name]
        del self._names[bisect_left(self._names, name)]

    def list(self, namespace: str | None) -> list[StoredObject]:
        names = self._names
        if namespace is not None:
            begin = bisect_left(names, (namespace, ""))
            # A namespace sorts directly before itself with the least character added.
            names = names[begin : bisect_left(names, (namespace + "\0", ""))]
        return [self.by_name[name] for name in names]


class ObjectStore:
    def __init__(self, disk: Disk, limits: HistoryLimits | None = None) -> None:
        self.resource_version = 1
        """Of the newest write; never 0, which means "any" to clients."""
        self._disk = disk
        self._limits = limits or HistoryLimits()
        self._history = History(self._limits)
        self._lost: tuple[tuple[int, int], ...] = ()
        self._storages: dict[tuple[str, str], _Objects] = {}
        self._meta: dict[str, str] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._telling = False

    @property
    def failing(self) -> str:
        """Why the disk takes no writes at the moment; empty while all is well."""
        return self._disk.failing

    @property
    def recovered(self) -> tuple[str, ...]:
        """What had to be mended at the start, and what was lost; for people."""
        return self._disk.recovered

    async def open(self) -> None:
        """Read what an earlier process left. StoreWriteError when the file cannot be used."""
        self._load(await self._disk.open(self._persisted))

    async def close(self) -> None:
        """Write what is left. StoreWriteError when the disk does not take it."""
        await self._disk.close()

    def get(self, key: Key) -> StoredObject | None:
        objects = self._storages.get(key.storage)
        return objects.by_name.get((key.namespace, key.name)) if objects else None

    def list(
        self, storage: tuple[str, str], namespace: str | None = None
    ) -> Sequence[StoredObject]:
        """Sorted by namespace and name; None means all namespaces."""
        objects = self._storages.get(storage)
        return objects.list(namespace) if objects else []

    def create(self, key: Key, document: Json, *, lazily: bool = False) -> StoredObject:
        """`lazily`, here and below: may reach the disk up to 100 ms later, and by itself."""
        if self.get(key) is not None:
            raise AlreadyExists(key)
        return self._write(ChangeType.ADDED, key, document, None, lazily=lazily)

    def replace(
        self, key: Key, document: Json, *, expected: int | None = None, lazily: bool = False
    ) -> StoredObject:
        """Equal content makes no new version (K-36)."""
        current = self._current(key, expected)
        if same_json(_with_version(document, current.resource_version), current.document):
            return current
        return self._write(ChangeType.MODIFIED, key, document, current, lazily=lazily)

    def remove(
        self, key: Key, *, expected: int | None = None, lazily: bool = False
    ) -> StoredObject:
        """Returns the last state with a fresh version."""
        current = self._current(key, expected)
        return self._write(ChangeType.DELETED, key, current.document, current, lazily=lazily)

    async def durable(self, resource_version: int) -> None:
        """Return when all writes up to this version are on disk. StoreWriteError."""
        await self._disk.durable(resource_version)

    def watch(
        self, storage: tuple[str, str], namespace: str | None = None, *, since: int | None = None
    ) -> Watch:
        """Changes that are newer than `since`; None means from now on."""
        since = self.resource_version if since is None else since
        changes = self._history.log(storage)
        if since < changes.floor:
            raise Expired(since, changes.floor)
        # Such a version was never ours, or a crash took it before it was on disk: whoever has it
        # may have seen a state that never was.
        if since > self.resource_version or any(low <= since <= high for low, high in self._lost):
            raise Expired(since, self.resource_version)
        return Watch(changes, namespace, since, lambda: self.resource_version)

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Told synchronously, after each write; must not write (schedule it). Returns how to
        unsubscribe."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    def get_meta(self, name: str) -> str | None:
        return self._meta.get(name)

    def set_meta(self, name: str, value: str, lazily: bool = True) -> None:
        """A small durable value of the daemon's own."""
        if self._meta.get(name) != value:
            self._meta[name] = value
            self._disk.set_meta(name, value, lazily=lazily)

    def _current(self, key: Key, expected: int | None) -> StoredObject:
        current = self.get(key)
        if current is None:
            raise NotFound(key)
        if expected is not None and expected != current.resource_version:
            raise Conflict(key)
        return current

    def _write(
        self,
        kind: ChangeType,
        key: Key,
        document: Json,
        before: StoredObject | None,
        *,
        lazily: bool = False,
    ) -> StoredObject:
        if self._telling:
            raise RuntimeError(f"a listener of the store must not write ({key}): schedule it")
        version = self.resource_version + 1
        # Only the bytes are kept: the caller's document stays the caller's.
        stored = StoredObject(key, None, version, encode(_with_version(document, version)))
        self.resource_version = version
        objects = self._storages.setdefault(key.storage, _Objects())
        if kind is ChangeType.DELETED:
            objects.drop(key)
        else:
            objects.put(stored)
        change = Change(kind, stored, before, version)
        self._disk.changed(change, lazily=lazily)
        self._remember(change)
        self._tell(change)
        return stored

    def _remember(self, change: Change) -> None:
        if forgotten := self._history.append(change):
            self._disk.forgotten(forgotten)

    def _tell(self, change: Change) -> None:
        self._telling = True
        try:
            for callback in tuple(self._listeners):
                try:
                    callback(change)
                except Exception:
                    log.exception("listener of the store failed", key=change.object.key)
        finally:
            self._telling = False

    def _load(self, persisted: Persisted) -> None:
        self.resource_version = persisted.resource_version
        self._lost = persisted.lost
        self._meta = dict(persisted.meta)
        self._history = History(self._limits, persisted.floor)
        for stored in persisted.objects:
            self._storages.setdefault(stored.key.storage, _Objects()).put(stored)
        for change in persisted.changes:
            self._remember(change)

    def _persisted(self) -> Persisted:
        return Persisted(
            objects=tuple(
                stored for objects in self._storages.values() for stored in objects.list(None)
            ),
            changes=tuple(self._history.changes),
            resource_version=self.resource_version,
            meta=dict(self._meta),
        )


class _Nowhere:
    """No disk: `run` and `check` keep their objects in memory."""

    failing = ""
    recovered: tuple[str, ...] = ()

    async def open(self, state: Callable[[], Persisted]) -> Persisted:
        return state()

    def changed(self, change: Change, *, lazily: bool) -> None:
        pass

    def forgotten(self, changes: Sequence[Change]) -> None:
        pass

    def set_meta(self, name: str, value: str, *, lazily: bool) -> None:
        pass

    async def durable(self, resource_version: int) -> None:
        pass

    async def close(self) -> None:
        pass


def memory_store(limits: HistoryLimits | None = None) -> ObjectStore:
    return ObjectStore(_Nowhere(), limits)


def sqlite_store(path: Path, clock: Clock, limits: HistoryLimits | None = None) -> ObjectStore:
    """Kept in one SQLite file; call `open` first."""
    # Late: who keeps nothing needs no database.
    from minikubelet.store.write_behind import WriteBehind

    return ObjectStore(WriteBehind(path, clock), limits)


def _with_version(document: Json, version: int) -> Json:
    metadata = document.get("metadata") or {}
    return {**document, "metadata": {**metadata, "resourceVersion": str(version)}}
