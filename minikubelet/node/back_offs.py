"""The crash-loop back-off of the containers of one pod (L-168 … L-173).

Role: keeps one entry per container, with the image and the resources that it belongs to. When an
entry changes and what it means is decided in `pod/restarts.py`.
Invariants: a start that came to nothing counts as none, so that a daemon that is killed in the
middle of one does not double the delay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from minikubelet.manifest.pod import Container, Pod
from minikubelet.node.pod_record import KeptBackOff
from minikubelet.pod.restarts import BackOffEntry, after_start


class BackOffs:
    def __init__(self) -> None:
        self._entries: dict[str, KeptBackOff] = {}
        self._before: dict[str, KeptBackOff | None] = {}

    @property
    def kept(self) -> Mapping[str, KeptBackOff]:
        return dict(self._entries)

    @property
    def before_attempts(self) -> Mapping[str, KeptBackOff | None]:
        return dict(self._before)

    def restore(
        self, kept: Mapping[str, KeptBackOff], before: Mapping[str, KeptBackOff | None]
    ) -> None:
        self._entries, self._before = dict(kept), dict(before)

    def entries(self, pod: Pod) -> dict[str, BackOffEntry]:
        """Those that fit the containers as they are specified now."""
        keys = {container.name: back_off_key(container) for container in pod.containers()}
        return {
            name: kept.entry for name, kept in self._entries.items() if keys.get(name) == kept.key
        }

    def attempt(self, container: Container, finished: float, now: float) -> None:
        """A start goes ahead after an exit: the next one waits longer (L-169)."""
        key, before = back_off_key(container), self._entries.get(container.name)
        self._before[container.name] = before
        fitting = before.entry if before is not None and before.key == key else None
        self._entries[container.name] = KeptBackOff(key, after_start(fitting, finished, now))

    def settled(self, name: str) -> None:
        """The start of this container counts."""
        self._before.pop(name, None)

    def undo_unsettled(self) -> None:
        """Starts that were under way when a daemon was killed, and came to nothing."""
        for name, before in self._before.items():
            if before is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = before
        self._before.clear()


def back_off_key(container: Container) -> str:
    """What an entry belongs to, beside pod and container."""
    resources = (dict(container.resources.limits), dict(container.resources.requests))
    return json.dumps([container.image, *resources], sort_keys=True, separators=(",", ":"))
