"""Rows from the pages of a SQLite file, without SQLite.

Role: what salvage reads when inner pages or the header are damaged, behind which whole pages of
rows are intact. Pure.
Invariants: yields old rows too (pages that are free again); the caller tells rows apart by their
checksums. Noise yields nothing or rows that no checksum fits.
Upstream: the file format of SQLite (sqlite.org/fileformat2.html), sections 1.6, 2 and 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

PAGE_SIZE = 4096
_LEAF = 0x0D
"""The first byte of a page of rows."""
_HEADER_BYTES = 100
"""Before the first page's own content."""
_MAX_LOCAL = PAGE_SIZE - 35
_MIN_LOCAL = (PAGE_SIZE - 12) * 32 // 255 - 23
_MAX_PAYLOAD = 64 << 20
_CHAINED = PAGE_SIZE - 4
_WAL_HEADER = 32
_FRAME_HEADER = 24
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Row = tuple[Any, ...]


def rows(database: bytes, wal: bytes) -> Iterator[Row]:
    """The rows of all tables, the key in the place of a NULL in front."""
    images = [*_pages(database), *_frames(wal)]
    newest = dict(images)
    for number, page in images:
        yield from _rows_of(page, _HEADER_BYTES if number == 1 else 0, newest)


def _pages(database: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(database) - PAGE_SIZE + 1, PAGE_SIZE):
        yield at // PAGE_SIZE + 1, database[at : at + PAGE_SIZE]


def _frames(wal: bytes) -> Iterator[tuple[int, bytes]]:
    """Of the present round: older ones carry another salt."""
    salt = wal[16:24]
    for at in range(
        _WAL_HEADER, len(wal) - _FRAME_HEADER - PAGE_SIZE + 1, _FRAME_HEADER + PAGE_SIZE
    ):
        if wal[at + 8 : at + 16] == salt:
            begin = at + _FRAME_HEADER
            yield int.from_bytes(wal[at : at + 4], "big"), wal[begin : begin + PAGE_SIZE]


def _rows_of(page: bytes, begin: int, pages: dict[int, bytes]) -> Iterator[Row]:
    if page[begin] != _LEAF:
        return
    (count,) = struct.unpack_from(">H", page, begin + 3)
    if begin + 8 + 2 * count > PAGE_SIZE:
        return
    for at in struct.unpack_from(f">{count}H", page, begin + 8):
        try:
            yield _row(page, at, pages)
        except (IndexError, KeyError, ValueError):
            # Not a row: this page was damaged, or is something else.
            continue


def _row(page: bytes, at: int, pages: dict[int, bytes]) -> Row:
    size, at = _varint(page, at)
    key, at = _varint(page, at)
    values = _record(_payload(page, at, size, pages))
    return (key, *values[1:]) if values and values[0] is None else tuple(values)


def _payload(page: bytes, at: int, size: int, pages: dict[int, bytes]) -> bytes:
    """With what continues on other pages."""
    if size > _MAX_PAYLOAD:
        raise ValueError("larger than anything we write")
    if size <= _MAX_LOCAL:
        return page[at : at + size]
    local = _MIN_LOCAL + (size - _MIN_LOCAL) % _CHAINED
    if local > _MAX_LOCAL:
        local = _MIN_LOCAL
    parts = [page[at : at + local]]
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    left = size - local
    while left > 0:
        chained = pages[following]
        parts.append(chained[4 : 4 + min(left, _CHAINED)])
        left -= _CHAINED
        following = int.from_bytes(chained[:4], "big")
    return b"".join(parts)


def _record(payload: bytes) -> list[Any]:
    header, at = _varint(payload, 0)
    kinds: list[int] = []
    while at < header:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values: list[Any] = []
    at = header
    for kind in kinds:
        value, size = _value(payload, at, kind)
        values.append(value)
        at += size
    if at != len(payload):
        raise ValueError("not a record")
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == 0:
        return None, 0
    if kind in (8, 9):
        return kind - 8, 0
    if kind in _INTEGER_BYTES:
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(payload[at : at + size], "big", signed=True), size
    if kind < 12:
        raise ValueError("a kind of value that we do not write")
    size = (kind - 12) // 2
    content = payload[at : at + size]
    return (content.decode() if kind % 2 else content), size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise AssertionError("unreachable")
