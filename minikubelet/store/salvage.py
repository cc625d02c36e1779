"""Read what can be read from a damaged state.

Role: objects, counter and values of the daemon from a file that SQLite no longer reads as a whole,
and a list of what is lost for people. Blocks; runs on the writer's thread.
Invariants: works on a copy, so that the damaged file stays as it was found; a row is taken only
when its checksum is right; whatever is lost is told. The history is not kept: watches begin anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

from minikubelet.store.carve import PAGE_SIZE, rows
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
from minikubelet.store.persisted import Numbers, Persisted, Version
from minikubelet.value_class import dataclass

_VERSION_COLUMNS = 9
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


@dataclass(frozen=True, slots=True)
class _Tables:
    """The small tables; None for what cannot be read."""

    numbers: Numbers | None = None
    meta: dict[str, str] | None = None
    current: dict[int, Key] | None = None


def salvage(path: Path) -> Salvaged:
    """From the file and its log. OSError when there is no room for the copy."""
    with copied(path) as copy:
        versions = _versions(copy)
        if copy.stat().st_size < PAGE_SIZE:
            # SQLite throws the log of an empty file away.
            _replace_first_page(copy)
        tables = _read_tables(copy)
        if tables == _Tables():
            _replace_first_page(copy)
            tables = _read_tables(copy)
    lost: list[str] = []
    if tables.numbers is None:
        lost.append("the version counter (it goes on behind all that can have been used)")
    if tables.meta is None:
        lost.append("values of the daemon's own, such as its position in the journal")
    chosen, missing = _newest_of_each(versions, tables.current)
    newest = max(versions, default=1)
    found = tables.numbers or Numbers(newest, reserved=newest)
    newest = max(newest, found.version)
    # What was in the history is gone: a watch from before lists again.
    numbers = replace(
        found, version=newest, reserved=max(newest, found.reserved), floor=newest, clean=False
    )
    objects = tuple(
        StoredObject(version.key, None, version.resource_version, version.encoded)
        for version in chosen
    )
    persisted = Persisted(objects, resource_version=newest, floor=newest, meta=tables.meta or {})
    return Salvaged(persisted, numbers, tables.numbers is not None, (*lost, *missing))


def _versions(copy: Path) -> dict[int, Version]:
    """All states that are in the pages somewhere."""
    wal = beside(copy, "-wal")
    found: dict[int, Version] = {}
    for row in rows(copy.read_bytes(), wal.read_bytes() if wal.exists() else b""):
        if len(row) == _VERSION_COLUMNS:
            try:
                version = checked_version(row)
            except DamagedError:
                continue
            found[version.resource_version] = version
    return found


def _read_tables(copy: Path) -> _Tables:
    try:
        connection = sqlite3.connect(copy, isolation_level=None)
    except sqlite3.Error:
        return _Tables()
    tables = _Tables()
    with contextlib.suppress(sqlite3.Error, DamagedError):
        tables = replace(tables, numbers=read_numbers(connection))
    with contextlib.suppress(sqlite3.Error, DamagedError):
        tables = replace(tables, meta=read_meta(connection))
    try:
        query = connection.execute("SELECT * FROM current")
        tables = replace(tables, current={number: Key(*key) for number, *key in query})
    except (sqlite3.Error, TypeError):
        pass
    connection.close()
    return tables


def _newest_of_each(
    versions: dict[int, Version], current: dict[int, Key] | None
) -> tuple[list[Version], list[str]]:
    """The best state of each object, and what is lost."""
    newest = {versions[number].key: versions[number] for number in sorted(versions)}
    if current is None:
        alive = [v for v in newest.values() if v.type is not ChangeType.DELETED]
        return alive, [
            "the list of objects: some may be missing, and one that was deleted may be back"
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


def _replace_first_page(copy: Path) -> None:
    """All our files begin alike: with the first page of a new one the tables are found again."""
    pattern = beside(copy, ".pattern")
    connect(pattern).close()
    page = bytearray(pattern.read_bytes()[:PAGE_SIZE])
    page[_VERSION_VALID_FOR : _VERSION_VALID_FOR + 4] = b"\xff\xff\xff\xff"
    with open(copy, "r+b") as file:
        file.write(page)
