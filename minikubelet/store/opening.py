"""Open the state of an earlier process, whatever became of it.

Role: the decisions around a file that is new, whole, damaged, not ours, or on a disk that takes
nothing. Blocks; runs on the writer's thread.
Invariants: numbers that the last process may have used are behind us before the first is given out;
a file that cannot be read is never taken for an empty one.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from minikubelet.store.database import Database, files_of
from minikubelet.store.disk_errors import (
    DamagedError,
    RefusedError,
    is_busy,
    is_damage,
    open_text,
    why,
    write_text,
)
from minikubelet.store.objects import StoreWriteError
from minikubelet.store.pending import Pending
from minikubelet.store.persisted import FIRST_NUMBERS, Numbers, Persisted, next_numbers
from minikubelet.store.salvage import salvage
from minikubelet.value_class import dataclass

_TROUBLE = (DamagedError, RefusedError, sqlite3.Error, OSError)


@dataclass(frozen=True, slots=True)
class Opened:
    persisted: Persisted
    numbers: Numbers
    recovered: tuple[str, ...] = ()
    failing: str = ""


def open_database(database: Database, now: datetime) -> Opened:
    """StoreWriteError when the file is there and cannot be used."""
    path = database.path
    try:
        persisted, found = _load(database)
    except _TROUBLE as error:
        if is_damage(error):
            return _recover(database, error, now)
        raise StoreWriteError(open_text(path, error)) from error
    numbers = next_numbers(found)
    failing = ""
    try:
        database.write(Pending().take(numbers))
    except _TROUBLE as error:
        failing = write_text(path, error)
        # Nothing can be reserved, but the time goes on from one process to the next.
        numbers = next_numbers(found, beyond=_milliseconds(now))
    persisted = replace(persisted, resource_version=numbers.version, lost=numbers.lost)
    return Opened(persisted, numbers, failing=failing)


def _load(database: Database) -> tuple[Persisted, Numbers]:
    try:
        return database.load()
    except _TROUBLE as error:
        database.close()
        if is_damage(error) or is_busy(error) or isinstance(error, RefusedError):
            raise
        if _is_new(database.path):
            return Persisted(), FIRST_NUMBERS
        try:
            return database.load_copy()
        except OSError:
            raise error from None


def finish(database: Database, numbers: Numbers) -> None:
    """The last write: the next process goes on with the next number."""
    last = replace(numbers, reserved=numbers.version, clean=True)
    database.write(Pending().take(last))


def write_anew(database: Database, state: Persisted, numbers: Numbers, now: datetime) -> None:
    """Replace a file that was damaged while it was in use."""
    database.build(state, numbers, aside_path(database.path, now))


def aside_path(path: Path, now: datetime) -> Path:
    """A free name for a file that is of no more use."""
    stem = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    aside, count = stem, 1
    while any(name.exists() for name in files_of(aside)):
        count += 1
        aside = stem.with_name(f"{stem.name}.{count}")
    return aside


def _recover(database: Database, damage: Exception, now: datetime) -> Opened:
    path = database.path
    aside = aside_path(path, now)
    try:
        salvaged = salvage(path)
        beyond = 0 if salvaged.counted else _milliseconds(now)
        numbers = next_numbers(salvaged.numbers, beyond)
        numbers = replace(numbers, floor=numbers.version, lost=())
        persisted = replace(
            salvaged.persisted, resource_version=numbers.version, floor=numbers.floor
        )
        database.build(persisted, numbers, aside)
    except _TROUBLE as error:
        raise StoreWriteError(
            f"the state in {path} is damaged ({why(path, damage)[0]}) and cannot be mended: "
            + "; ".join(why(path, error))
        ) from error
    recovered = (
        f"the state in {path} was damaged ({why(path, damage)[0]}); the file is kept as {aside}, "
        f"{len(persisted.objects)} objects were read from it",
        *(f"lost from {path}: {lost}" for lost in salvaged.lost),
    )
    return Opened(persisted, numbers, recovered)


def _milliseconds(now: datetime) -> int:
    """More than any counter of ours has reached without it."""
    return int(now.timestamp() * 1000)


def _is_new(path: Path) -> bool:
    """Nothing can be lost: there is no file, or nothing was ever in it."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:
        return False
