"""What of the store outlives the process.

Role: the value that goes between the store and its disk. Pure.
Invariants: `changes` are in the order of their versions; an object of `before` is the one that the
change replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from minikubelet.store.objects import Change, StoredObject


@dataclass(frozen=True, slots=True)
class Persisted:
    objects: tuple[StoredObject, ...] = ()
    changes: tuple[Change, ...] = ()
    """The history, oldest first."""
    resource_version: int = 1
    """Of the newest write."""
    floor: int = 0
    """Of the newest change that the history has forgotten."""
    lost: tuple[tuple[int, int], ...] = ()
    """Versions, from and to, that a crash may have taken after somebody saw them."""
    meta: Mapping[str, str] = field(default_factory=dict)
