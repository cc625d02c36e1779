"""What of the store outlives the process.

Role: the values that go between the store and its disk, and which version numbers a new process may
use. Pure.
Invariants: a number that an earlier process may have given out is never given out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from minikubelet.store.objects import Change, ChangeType, Key, StoredObject
from minikubelet.value_class import dataclass

RESERVED_VERSIONS = 1_000_000
"""Taken at once: a crash costs as many numbers, a write costs none extra."""


@dataclass(frozen=True, slots=True)
class Persisted:
    """All of the store. What it shares with `Numbers` counts when it is loaded."""

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


@dataclass(frozen=True, slots=True)
class Numbers:
    """The one small record that is written with every batch."""

    version: int
    """Of the newest write on disk."""
    reserved: int
    """No process has used a number beyond."""
    floor: int = 0
    clean: bool = False
    """The last process closed the store: it used no number beyond `version`."""
    lost: tuple[tuple[int, int], ...] = ()


FIRST_NUMBERS = Numbers(version=1, reserved=1, clean=True)


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one object, as a row."""

    resource_version: int
    type: ChangeType
    key: Key
    before: int
    """The version that it replaced; 0 for none."""
    encoded: bytes


def next_numbers(found: Numbers, beyond: int = 0) -> Numbers:
    """Where a new process begins: at the newest write when that is known to be the last number,
    else behind everything that may have been used. `beyond`: use nothing below."""
    if found.clean and found.version >= beyond:
        begin, lost = found.version, found.lost
    else:
        begin = max(found.version, found.reserved, beyond) + 1
        lost = (*found.lost, (found.version + 1, begin - 1))
    return replace(
        found,
        version=begin,
        reserved=begin + RESERVED_VERSIONS,
        clean=False,
        lost=tuple(span for span in lost if span[1] >= found.floor),
    )


def version_of(change: Change) -> Version:
    before = change.before.resource_version if change.before else 0
    stored = change.object
    return Version(change.resource_version, change.type, stored.key, before, stored.encoded)


def versions_of(persisted: Persisted) -> list[Version]:
    """Every row that is needed to load it again."""
    versions = {change.resource_version: version_of(change) for change in persisted.changes}
    replaced = (change.before for change in persisted.changes if change.before)
    for stored in (*persisted.objects, *replaced):
        # Below the floor only the document counts.
        versions.setdefault(
            stored.resource_version,
            Version(stored.resource_version, ChangeType.MODIFIED, stored.key, 0, stored.encoded),
        )
    return [versions[number] for number in sorted(versions)]


def persisted_from(
    versions: Iterable[Version], current: Iterable[int], numbers: Numbers, meta: Mapping[str, str]
) -> Persisted:
    """KeyError when a version is named and missing."""
    stored: dict[int, StoredObject] = {}
    changes: list[Change] = []
    for version in versions:
        number = version.resource_version
        stored[number] = StoredObject(version.key, None, number, version.encoded)
        if number > numbers.floor:
            before = stored[version.before] if version.before else None
            changes.append(Change(version.type, stored[number], before, number))
    return Persisted(
        objects=tuple(stored[number] for number in current),
        changes=tuple(changes),
        resource_version=numbers.version,
        floor=numbers.floor,
        lost=numbers.lost,
        meta=meta,
    )
