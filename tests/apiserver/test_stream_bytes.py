"""Connections with flow control."""

from __future__ import annotations

from minikubelet.apiserver.stream_bytes import Connection


async def test_what_nobody_reads_any_more_is_not_kept() -> None:
    connection = Connection()
    connection.data_received(b"read")
    connection.data_received(b"unread")
    assert await connection.read() == b"read"
    connection.leave()
    connection.connection_lost(None)
    assert await connection.read() == b""


async def test_last_words_are_still_read() -> None:
    connection = Connection()
    connection.data_received(b"last words")
    connection.connection_lost(None)
    assert await connection.read() == b"last words"
    assert await connection.read() == b""
