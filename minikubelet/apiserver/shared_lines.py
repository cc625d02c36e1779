"""Lines of watches that are made for a form of answer, once for all who watch in that form.

Role: a change as a Table, as metadata, or in another version of its kind → the line of a watch.
Invariants: ages in Tables count whole seconds, so that a line is good for one second; what is kept
is bounded.
"""

from __future__ import annotations

from collections.abc import Hashable

from minikubelet.apiserver.rendering import Renderer
from minikubelet.store.objects import Change, ChangeType

_KEPT_LINES = 256


class SharedLines:
    def __init__(self) -> None:
        self._second = 0
        self._lines: dict[Hashable, bytes] = {}

    def line(self, seen_as: ChangeType, change: Change, renderer: Renderer) -> bytes:
        second = int(renderer.now.timestamp())
        if second != self._second or len(self._lines) >= _KEPT_LINES:
            self._second = second
            self._lines.clear()
        resource = renderer.resource
        form = (resource.group, resource.version, renderer.wanted, renderer.include_object)
        key = (change.resource_version, seen_as, form)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = watch_line(seen_as, renderer.stored(change.object))
        return line


def watch_line(kind: str, encoded: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), encoded)
