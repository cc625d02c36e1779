"""Owner references: what goes with its owner, and what stays (K-45).

Role: deletes dependents whose owners are all gone, holds an owner that is deleted in the foreground
until its dependents are gone, and takes the reference out of those that are to be orphaned.
Upstream: pkg/controller/garbagecollector. Differs: there is one store to look into, so an owner's
absence is known and not guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from minikubelet.apiserver.deleting import DeleteOptions, ObjectDeleter
from minikubelet.apiserver.metadata import FOREGROUND_FINALIZER, finalizers, uid_of
from minikubelet.apiserver.requests import Target
from minikubelet.apiserver.responses import ApiError
from minikubelet.apiserver.writing import is_finished
from minikubelet.log import get_logger
from minikubelet.manifest.json_tree import Json, copy_json, objects_in
from minikubelet.store.kinds import RESOURCES, Resource, Serving, resource_of
from minikubelet.store.objects import Change, ChangeType, Key, StoredObject
from minikubelet.store.store import ObjectStore

log = get_logger(__name__)

_KINDS = {
    resource.storage: resource
    for resource in RESOURCES
    if resource.serving is Serving.STORED and resource.stored_as is None
}


class GarbageCollector:
    def __init__(self, store: ObjectStore, deleter: ObjectDeleter) -> None:
        self._store = store
        self._deleter = deleter
        self._dependents: defaultdict[str, set[Key]] = defaultdict(set)
        """By the UID of the owner."""
        self._suspects: set[Key] = set()
        self._waiting: set[Key] = set()
        """Owners that are deleted in the foreground."""
        for storage in _KINDS:
            for stored in store.list(storage):
                self._note(stored)

    def observe(self, change: Change) -> bool:
        stored, key = change.object, change.object.key
        if change.before is not None:
            for uid in _owners(change.before):
                self._drop(uid, key)
        if change.type is ChangeType.DELETED:
            if self._dependents:
                self._suspects |= self._dependents.get(uid_of(stored.document), set())
            self._waiting.discard(key)
            return bool(self._suspects or self._waiting)
        self._note(stored)
        return bool(self._suspects or self._waiting)

    def work(self) -> None:
        suspects, self._suspects = self._suspects, set()
        for key in sorted(suspects):
            if (stored := self._store.get(key)) is not None:
                self._collect(stored)
        for key in sorted(self._waiting):
            if (stored := self._store.get(key)) is not None:
                self._finish_foreground(stored)

    def orphan(self, uid: str) -> None:
        """Take the reference to `uid` out of everything that has it."""
        for key in sorted(self._dependents.get(uid, ())):
            if (stored := self._store.get(key)) is not None:
                self._keep_owners(stored, lambda reference: reference.get("uid") != uid)

    def _note(self, stored: StoredObject) -> None:
        owners = _owners(stored)
        for uid in owners:
            self._dependents[uid].add(stored.key)
        if owners and not stored.document["metadata"].get("deletionTimestamp"):
            self._suspects.add(stored.key)
        if FOREGROUND_FINALIZER.encode() in stored.encoded and _is_waiting(stored.document):
            self._waiting.add(stored.key)

    def _drop(self, uid: str, key: Key) -> None:
        self._dependents[uid].discard(key)
        if not self._dependents[uid]:
            del self._dependents[uid]

    def _collect(self, stored: StoredObject) -> None:
        document = stored.document
        references = list(objects_in(document["metadata"], "ownerReferences"))
        if not references or document["metadata"].get("deletionTimestamp"):
            return
        present = [r for r in references if self._is_there(r, stored.key.namespace)]
        if len(present) == len(references):
            return
        if present:
            self._keep_owners(stored, lambda reference: reference in present)
        else:
            self._delete(stored)

    def _is_there(self, reference: Json, namespace: str) -> bool:
        """An owner of a kind that is not kept here is taken to exist, and so is one in a namespace
        of which nobody can say which: upstream leaves its dependents alone too."""
        resource = resource_of(str(reference.get("apiVersion")), str(reference.get("kind")))
        if resource is None or resource.serving is not Serving.STORED:
            return True
        if resource.namespaced and not namespace:
            return True
        place = namespace if resource.namespaced else ""
        owner = self._store.get(Key(*resource.storage, place, str(reference.get("name"))))
        return owner is not None and uid_of(owner.document) == reference.get("uid")

    def _keep_owners(self, stored: StoredObject, keep: Callable[[Json], bool]) -> None:
        document = stored.document | {"metadata": copy_json(stored.document["metadata"])}
        kept = [r for r in objects_in(document["metadata"], "ownerReferences") if keep(r)]
        document["metadata"]["ownerReferences"] = kept
        if not kept:
            del document["metadata"]["ownerReferences"]
        self._store.replace(stored.key, document)

    def _finish_foreground(self, owner: StoredObject) -> None:
        blocking = False
        for stored, reference in self._dependents_of(owner):
            if not stored.document["metadata"].get("deletionTimestamp"):
                self._delete(stored)
            still_there = self._store.get(stored.key) is not None
            blocking = blocking or (still_there and bool(reference.get("blockOwnerDeletion")))
        if blocking:
            return
        document = owner.document | {"metadata": copy_json(owner.document["metadata"])}
        left = [name for name in finalizers(document) if name != FOREGROUND_FINALIZER]
        document["metadata"]["finalizers"] = left
        if not left:
            del document["metadata"]["finalizers"]
        self._waiting.discard(owner.key)
        self._store.replace(owner.key, document)
        if is_finished(_kind_of(owner), document):
            self._store.remove(owner.key)

    def _dependents_of(self, owner: StoredObject) -> Iterator[tuple[StoredObject, Json]]:
        uid = uid_of(owner.document)
        for key in sorted(self._dependents.get(uid, ())):
            stored = self._store.get(key)
            if stored is not None:
                for reference in objects_in(stored.document["metadata"], "ownerReferences"):
                    if reference.get("uid") == uid:
                        yield stored, reference

    def _delete(self, stored: StoredObject) -> None:
        key = stored.key
        try:
            self._deleter.delete(Target(_kind_of(stored), key.namespace, key.name), DeleteOptions())
        except ApiError as error:  # one that may not go holds up no other
            log.warning("cannot collect an object whose owners are gone", key=key, why=error)


def _owners(stored: StoredObject) -> list[str]:
    """Their UIDs. Most objects have none: a look at the bytes saves decoding each version."""
    if b'"ownerReferences"' not in stored.encoded:
        return []
    meta = stored.document["metadata"]
    return [str(reference.get("uid")) for reference in objects_in(meta, "ownerReferences")]


def _is_waiting(document: Json) -> bool:
    return bool(
        document["metadata"].get("deletionTimestamp")
        and FOREGROUND_FINALIZER in finalizers(document)
    )


def _kind_of(stored: StoredObject) -> Resource:
    return _KINDS[stored.key.storage]
