"""Namespaces: those that always exist, what each has, and how one ends.

Role: makes the four system namespaces and a ServiceAccount `default` in each; empties a namespace
that is being deleted, and removes it when nothing is left. Upstream: pkg/controller/namespace,
pkg/controller/serviceaccount.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.deleting import PROTECTED_NAMESPACES, DeleteOptions, ObjectDeleter
from minikubelet.apiserver.requests import Target, WriteOptions
from minikubelet.apiserver.services import ApiServices
from minikubelet.apiserver.strategies.cluster import CONTENT_FINALIZER
from minikubelet.apiserver.writing import ObjectWriter, is_finished
from minikubelet.manifest.json_tree import Json, copy_json
from minikubelet.store.kinds import RESOURCES, Resource, Serving, known_resource
from minikubelet.store.objects import Change, ChangeType, Key, StoredObject

_DEFAULT_ACCOUNT = "default"
_NAMESPACES = ("", "namespaces")
_EVENTS = ("", "events")
_CONTENT = tuple(
    resource
    for resource in RESOURCES
    if resource.namespaced and resource.serving is Serving.STORED and resource.stored_as is None
)


class NamespaceKeeper:
    def __init__(self, services: ApiServices, writer: ObjectWriter, deleter: ObjectDeleter) -> None:
        self._store = services.store
        self._writer = writer
        self._deleter = deleter
        self._stray_events: set[Key] = set()

    def observe(self, change: Change) -> bool:
        key = change.object.key
        if key.storage == _NAMESPACES:
            return True
        if not key.namespace:
            return False
        if key.storage == ("", "serviceaccounts") and change.type is ChangeType.DELETED:
            return True
        namespace = self._store.get(Key(*_NAMESPACES, "", key.namespace))
        if namespace is None:
            # Written by the node while its namespace went away.
            if key.storage == _EVENTS and change.type is ChangeType.ADDED:
                self._stray_events.add(key)
                return True
            return False
        return _is_ending(namespace)

    def work(self) -> None:
        for name in sorted(PROTECTED_NAMESPACES):
            self._make("namespaces", "", name)
        for namespace in self._store.list(_NAMESPACES):
            if _is_ending(namespace):
                self._empty(namespace)
            else:
                self._make("serviceaccounts", namespace.key.name, _DEFAULT_ACCOUNT)
        strays, self._stray_events = self._stray_events, set()
        for key in strays:
            if self._store.get(key) and not self._store.get(Key(*_NAMESPACES, "", key.namespace)):
                self._store.remove(key)

    def _make(self, plural: str, namespace: str, name: str) -> None:
        resource = _core(plural)
        target = Target(resource, namespace)
        if self._store.get(target.key_of(name)) is None:
            document: Json = {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": name},
            }
            self._writer.create_document(target, document, WriteOptions())

    def _empty(self, namespace: StoredObject) -> None:
        left = False
        for resource, stored in self._content_of(namespace.key.name):
            if not stored.document["metadata"].get("deletionTimestamp"):
                target = Target(resource, stored.key.namespace, stored.key.name)
                self._deleter.delete(target, DeleteOptions())
            left = left or self._store.get(stored.key) is not None
        current = self._store.get(namespace.key)
        if left or current is None:
            return
        document: Json = copy_json(current.document)
        spec = document.setdefault("spec", {})
        held_by = [name for name in spec.get("finalizers") or () if name != CONTENT_FINALIZER]
        spec["finalizers"] = held_by
        self._store.replace(current.key, document)
        if is_finished(_core("namespaces"), document):
            self._store.remove(current.key)

    def _content_of(self, name: str) -> Iterator[tuple[Resource, StoredObject]]:
        for resource in _CONTENT:
            for stored in tuple(self._store.list(resource.storage, name)):
                yield resource, stored


def _is_ending(namespace: StoredObject) -> bool:
    return bool(namespace.document["metadata"].get("deletionTimestamp"))


def _core(plural: str) -> Resource:
    return known_resource("", "v1", plural)
