"""Follow the logs of all containers of a run, in one thread, away from the event loop.

Role: waits for changes of the log directories and hands complete lines in batches to a sink, in
that thread. A slow sink slows this thread and nothing else: what it has not taken stays in files.
Invariants: the lines of a container come in order, once each; after `close()` nothing that was
written before is missing. Errors of one container do not stop the others.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from minikubelet.journal import PodRef
from minikubelet.log import get_logger
from minikubelet.runtime.container_log import LogEntry
from minikubelet.runtime.log_cursor import Batch, LogCursor
from minikubelet.runtime.log_watch import POLL_SECONDS, LogWatcher, open_watcher
from minikubelet.value_class import dataclass

log = get_logger(__name__)

BATCH_SECONDS = 0.01
"""Pause after each look: a container that writes line by line costs at most 100 looks a second."""


class LogSink(Protocol):
    """Called in the follower's thread; may block."""

    def log_lines(self, pod: PodRef, container: str, entries: Sequence[LogEntry]) -> None: ...

    def log_lost(self, pod: PodRef, container: str) -> None:
        """Lines were rotated away before they could be read."""
        ...


@dataclass(slots=True)
class _Container:
    pod: PodRef
    name: str
    directory: Path
    cursor: LogCursor
    watched: bool = False
    broken: bool = False


_Command = _Container | Callable[[], None]


class LogFollower:
    """Its methods may be called from any thread and do not wait, except `close`."""

    def __init__(self, sink: LogSink, watcher: LogWatcher | None = None) -> None:
        self._sink = sink
        self._watcher = watcher or open_watcher()
        self._lock = threading.Lock()
        self._commands: deque[_Command] = deque()
        self._containers: dict[Path, _Container] = {}
        self._closing = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="container logs", daemon=True)
        self._thread.start()

    def add_container(self, pod: PodRef, container: str, directory: Path) -> None:
        """Follow `<directory>/<n>.log` from the first instance on; it need not exist yet."""

        def lost() -> None:
            self._sink.log_lost(pod, container)

        self._post(_Container(pod, container, directory, LogCursor(directory, lost)))

    def instance_ended(self, directory: Path, instance: int) -> None:
        """All that `<directory>/<instance>.log` will ever hold is written: hand out its last line,
        which may have no newline. What is said afterwards comes after it."""
        self._post(lambda: self._end_instance(directory, instance))

    def after_logs(self, callback: Callable[[], None]) -> None:
        """Call `callback` in this thread, once all that has been written until now is handed to
        the sink; so that what is said about a container follows what the container said."""
        if not self._post(callback):
            callback()

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Hand out all that is written, also last lines without a newline, and end. To be called
        when the containers have ended. False if the sink did not take it in time."""
        self._closing.set()
        with self._lock:
            if not self._ended:
                self._watcher.wake()
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _post(self, command: _Command) -> bool:
        with self._lock:
            if self._ended:
                return False
            self._commands.append(command)
            self._watcher.wake()
        return True

    # --- in the thread

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                changed = self._watcher.wait(self._patience())
                self._look(changed)
                self._closing.wait(BATCH_SECONDS)
        finally:
            self._end()

    def _patience(self) -> float | None:
        """Without limit, if every directory will tell of its changes."""
        watched = all(container.watched for container in self._containers.values())
        return None if watched else POLL_SECONDS

    def _look(self, changed: set[Path] | None) -> None:
        commands = self._take_commands()
        if changed is not None:
            # Again: a command may stand for something that was written after `wait` returned.
            later = self._watcher.wait(0) if commands else set()
            changed = None if later is None else changed | later
        for command in commands:
            if isinstance(command, _Container):
                self._containers.setdefault(command.directory, command)
        for container in tuple(self._containers.values()):
            unwatched = not container.watched
            if unwatched:
                # Before reading, so that nothing can fall between the two.
                container.watched = self._watcher.watch(container.directory)
            if unwatched or changed is None or container.directory in changed:
                self._read(container)
        self._answer(commands)

    def _answer(self, commands: list[_Command]) -> None:
        for command in commands:
            if not isinstance(command, _Container):
                _call(command)

    def _take_commands(self) -> list[_Command]:
        with self._lock:
            commands = list(self._commands)
            self._commands.clear()
        return commands

    def _read(self, container: _Container, *, final: bool = False) -> None:
        self._hand_out(container, lambda cursor: cursor.read(final=final))

    def _hand_out(
        self, container: _Container, read: Callable[[LogCursor], Iterator[Batch]]
    ) -> None:
        try:
            for entries in read(container.cursor):
                self._sink.log_lines(container.pod, container.name, entries)
            container.broken = False
        except Exception:
            if not container.broken:
                log.exception("cannot follow log", pod=container.pod, container=container.name)
            container.broken = True

    def _end_instance(self, directory: Path, instance: int) -> None:
        container = self._containers.get(directory)
        if container is not None:
            self._hand_out(container, lambda cursor: cursor.end(instance))

    def _end(self) -> None:
        self._look(None)
        for container in self._containers.values():
            self._read(container, final=True)
            container.cursor.close()
        self._containers.clear()
        while not self._ended:
            self._answer(self._take_commands())
            with self._lock:
                self._ended = not self._commands
                if self._ended:
                    self._watcher.close()


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        log.exception("cannot tell what happened")
