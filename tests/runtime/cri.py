"""A model of the program that writes container logs: lines, parts of long lines, rotation."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

SPLIT_BYTES = 16384


class CRIWriter:
    """Writes `<directory>/<instance>.log` as the kubelet's runtime does (L-261, L-263)."""

    def __init__(self, directory: Path, instance: int = 0, split_bytes: int = SPLIT_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{instance}.log"
        self._split_bytes = split_bytes
        self._rest: dict[str, bytes] = {}
        self._ticks = 0
        self._rotations = 0
        self.raw(b"")

    def write(self, text: bytes, stream: str = "stdout") -> None:
        """Output of the container; the last line is kept back until its newline comes."""
        *lines, rest = (self._rest.pop(stream, b"") + text).split(b"\n")
        for line in lines:
            self._line(stream, line)
        if rest:
            self._rest[stream] = rest

    def close(self) -> None:
        """The container has ended: what has no newline is written too."""
        for stream, rest in self._rest.items():
            self._line(stream, rest, last_tag=b"P")

    def raw(self, data: bytes) -> None:
        with self._path.open("ab", buffering=0) as file:
            file.write(data)

    def rotate(self, *, keep: int = 100, compress: bool = False) -> Path:
        """Rename the current file and begin a new one; compress or drop older ones."""
        rotated = self._rotated()
        for path in rotated[: max(0, len(rotated) - keep)]:
            path.unlink()
        if compress:
            self.compress()
        self._rotations += 1
        target = self._path.with_name(f"{self._path.name}.20260101-{self._rotations:06d}")
        self._path.rename(target)
        self.raw(b"")
        return target

    def compress(self) -> None:
        for path in self._rotated():
            if path.suffix != ".gz":
                temporary = path.with_name(path.name + ".tmp")
                temporary.write_bytes(gzip.compress(path.read_bytes()))
                os.rename(temporary, path.with_name(path.name + ".gz"))
                path.unlink()

    def _rotated(self) -> list[Path]:
        found = self._path.parent.glob(f"{self._path.name}.*")
        return sorted(path for path in found if path.suffix != ".tmp")

    def _line(self, stream: str, line: bytes, last_tag: bytes = b"F") -> None:
        while len(line) > self._split_bytes:
            self._entry(stream, b"P", line[: self._split_bytes])
            line = line[self._split_bytes :]
        self._entry(stream, last_tag, line)

    def _entry(self, stream: str, tag: bytes, text: bytes) -> None:
        self._ticks += 1
        time = f"2026-01-01T00:00:{self._ticks // 1000 % 60:02d}.{self._ticks % 1000:09d}Z"
        self.raw(b"%s %s %s %s\n" % (time.encode(), stream.encode(), tag, text))
