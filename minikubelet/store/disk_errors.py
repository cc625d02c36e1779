"""What is wrong with the disk, in words that help.

Role: errors of SQLite and of the system to texts and decisions.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

_REASONS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
    sqlite3.SQLITE_READONLY: (
        "it is read-only",
        "mount it writable, or give this user the right to write the file and its directory",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened",
        "see that the directory exists and that this user may write it",
    ),
    sqlite3.SQLITE_PERM: ("permission denied", "give this user the right to read and write it"),
    sqlite3.SQLITE_BUSY: (
        "another process uses it",
        "stop the other daemon, or choose another state directory",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk reports an error",
        "look at the kernel's messages, and at limits on the size of files",
    ),
}
_BY_ERRNO = {
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.EACCES: sqlite3.SQLITE_PERM,
    errno.EPERM: sqlite3.SQLITE_PERM,
    errno.ENOENT: sqlite3.SQLITE_CANTOPEN,
    errno.ENOTDIR: sqlite3.SQLITE_CANTOPEN,
    errno.EEXIST: sqlite3.SQLITE_CANTOPEN,
}


class DamagedError(Exception):
    """The file is not what we wrote: the text says how that was seen."""


class RefusedError(Exception):
    """The file is not ours to use: the text says why and what to do."""


def is_damage(error: BaseException) -> bool:
    damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, DamagedError) or _code(error) in damage


def is_busy(error: BaseException) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


def why(path: Path, error: BaseException) -> tuple[str, str]:
    """What is wrong and how to mend it."""
    code = _code(error)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_read_only(path.parent):
        # SQLite does not know better.
        code = sqlite3.SQLITE_READONLY
    known = None if code is None else _REASONS.get(code)
    if known is None:
        return str(error) or type(error).__name__, "see that the file can be written"
    # SQLite's words add something to the general ones only.
    reason = f"{known[0]} ({error})" if code == sqlite3.SQLITE_IOERR else known[0]
    return reason, known[1]


_KEPT = "The state is kept in memory until then and writing it is tried again"
_LOST = "What changed since is lost"


def write_text(path: Path, error: BaseException) -> str:
    reason, remedy = why(path, error)
    return f"cannot write the state to {path}: {reason}; {remedy}. {_KEPT}"


def last_text(text: str) -> str:
    """Of `write_text`, when there is no other try."""
    return text.replace(_KEPT, _LOST)


def open_text(path: Path, error: BaseException) -> str:
    if isinstance(error, RefusedError):
        return str(error)
    reason, remedy = why(path, error)
    return f"cannot open the state in {path}: {reason}; {remedy}"


def _is_read_only(directory: Path) -> bool:
    try:
        return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _code(error: BaseException) -> int | None:
    """The primary result code of SQLite."""
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno or 0)
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
