"""The log of one instance as `kubectl logs` asks for it, piece by piece, away from the event loop.

Role: `LogStream` reads with the options of K-64 and goes on where it stopped, over rotation;
`LogChanges` tells its followers when there may be more. The caller decides when the instance has
ended.
Invariants: a piece is small, so memory does not grow with the log or with a slow reader; each line
comes once; a stream may be closed at any time, also while a thread reads from it. A reader that is
slower than the log is kept is told so where the gap is, in a line of its own: as the kubelet, which
writes what it cannot read into the stream, and unlike it, which leaves out such lines silently.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from minikubelet.runtime.container_log import LogEntry, printed_line, tail_offset
from minikubelet.runtime.log_cursor import Batch, LogCursor
from minikubelet.runtime.log_watch import POLL_SECONDS, LogWatcher, open_watcher
from minikubelet.value_class import dataclass

PIECE_BYTES = 256 * 1024
BATCHES_PER_PIECE = 16
"""So that a search through old lines can be called off."""
PAUSE_SECONDS = 0.01
"""Between looks: a container that writes line by line costs at most 100 looks a second."""

GAP = b"minikubelet: lines may be missing here: older log files were removed before they were read"


@dataclass(frozen=True, slots=True)
class LogOptions:
    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None
    timestamps: bool = False


_ALL = LogOptions()


class LogStream:
    """`read` is called by one thread at a time and may wait for the disk."""

    def __init__(
        self, path: Path, options: LogOptions = _ALL, lost: Callable[[], None] = lambda: None
    ) -> None:
        """`path` is the instance's current file (L-260); it need not exist yet. `lost` is called in
        the thread that reads, when the reader was so slow that lines may be missing."""
        self._path = path
        self._options = options
        self._left = options.limit_bytes
        self._cursor = LogCursor(path.parent, self._on_lost)
        self._lost = lost
        self._gap = False
        """Before the next line, lines may be missing."""
        self._in_line = False
        self._started = False
        self._batches: Iterator[Batch] | None = None
        self._reading = threading.Lock()
        self._closed = False

    @property
    def complete(self) -> bool:
        """Nothing more will come: the limit is reached, or a later instance has begun."""
        return self._left == 0 or (self._cursor.ended and self._batches is None)

    def read(self, *, final: bool = False) -> bytes | None:
        """The next piece, which may be empty; None when all that is written now has been handed
        out. `final`: the instance has ended, so the beginning of a line counts too.
        Raises OSError."""
        with self._reading:
            piece = None if self._closed else self._read(final)
        self._close_when_idle()
        return piece

    def close(self) -> None:
        """Does not wait: a thread that reads stops soon and closes the file itself."""
        self._closed = True
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._closed and self._reading.acquire(blocking=False):
            try:
                self._cursor.close()
            finally:
                self._reading.release()

    def _read(self, final: bool) -> bytes | None:
        if not self._started:
            self._started = True
            merge = self._options.since is None and not self._options.timestamps
            number = int(self._path.stem)
            self._cursor.start_at(number, self._first_offset, merge=merge)
        if self._left == 0:
            return None
        if self._batches is None:
            self._batches = self._cursor.read(final=final)
        pieces: list[bytes] = []
        size = 0
        for number, batch in enumerate(self._batches, 1):
            for piece in self._printed(batch):
                pieces.append(piece)
                size += len(piece)
            if size >= PIECE_BYTES or number >= BATCHES_PER_PIECE or self._left == 0:
                return b"".join(pieces)
        self._batches = None
        return b"".join(pieces) or None

    def _printed(self, batch: Batch) -> Iterator[bytes]:
        since, timestamps = self._options.since, self._options.timestamps
        for entry in batch:
            if since is not None and entry.time < since:
                continue
            piece = printed_line(entry, timestamps)
            if self._gap:
                piece = self._gap_before(entry) + piece
            self._in_line = entry.partial
            if self._left is not None:
                piece = piece[: self._left]
                self._left -= len(piece)
            yield piece

    def _on_lost(self) -> None:
        self._gap = True
        self._lost()

    def _gap_before(self, entry: LogEntry) -> bytes:
        self._gap = False
        gap = printed_line(replace(entry, text=GAP, partial=False), self._options.timestamps)
        return b"\n" + gap if self._in_line else gap

    def _first_offset(self, file: BinaryIO) -> int:
        tail = self._options.tail_lines
        return 0 if tail is None else tail_offset(file, tail)


class LogChanges:
    """Tells of changes in log directories. One thread serves all followers; it runs while there are
    any. Methods may be called from any thread and do not wait."""

    def __init__(self, watcher: Callable[[], LogWatcher] = open_watcher) -> None:
        self._open_watcher = watcher
        self._lock = threading.Lock()
        self._followers: dict[object, tuple[Path, Callable[[], None]]] = {}
        self._watcher: LogWatcher | None = None

    def subscribe(self, directory: Path, changed: Callable[[], None]) -> Callable[[], None]:
        """`changed` is called in the thread, at least once after each change; it must not wait or
        raise. Returns what ends it."""
        follower = object()
        with self._lock:
            self._followers[follower] = (directory, changed)
            if self._watcher is None:
                self._watcher = self._open_watcher()
                threading.Thread(
                    target=self._run, args=(self._watcher,), name="log changes", daemon=True
                ).start()
            else:
                self._watcher.wake()

        def unsubscribe() -> None:
            with self._lock:
                self._followers.pop(follower, None)
                if self._watcher is not None:
                    self._watcher.wake()

        return unsubscribe

    def _run(self, watcher: LogWatcher) -> None:
        watched: set[Path] = set()
        pause = threading.Event()
        try:
            while wanted := self._wanted():
                for directory in watched - wanted:
                    watcher.unwatch(directory)
                watched &= wanted
                # Told once when the watch begins; what cannot be watched, again and again.
                new = wanted - watched
                begun = {directory for directory in new if watcher.watch(directory)}
                watched |= begun
                patience = None if watched == wanted else POLL_SECONDS
                changed = watcher.wait(0 if begun else patience)
                self._tell(wanted if changed is None else changed | new)
                pause.wait(PAUSE_SECONDS)
        finally:
            watcher.close()

    def _tell(self, directories: set[Path]) -> None:
        # Asked for after waiting: who came meanwhile must not miss what has changed since.
        with self._lock:
            followers = tuple(self._followers.values())
        for directory, changed in followers:
            if directory in directories:
                changed()

    def _wanted(self) -> set[Path]:
        """The followed directories; when there are none, the thread's end is agreed at the same
        moment."""
        with self._lock:
            if not self._followers:
                self._watcher = None
            return {directory for directory, _ in self._followers.values()}
