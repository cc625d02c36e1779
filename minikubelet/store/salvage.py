"""Read what can be read from a damaged state.

Role: objects, counter and values of the daemon from a file that SQLite no longer reads as a whole,
and a list of what is lost for people. Blocks; runs on the writer's thread.
Invariants: works on a copy, so that the damaged file stays as it was found; a row is taken only
when its checksum is right; whatever is lost is told. The history is not kept: watches begin anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minikubelet.store.database import (
    beside,
    checked_version,
    connect,
    copied,
    read_meta,
    read_numbers,
)
from minikubelet.store.disk_errors import DamagedError
from minikubelet.store.objects import ChangeType, Key, StoredObject
from minikubelet.store.persisted import (
    FIRST_NUMBERS,
    RESERVED_VERSIONS,
    Numbers,
    Persisted,
    Version,
)

_MAX_PROBES = 20_000
_NEWEST_POSSIBLE = 1 << 62
_PAGE_SIZE = 4096
_VERSION_VALID_FOR = 92
"""Where in the header SQLite notes which change its page count belongs to; when that differs, the
length of the file counts."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    persisted: Persisted
    numbers: Numbers
    counted: bool
    """The counter of versions was found: what it reserved is known."""
    lost: tuple[str, ...]


def salvage(path: Path) -> Salvaged:
    """From the file and its log. OSError when there is no room for the copy."""
    with copied(path) as copy:
        if copy.stat().st_size < _PAGE_SIZE:
            _replace_first_page(copy)
        found = _read(copy)
        if found is None:
            _replace_first_page(copy)
            found = _read(copy)
    if found is None:
        return Salvaged(Persisted(), FIRST_NUMBERS, False, ("all of it: nothing could be read",))
    return found


def _read(copy: Path) -> Salvaged | None:
    try:
        connection = sqlite3.connect(copy, isolation_level=None)
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error:
        return None
    try:
        return _read_tables(connection) if ("versions",) in tables else None
    finally:
        connection.close()


def _read_tables(connection: sqlite3.Connection) -> Salvaged:
    lost: list[str] = []
    numbers: Numbers | None = None
    try:
        numbers = read_numbers(connection)
    except (sqlite3.Error, DamagedError):
        lost.append("the version counter (it begins anew behind the newest version found)")
    meta: dict[str, str] = {}
    try:
        meta = read_meta(connection)
    except sqlite3.Error:
        lost.append("values of the daemon's own, such as its position in the journal")
    versions = _Rows(connection).versions()
    newest = max(versions, default=1)
    counted = numbers is not None
    numbers = numbers or Numbers(newest, reserved=newest + RESERVED_VERSIONS)
    chosen, missing = _newest_of_each(versions, _current(connection))
    lost += missing
    objects = tuple(
        StoredObject(version.key, None, version.resource_version, version.encoded)
        for version in chosen
    )
    numbers = Numbers(
        version=max(newest, numbers.version),
        reserved=max(newest, numbers.reserved),
        floor=max(newest, numbers.version),
    )
    persisted = Persisted(
        objects=objects,
        resource_version=numbers.version,
        floor=numbers.floor,
        meta=meta,
    )
    return Salvaged(persisted, numbers, counted, tuple(lost))


def _current(connection: sqlite3.Connection) -> dict[int, Key] | None:
    """The list of what there is; None when it cannot be read."""
    try:
        return {number: Key(*key) for number, *key in connection.execute("SELECT * FROM current")}
    except sqlite3.Error:
        return None


def _newest_of_each(
    versions: dict[int, Version], current: dict[int, Key] | None
) -> tuple[list[Version], list[str]]:
    """The best state of each object, and what is lost."""
    newest: dict[Key, Version] = {}
    for number in sorted(versions):
        newest[versions[number].key] = versions[number]
    if current is None:
        alive = [v for v in newest.values() if v.type is not ChangeType.DELETED]
        return alive, [
            "the list of objects: an object that was deleted may be back, others may be missing"
        ]
    chosen: list[Version] = []
    lost: list[str] = []
    for number, key in sorted(current.items(), key=lambda item: item[1]):
        version = versions.get(number)
        if version is None and (version := newest.get(key)) is not None:
            lost.append(f"the last state of {key} (an earlier one is used)")
        if version is None:
            lost.append(str(key))
        else:
            chosen.append(version)
    return chosen, lost


class _Rows:
    """Reads a table around its damaged pages: a span that fails is halved."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._probes = _MAX_PROBES

    def versions(self) -> dict[int, Version]:
        return {v.resource_version: v for v in self._between(0, _NEWEST_POSSIBLE)}

    def _between(self, low: int, high: int) -> Iterator[Version]:
        self._probes -= 1
        if self._probes < 0:
            return
        try:
            rows = self._connection.execute(
                "SELECT * FROM versions WHERE resource_version BETWEEN ? AND ?", (low, high)
            ).fetchall()
        except sqlite3.Error:
            if low < high:
                middle = (low + high) // 2
                yield from self._between(low, middle)
                yield from self._between(middle + 1, high)
            return
        for row in rows:
            try:
                yield checked_version(row)
            except DamagedError:
                continue


def _replace_first_page(copy: Path) -> None:
    """All our files begin alike: with the first page of a new one the tables are found again."""
    pattern = beside(copy, ".pattern")
    connect(pattern).close()
    page = bytearray(pattern.read_bytes()[:_PAGE_SIZE])
    page[_VERSION_VALID_FOR : _VERSION_VALID_FOR + 4] = b"\xff\xff\xff\xff"
    with open(copy, "r+b") as file:
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
