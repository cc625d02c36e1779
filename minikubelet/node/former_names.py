"""Nodes that this daemon was before its name changed.

Role: removes the Node and the lease of a former name (another `--node-name`, or a host that was
renamed) once no pod names it: nobody else would, and it would look alive for ever.
Invariants: only names that this state directory has used; a Node that somebody else has made stays.
"""

from __future__ import annotations

import json

from minikubelet.log import get_logger
from minikubelet.store.objects import Key
from minikubelet.store.store import ObjectStore

NODES = ("", "nodes")
LEASES = ("coordination.k8s.io", "leases")
LEASE_NAMESPACE = "kube-node-lease"
_PODS = ("", "pods")
_META = "node-names"

log = get_logger(__name__)


class FormerNames:
    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._told: set[str] = set()

    def note(self) -> None:
        """This is the name from now on."""
        self._keep(self._names() | {self._name})

    def remove_unused(self) -> None:
        """To be repeated: pods that name such a Node may go."""
        names = self._names()
        for name in sorted(names - {self._name}):
            key = Key(*NODES, "", name)
            if self._store.get(key) is None:
                names.discard(name)
            elif pods := self._pods_of(name):
                self._tell(name, pods)
            else:
                self._remove(key)
                self._remove(Key(*LEASES, LEASE_NAMESPACE, name))
                names.discard(name)
                log.info("removed the Node of a former name", node=name, now=self._name)
        self._keep(names)

    def _names(self) -> set[str]:
        try:
            return {str(name) for name in json.loads(self._store.get_meta(_META) or "[]")}
        except (ValueError, TypeError):
            return set()

    def _keep(self, names: set[str]) -> None:
        self._store.set_meta(_META, json.dumps(sorted(names)))

    def _pods_of(self, name: str) -> list[str]:
        return [
            f"{stored.key.namespace}/{stored.key.name}"
            for stored in self._store.list(_PODS)
            if (stored.document.get("spec") or {}).get("nodeName") == name
        ]

    def _tell(self, name: str, pods: list[str]) -> None:
        if name not in self._told:
            self._told.add(name)
            log.warning(
                "Pods name the node of a former name: delete them, or start with --node-name",
                node=name,
                now=self._name,
                pods=", ".join(pods),
            )

    def _remove(self, key: Key) -> None:
        if self._store.get(key) is not None:
            self._store.remove(key)
