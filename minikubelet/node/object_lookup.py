"""ConfigMaps and Secrets of the store, for environments and volumes.

Role: the `ObjectLookup` of the daemon, and the one who tells workers that an object they use has
changed (L-147: sooner than upstream).
Invariants: may be asked in any thread; what is in the store has been validated.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikubelet.clock import Clock, Wakeup
from minikubelet.manifest.decode import decode_config_map, decode_secret
from minikubelet.manifest.meta import ConfigMap, Secret
from minikubelet.node.agent import NodeAgent
from minikubelet.node.object_refs import objects_used
from minikubelet.store.objects import Change, Key, StoredObject
from minikubelet.store.store import ObjectStore

CONFIG_MAPS, SECRETS = ("", "configmaps"), ("", "secrets")
GATHER_SECONDS = 0.1
"""Changes of so long are told together: `kubectl apply` writes several objects."""


class StoredObjects:
    """An `ObjectLookup` over the store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        stored = self._store.get(Key(*CONFIG_MAPS, namespace, name))
        return None if stored is None else decode_config_map(_document(stored))

    def secret(self, namespace: str, name: str) -> Secret | None:
        stored = self._store.get(Key(*SECRETS, namespace, name))
        return None if stored is None else decode_secret(_document(stored))


def _document(stored: StoredObject) -> dict[str, object]:
    # Not `stored.document`, which belongs to the event loop's thread.
    from minikubelet.store.encoding import decode

    return decode(stored.encoded)


class ObjectWatch:
    """Tells the agent's workers of changed objects."""

    def __init__(self, store: ObjectStore, agent: NodeAgent, clock: Clock) -> None:
        self._store = store
        self._agent = agent
        self._clock = clock
        self._changed: set[Key] = set()
        self._wakeup = Wakeup(clock)

    async def run(self) -> None:
        """Until cancelled."""
        unsubscribe = self._store.subscribe(self._on_change)
        try:
            while True:
                await self._wakeup.wait()
                await self._clock.sleep(GATHER_SECONDS)
                self._wakeup.clear()
                changed, self._changed = self._changed, set()
                self._tell(changed)
        finally:
            unsubscribe()

    def _on_change(self, change: Change) -> None:
        if change.object.key.storage in (CONFIG_MAPS, SECRETS):
            self._changed.add(change.object.key)
            self._wakeup.set()

    def _tell(self, changed: Iterable[Key]) -> None:
        names: dict[str, set[tuple[str, str]]] = {}
        for key in changed:
            names.setdefault(key.namespace, set()).add((key.plural, key.name))
        for desired in self._agent.pods:
            concerned = names.get(desired.pod.metadata.namespace)
            worker = self._agent.worker(desired.uid)
            if concerned and worker is not None and concerned & objects_used(desired.document):
                worker.objects_changed()
