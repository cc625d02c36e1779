"""The state in one SQLite file.

Role: rows in, rows out; everything here blocks and runs on the writer's thread.
Invariants: a batch is one transaction, on disk (fsync) when `write` returns; the file is readable
by its owner only, for it holds Secrets; one process at a time; the file under the path is the one
that is written, or `write` says that it is not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from minikubelet.store.disk_errors import DamagedError, RefusedError
from minikubelet.store.objects import ChangeType, Key
from minikubelet.store.pending import Batch
from minikubelet.store.persisted import (
    FIRST_NUMBERS,
    Numbers,
    Persisted,
    Version,
    persisted_from,
    versions_of,
)

FORMAT = 1
APPLICATION_ID = 0x6D6B6C74
_BUSY_SECONDS = 1.0
_WAL_BYTES = 8 << 20

# The tables are made in this order in an empty file, so that each begins at the same page in every
# file; salvage relies on it. Neither has a secondary index: nothing to disagree with the rows.
_SCHEMA = (
    "CREATE TABLE versions (resource_version INTEGER PRIMARY KEY, type TEXT NOT NULL,"
    " api_group TEXT NOT NULL, plural TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    " replaces INTEGER NOT NULL, checksum INTEGER NOT NULL, document BLOB NOT NULL)",
    "CREATE TABLE current (resource_version INTEGER PRIMARY KEY, api_group TEXT NOT NULL,"
    " plural TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL)",
    "CREATE TABLE numbers (id INTEGER PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
_INSERT_VERSION = "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_CURRENT = "INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?, ?)"
_SIDE_FILES = ("-wal", "-shm", "-journal")


class Database:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def load(self) -> tuple[Persisted, Numbers]:
        """DamagedError or sqlite3.DatabaseError when the file is damaged, RefusedError when it is
        not ours to read, OSError and sqlite3.OperationalError when it cannot be opened."""
        return load_from(self._open())

    def load_copy(self) -> tuple[Persisted, Numbers]:
        """As `load`, from a file that cannot be opened where it is, for opening one may write."""
        with copied(self.path) as copy:
            connection = connect(copy)
            try:
                return load_from(connection)
            finally:
                connection.close()

    def write(self, batch: Batch) -> None:
        connection = self._open()
        try:
            if not self._is_in_place():
                raise DamagedError("the file was removed or replaced while it was in use")
            with _transaction(connection):
                _write_batch(connection, batch)
        except BaseException:
            # Whatever state this connection is in: the next attempt begins with a new one.
            self.close()
            raise

    def build(self, persisted: Persisted, numbers: Numbers, aside: Path) -> None:
        """A new file with all of it in the place of the old one, which moves to `aside`."""
        self.close()
        fresh = beside(self.path, ".new")
        for name in files_of(fresh):
            name.unlink(missing_ok=True)
        connection = connect(fresh)
        try:
            with _transaction(connection):
                _write_all(connection, persisted, numbers)
        finally:
            # Moves everything from the log into the file.
            connection.close()
        os.replace(fresh, self._ready)
        _sync_directory(self.path.parent)
        self._install(aside)

    def _install(self, aside: Path) -> None:
        """Put the complete new file in place; a crash on the way is made up for by the next
        `_open`."""
        for old, new in zip(files_of(self.path), files_of(aside), strict=True):
            if old.exists():
                os.replace(old, new)
        os.replace(self._ready, self.path)
        _sync_directory(self.path.parent)

    @property
    def _ready(self) -> Path:
        return beside(self.path, ".ready")

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._ready.exists():
                self._install(beside(self.path, ".damaged"))
            self._connection = connect(self.path)
            self._inode = self.path.stat().st_ino
        return self._connection

    def _is_in_place(self) -> bool:
        try:
            return self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False


def connect(path: Path) -> sqlite3.Connection:
    """Open or make the file; `DamagedError`, `RefusedError` when it is something else."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = not path.exists()
    if made:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    elif path.stat().st_size == 0:
        # Ours never is, from the moment that it has its name.
        raise DamagedError("it is empty")
    try:
        connection = _connected(path)
    except BaseException:
        if made:
            path.unlink(missing_ok=True)
        raise
    if made:
        _sync_directory(path.parent)
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        _check_format(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not version and not tables:
        with _transaction(connection):
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    elif application != APPLICATION_ID:
        raise DamagedError("it is not marked as a state of minikubelet")
    elif version > FORMAT:
        raise RefusedError(
            f"cannot open the state in {path}: a newer minikubelet wrote it (format {version}, "
            f"this one knows {FORMAT}); use that version, or move the file away to begin anew"
        )


def load_from(connection: sqlite3.Connection) -> tuple[Persisted, Numbers]:
    numbers = read_numbers(connection) or FIRST_NUMBERS
    current = [number for (number,) in connection.execute("SELECT resource_version FROM current")]
    versions = [
        checked_version(row)
        for row in connection.execute("SELECT * FROM versions ORDER BY resource_version")
    ]
    try:
        return persisted_from(versions, current, numbers, read_meta(connection)), numbers
    except KeyError as error:
        raise DamagedError(f"version {error} is missing") from None


def read_numbers(connection: sqlite3.Connection) -> Numbers | None:
    row = connection.execute("SELECT value FROM numbers").fetchone()
    if row is None:
        return None
    try:
        found = json.loads(row[0])
        lost = tuple((int(low), int(high)) for low, high in found.pop("lost"))
        return Numbers(**found, lost=lost)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(f"the version counter cannot be read: {error}") from error


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    return {str(name): str(value) for name, value in connection.execute("SELECT * FROM meta")}


def checked_version(row: tuple[Any, ...]) -> Version:
    """A row as a value; DamagedError when its bytes are not those that were written."""
    number, kind, group, plural, namespace, name, before, checksum, document = row
    try:
        key = Key(group, plural, namespace, name)
        version = Version(number, ChangeType(kind), key, before, document)
        intact = checksum == _checksum(version)
    except (ValueError, TypeError, AttributeError):
        intact = False
    if not intact:
        raise DamagedError(f"the checksum of {group} {plural} {namespace}/{name} is wrong")
    return version


def _checksum(version: Version) -> int:
    key = version.key
    head = (version.type, key.group, key.plural, key.namespace, key.name, str(version.before))
    return zlib.crc32(version.encoded, zlib.crc32("\0".join(head).encode()))


def _write_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    connection.executemany(_INSERT_VERSION, _version_rows(batch.rows.values()))
    connection.executemany(
        "DELETE FROM versions WHERE resource_version = ?", ((n,) for n in batch.dropped)
    )
    connection.executemany(
        "DELETE FROM current WHERE resource_version = ?", ((n,) for n in batch.replaced)
    )
    connection.executemany(_INSERT_CURRENT, _current_rows(batch.current.items()))
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", batch.meta.items())
    _write_numbers(connection, batch.numbers)


def _write_all(connection: sqlite3.Connection, persisted: Persisted, numbers: Numbers) -> None:
    connection.executemany(_INSERT_VERSION, _version_rows(versions_of(persisted)))
    current = ((stored.resource_version, stored.key) for stored in persisted.objects)
    connection.executemany(_INSERT_CURRENT, _current_rows(current))
    connection.executemany("INSERT INTO meta VALUES (?, ?)", persisted.meta.items())
    _write_numbers(connection, numbers)


def _write_numbers(connection: sqlite3.Connection, numbers: Numbers) -> None:
    value = json.dumps(dataclasses.asdict(numbers))
    connection.execute("INSERT OR REPLACE INTO numbers VALUES (1, ?)", (value,))


def _version_rows(versions: Iterable[Version]) -> Iterator[tuple[Any, ...]]:
    for version in versions:
        key = version.key
        yield (
            version.resource_version,
            version.type.value,
            key.group,
            key.plural,
            key.namespace,
            key.name,
            version.before,
            _checksum(version),
            version.encoded,
        )


def _current_rows(current: Iterable[tuple[int, Key]]) -> Iterator[tuple[Any, ...]]:
    for number, key in current:
        yield number, key.group, key.plural, key.namespace, key.name


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def copied(path: Path) -> Iterator[Path]:
    """The file and its log somewhere else, for the owner only, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="minikubelet-state-") as directory:
        copy = Path(directory, path.name)
        shutil.copyfile(path, copy)
        if (wal := beside(path, "-wal")).exists():
            shutil.copyfile(wal, beside(copy, "-wal"))
        yield copy


def files_of(path: Path) -> list[Path]:
    return [path, *(beside(path, suffix) for suffix in _SIDE_FILES)]


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
