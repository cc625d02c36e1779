"""Header blocks of SPDY/3 (K-80, K-81).

Role: names and values ⇄ compressed blocks. Pure.
Invariants: one compressor and one decompressor for the life of a connection, so blocks are made and
read in the order of the wire, each exactly once, also those of streams that are refused; a block
that inflates to more than `MAX_BLOCK_BYTES` costs no more memory than that.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from minikubelet.apiserver.wire.spdy_dictionary import SPDY_DICTIONARY

MAX_BLOCK_BYTES = 64 * 1024


class HeaderError(ValueError):
    """A block that cannot be read; the connection cannot go on behind it."""


class HeaderCompressor:
    def __init__(self) -> None:
        self._zlib = zlib.compressobj(
            9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, SPDY_DICTIONARY
        )

    def compress(self, headers: Mapping[str, str]) -> bytes:
        plain = _number(len(headers)) + b"".join(
            _text(name.lower()) + _text(value) for name, value in headers.items()
        )
        return self._zlib.compress(plain) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class HeaderDecompressor:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=SPDY_DICTIONARY)

    def decompress(self, block: bytes) -> dict[str, str]:
        """By lower-case name. Raises HeaderError."""
        try:
            plain = self._zlib.decompress(block, MAX_BLOCK_BYTES)
        except zlib.error as err:
            raise HeaderError("a header block is damaged") from err
        if self._zlib.unconsumed_tail or len(plain) >= MAX_BLOCK_BYTES:
            raise HeaderError(f"a header block is larger than {MAX_BLOCK_BYTES} bytes")
        if self._zlib.eof:
            raise HeaderError("the header compression has ended")
        return _parse(plain)


def _parse(plain: bytes) -> dict[str, str]:
    at = 0

    def number() -> int:
        nonlocal at
        at += 4
        if at > len(plain):
            raise HeaderError("a header block is cut short")
        return int.from_bytes(plain[at - 4 : at], "big")

    def text() -> str:
        nonlocal at
        length = number()
        at += length
        if at > len(plain):
            raise HeaderError("a header block is cut short")
        return plain[at - length : at].decode("utf-8", "replace")

    # A count that is a lie ends at the first header that is not there.
    return {text().lower(): text() for _ in range(number())}


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _text(value: str) -> bytes:
    data = value.encode()
    return _number(len(data)) + data
