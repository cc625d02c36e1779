"""What was last on a container's terminal, for those who attach later.

Role: keep the end of the raw output; nothing is interpreted.
"""

from __future__ import annotations

_KEPT_BYTES = 64 * 1024


class Screen:
    __slots__ = ("_cut", "_data")

    def __init__(self) -> None:
        self._data = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * _KEPT_BYTES:  # not at every chunk
            del self._data[:-_KEPT_BYTES]
            self._cut = True

    def last_lines(self, count: int) -> bytes:
        """As many lines as a screen has rows, the last of which may be a prompt."""
        begin = max(0, len(self._data) - _KEPT_BYTES)
        at = len(self._data)
        for _ in range(count):
            at = self._data.rfind(b"\n", begin, at)
            if at < 0:
                break
        if at >= 0:
            return bytes(self._data[at + 1 :])
        if begin or self._cut:  # the first line may have lost its beginning
            begin = self._data.find(b"\n", begin) + 1 or begin
        return bytes(self._data[begin:])
