"""Watches: initial objects, changes, bookmarks, the end (K-51 … K-57, A-4).

Role: one coroutine per watcher, reading its cursor into the store's history and writing lines.
Invariants: a slow client costs no memory: its cursor falls out of the history and it is told 410;
an idle watch stays open until its `timeoutSeconds` or until the server stops, and then ends
cleanly.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator

import orjson
from aiohttp import web

from minikubelet.apiserver.negotiation import Form
from minikubelet.apiserver.rendering import Renderer
from minikubelet.apiserver.requests import ListOptions, Target, version_number
from minikubelet.apiserver.responses import ApiError, bad_request, expired, internal_error
from minikubelet.apiserver.selecting import Selection
from minikubelet.apiserver.shared_lines import SharedLines, watch_line
from minikubelet.apiserver.strategies.events import needs_conversion
from minikubelet.clock import Clock
from minikubelet.log import get_logger
from minikubelet.store.objects import Change, ChangeType, Expired, StoredObject
from minikubelet.store.store import ObjectStore
from minikubelet.store.watch import Watch

log = get_logger(__name__)

BOOKMARK_SECONDS = 60.0
_WRITE_BYTES = 64 * 1024


class Watches:
    """All open watches, so that a server that stops can end them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: set[asyncio.Timeout] = set()
        self.ending = False
        self.shared_lines = SharedLines()

    def __len__(self) -> int:
        return len(self._open)

    def end(self) -> None:
        self.ending = True
        for waiting in tuple(self._open):
            _fire(waiting)

    async def next(self, watch: Watch, until: float) -> list[Change]:
        """Some changes; none when `until` (monotonic) is reached, or when the server stops and all
        is told."""
        if self.ending:
            return watch.ready()
        timer = None
        try:
            async with asyncio.timeout(None) as waiting:
                self._open.add(waiting)
                if until < math.inf:
                    timer = self._clock.call_at(until, lambda: _fire(waiting))
                return await watch.batch()
        except TimeoutError:
            return []
        finally:
            self._open.discard(waiting)
            if timer is not None:
                timer.cancel()


def _fire(waiting: asyncio.Timeout) -> None:
    if not waiting.expired():
        waiting.reschedule(asyncio.get_running_loop().time())


async def serve_watch(
    request: web.Request,
    target: Target,
    options: ListOptions,
    selection: Selection,
    renderer: Callable[[], Renderer],
    store: ObjectStore,
    clock: Clock,
    watches: Watches,
) -> web.StreamResponse:
    if options.send_initial_events and not options.bookmarks:
        raise bad_request("sendInitialEvents requires setting allowWatchBookmarks to true")
    stream = _Stream(target, options, selection, renderer, store, watches.shared_lines)
    lines = stream.begin()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.headers["Cache-Control"] = "no-cache, private"
    await response.prepare(request)
    try:
        await _tell(response, stream, lines, options, clock, watches)
    except (ConnectionError, ApiError):
        raise
    except Exception as err:
        # The answer has begun: an error can only be told in it.
        log.exception("watch failed", path=request.path)
        await response.write(_error_line(internal_error(f"{type(err).__name__}: {err}").status))
    await response.write_eof()
    return response


async def _tell(
    response: web.StreamResponse,
    stream: _Stream,
    lines: Iterator[bytes],
    options: ListOptions,
    clock: Clock,
    watches: Watches,
) -> None:
    """Write until the time is up, the server stops, or the client fell behind. A server that stops
    has told what had happened by then."""
    started_at = clock.monotonic()
    deadline = math.inf
    if options.timeout_seconds:
        deadline = started_at + max(options.timeout_seconds, 0)
    bookmark_at = started_at + BOOKMARK_SECONDS if options.bookmarks else math.inf
    for piece in _pieces(lines):
        await response.write(piece)
    if stream.watch is None:
        return
    with stream.watch as watch:
        while clock.monotonic() < deadline:
            try:
                changes = await watches.next(watch, min(deadline, bookmark_at))
            except Expired as err:
                await response.write(_error_line(expired(str(err)).status))
                break
            if watches.ending and not changes:
                break
            for piece in _pieces(stream.lines(changes)):
                await response.write(piece)
            if clock.monotonic() >= bookmark_at:
                bookmark_at = clock.monotonic() + BOOKMARK_SECONDS
                await response.write(stream.bookmark(watch.resource_version))


class _Stream:
    """What one watcher is told."""

    def __init__(
        self,
        target: Target,
        options: ListOptions,
        selection: Selection,
        renderer: Callable[[], Renderer],
        store: ObjectStore,
        shared: SharedLines,
    ) -> None:
        self._shared = shared
        self._target = target
        self._options = options
        self._selection = selection
        self._renderer = renderer
        self._store = store
        resource = target.resource
        self._plain = renderer().wanted.form is Form.OBJECT and not needs_conversion(resource)
        self.watch: Watch | None = None

    def begin(self) -> Iterator[bytes]:
        """Open the cursor; the first lines. A version from the future is a 410 at once; one from
        before the history is told in the stream (K-52)."""
        storage, namespace = self._target.resource.storage, self._target.list_namespace
        since = version_number(self._options.resource_version)
        now = self._store.resource_version
        if since is not None and since > now:
            raise expired(f"too large resource version: {since}, current: {now}")
        initial = self._options.send_initial_events
        if initial is None:
            initial = since is None
        try:
            self.watch = self._store.watch(
                storage, namespace, since=None if initial else since or now
            )
        except Expired as err:
            return iter((_error_line(expired(str(err)).status),))
        if not initial:
            return iter(())
        objects = tuple(filter(self._selection.matches, self._store.list(storage, namespace)))
        return self._initial_lines(objects, now)

    def _initial_lines(self, objects: tuple[StoredObject, ...], version: int) -> Iterator[bytes]:
        renderer = self._renderer()
        for stored in objects:
            yield watch_line(ChangeType.ADDED, renderer.stored(stored))
        if self._options.send_initial_events:
            yield watch_line("BOOKMARK", renderer.bookmark(version, initial_end=True))

    def lines(self, changes: list[Change]) -> Iterator[bytes]:
        if not changes:
            return
        renderer = self._renderer()
        for change in changes:
            seen_as = self._seen_as(change)
            if seen_as is None:
                continue
            if self._plain and seen_as is change.type:
                yield change.encoded_line
            else:
                yield self._shared.line(seen_as, change, renderer)

    def bookmark(self, version: int) -> bytes:
        return watch_line("BOOKMARK", self._renderer().bookmark(version, initial_end=False))

    def _seen_as(self, change: Change) -> ChangeType | None:
        """An object that begins or ceases to match comes or goes for this watcher (K-51)."""
        if self._selection.is_everything:
            return change.type
        before = change.before is not None and self._selection.matches(change.before)
        after = change.type is not ChangeType.DELETED and self._selection.matches(change.object)
        match before, after:
            case True, True:
                return ChangeType.MODIFIED
            case True, False:
                return ChangeType.DELETED
            case False, True:
                return ChangeType.ADDED
        return None


def _error_line(status: object) -> bytes:
    return watch_line("ERROR", orjson.dumps(status))


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines joined into writes of a good size."""
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= _WRITE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
