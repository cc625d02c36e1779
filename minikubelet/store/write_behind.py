"""Bring writes to the disk, off the event loop.

Role: between the store and its file: gathers what was written, has it written by one thread in
few transactions, tells who waits for it, tries again while the disk takes nothing.
Invariants: what was written before something else reaches the disk before or with it; writes of one
step of the event loop share a transaction; nothing that failed to be written is forgotten.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from minikubelet.clock import Clock, Timer
from minikubelet.log import get_logger
from minikubelet.store.database import Database
from minikubelet.store.disk_errors import DamagedError, is_damage, last_text, write_text
from minikubelet.store.objects import Change, StoreWriteError
from minikubelet.store.opening import finish, open_database, write_anew
from minikubelet.store.pending import Batch, Pending
from minikubelet.store.persisted import (
    FIRST_NUMBERS,
    RESERVED_VERSIONS,
    Numbers,
    Persisted,
)

LAZY_SECONDS = 0.05
"""Lazy writes are on their way after this long, so that they are on disk within 100 ms."""
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)

log = get_logger(__name__)


class WriteBehind:
    def __init__(self, path: Path, clock: Clock) -> None:
        self.failing = ""
        self.recovered: tuple[str, ...] = ()
        self._clock = clock
        self._database = Database(path)
        self._thread = ThreadPoolExecutor(1, "minikubelet-state")
        self._loop: asyncio.AbstractEventLoop
        self._opened = False
        self._state: Callable[[], Persisted] = Persisted
        self._pending = Pending()
        self._numbers = FIRST_NUMBERS
        """As on disk, once opened."""
        self._newest = self._durable = self._floor = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._in_flight: asyncio.Future[None] | None = None
        self._urgent = False
        """Somebody waits for what is not in flight."""
        self._soon: asyncio.Handle | None = None
        self._timer: Timer | None = None
        self._damage: Exception | None = None
        """The file is to be written anew."""
        self._failures = 0

    async def open(self, state: Callable[[], Persisted]) -> Persisted:
        """`state` tells later what the store holds, should the file have to be written anew."""
        self._state = state
        self._loop = asyncio.get_running_loop()
        opened = await self._loop.run_in_executor(
            self._thread, open_database, self._database, self._clock.now()
        )
        self._opened = True
        self._numbers = opened.numbers
        self._newest = self._durable = opened.numbers.version
        self._floor = opened.numbers.floor
        self.recovered = opened.recovered
        for line in self.recovered:
            log.error("state recovered", what=line)
        if opened.failing:
            self._fail(opened.failing)
        return opened.persisted

    def changed(self, change: Change, *, lazily: bool) -> None:
        self._pending.add(change)
        self._newest = change.resource_version
        self._schedule(lazily=lazily)

    def forgotten(self, changes: Sequence[Change]) -> None:
        """The history has dropped these; goes with the next write."""
        self._pending.forget(changes)
        self._floor = changes[-1].resource_version

    def set_meta(self, name: str, value: str, *, lazily: bool) -> None:
        self._pending.set_meta(name, value)
        self._schedule(lazily=lazily)

    async def durable(self, resource_version: int) -> None:
        if resource_version <= self._durable:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((resource_version, waiter))
        self._schedule(lazily=False)
        await waiter

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._opened:
                await self._write_rest()
                last = self._next_numbers()
                await loop.run_in_executor(self._thread, finish, self._database, last)
        except (DamagedError, sqlite3.Error, OSError) as error:
            text = write_text(self._database.path, error)
            raise StoreWriteError(last_text(text)) from error
        finally:
            self._cancel_timers()
            await loop.run_in_executor(self._thread, self._database.close)
            self._thread.shutdown(wait=False)

    async def _write_rest(self) -> None:
        while self._in_flight or self._pending or self._damage or self.failing:
            self._flush()
            if self._in_flight:
                await asyncio.wait([self._in_flight])
            if self.failing:
                raise StoreWriteError(last_text(self.failing))

    def _schedule(self, *, lazily: bool) -> None:
        """Write soon: with all that this step of the event loop writes, or a little later."""
        if self._in_flight is not None:
            self._urgent |= not lazily
        elif not lazily:
            if self._soon is None:
                self._soon = self._loop.call_soon(self._flush)
        elif self._timer is None:
            self._flush_in(LAZY_SECONDS)

    def _flush_in(self, seconds: float) -> None:
        self._timer = self._clock.call_at(self._clock.monotonic() + seconds, self._flush)

    def _cancel_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._soon is not None:
            self._soon.cancel()
        self._timer = self._soon = None

    def _flush(self) -> None:
        self._cancel_timers()
        if self._in_flight is not None:
            self._urgent = True
            return
        self._urgent = False
        run = self._loop.run_in_executor
        numbers = self._next_numbers()
        batch: Batch | None = None
        if self._damage is not None:
            state, now = self._state(), self._clock.now()
            self._pending.clear()
            future = run(self._thread, write_anew, self._database, state, numbers, now)
        elif self._pending or self.failing:
            batch = self._pending.take(numbers)
            future = run(self._thread, self._database.write, batch)
        else:
            return
        self._in_flight = future
        future.add_done_callback(lambda done: self._written(done, numbers, batch))

    def _written(self, done: asyncio.Future[None], numbers: Numbers, batch: Batch | None) -> None:
        self._in_flight = None
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._succeed(numbers)
        elif isinstance(error, DamagedError | sqlite3.Error | OSError):
            if batch is not None:
                self._pending.put_back(batch)
            if is_damage(error) and self._damage is None:
                log.error("state is damaged, writing it anew", why=error)
                self._damage = error
                self._schedule(lazily=False)
            else:
                self._fail(write_text(self._database.path, error))
        else:
            raise error

    def _succeed(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._durable = numbers.version
        if self._damage is not None:
            self.recovered += (
                f"the state in {self._database.path} was damaged while it was in use "
                f"({self._damage}); all of it was written anew from memory, nothing is lost",
            )
            self._damage = None
        if self.failing:
            log.info("state is written again", path=self._database.path)
            self.failing, self._failures = "", 0
        waiting, self._waiting = self._waiting, []
        for version, waiter in waiting:
            if version > self._durable:
                self._waiting.append((version, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        if self._urgent or self._waiting:
            self._schedule(lazily=False)
        elif self._pending:
            self._schedule(lazily=True)

    def _fail(self, text: str) -> None:
        if text != self.failing:
            log.error("state cannot be written", why=text)
        self.failing = text
        waiting, self._waiting = self._waiting, []
        for _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(StoreWriteError(text))
        self._flush_in(_RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS) - 1)])
        self._failures += 1

    def _next_numbers(self) -> Numbers:
        reserved = self._numbers.reserved
        if self._newest + RESERVED_VERSIONS // 2 > reserved:
            reserved = self._newest + RESERVED_VERSIONS
        return replace(self._numbers, version=self._newest, reserved=reserved, floor=self._floor)
