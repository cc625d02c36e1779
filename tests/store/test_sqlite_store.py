"""The state in its file: restarts, crashes, versions, lazy writes (K-29, design 3.1)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from minikubelet.clock import Clock
from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import Expired, StoreWriteError
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.fakes.clock import FakeClock
from tests.store.builders import (
    EVENTS,
    PODS,
    a_key,
    create,
    left_by_crash,
    replace,
    told,
)


@asynccontextmanager
async def opened(
    path: Path, clock: Clock | None = None, limits: HistoryLimits | None = None
) -> AsyncIterator[ObjectStore]:
    store = sqlite_store(path, clock or FakeClock(), limits)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_a_restart_keeps_objects_history_and_values(tmp_path: Path) -> None:
    path = tmp_path / "made" / "state.db"
    async with opened(path) as store:
        begin = store.resource_version
        create(store, a_key("a"), spec={"text": "ü"})
        replace(store, a_key("a"), lazily=True, status={"phase": "Running"})
        create(store, a_key("b"))
        store.remove(a_key("b"))
        store.set_meta("boot", "1")
        told_before = told(store.watch(PODS, since=begin))
        end = store.resource_version
        listed = list(store.list(PODS))
    async with opened(path) as store:
        assert list(store.list(PODS)) == listed
        assert store.get_meta("boot") == "1"
        assert store.resource_version == end, "a clean stop costs no versions"
        assert told(store.watch(PODS, since=begin)) == told_before
        assert told(store.watch(PODS, since=end - 1)) == [("DELETED", "b", end)]
        assert store.watch(PODS, since=begin).ready()[1].before is not None
        assert create(store, a_key("c")) == end + 1
        assert (store.failing, store.recovered) == ("", ())


async def test_what_is_durable_outlives_a_crash_and_nothing_is_numbered_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        kept = create(store, a_key("kept"))
        await store.durable(kept)
        # The clock stands still, so this one waits for the disk.
        lost = replace(store, a_key("kept"), lazily=True, spec={"seen": "and lost"})
        crashed = left_by_crash(path, tmp_path / "crashed")
    async with opened(crashed) as store:
        assert store.get(a_key("kept")) is not None
        assert [s.resource_version for s in store.list(PODS)] == [kept]
        assert store.resource_version > lost
        # Who saw the change that is lost must list again; who did not goes on.
        with pytest.raises(Expired):
            store.watch(PODS, since=lost)
        assert told(store.watch(PODS, since=kept)) == []
        assert told(store.watch(PODS, since=store.resource_version)) == []
        second = replace(store, a_key("kept"), spec={"now": 1})
        assert told(store.watch(PODS, since=kept)) == [("MODIFIED", "kept", second)]
        await store.durable(second)
        again = left_by_crash(crashed, tmp_path / "again")
    async with opened(again) as store:
        assert store.resource_version > second
        with pytest.raises(Expired):
            store.watch(PODS, since=lost)
        assert told(store.watch(PODS, since=kept)) == [("MODIFIED", "kept", second)]


async def test_a_lazy_write_reaches_the_disk_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "state.db", FakeClock()
    async with opened(path, clock) as store:
        version = create(store, a_key())
        await store.durable(version)
        for number in range(10):
            version = replace(store, a_key(), lazily=True, spec={"number": number})
            await clock.advance(0.005)
        await clock.advance(0.05)
        assert await asyncio.to_thread(_reaches_disk, version, path, tmp_path)


async def test_writes_of_one_step_are_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        for number in range(20):
            first = create(store, a_key(f"a{number}"))
            store.set_meta("position", str(number))
            create(store, a_key(f"b{number}"))
            await store.durable(first)
            async with opened(left_by_crash(path, tmp_path / f"crash{number}")) as crashed:
                assert len(crashed.list(PODS)) == 2 * number + 2
                assert crashed.get_meta("position") == str(number)


async def test_who_waits_for_a_write_made_during_another_is_served(tmp_path: Path) -> None:
    path, clock = tmp_path / "state.db", FakeClock()
    async with opened(path, clock) as store:
        for number in range(5):
            create(store, a_key(f"first{number}"))
            await asyncio.sleep(0)
            # The first is with the thread now.
            version = create(store, a_key(f"second{number}"))
            async with asyncio.timeout(10):
                await store.durable(version)


async def test_a_lazy_write_made_during_another_reaches_the_disk(tmp_path: Path) -> None:
    path, clock = tmp_path / "state.db", FakeClock()
    async with opened(path, clock) as store:
        create(store, a_key())
        await asyncio.sleep(0)
        version = replace(store, a_key(), lazily=True, spec={"late": 1})
        async with asyncio.timeout(10):
            # Its time begins when the thread is back.
            while version not in _versions_on_disk(path, tmp_path):
                await clock.advance(0.1)
                await asyncio.sleep(0.005)


async def test_who_stops_waiting_for_the_disk_disturbs_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.db") as store:
        version = create(store, a_key())
        async with asyncio.TaskGroup() as group:
            leaving = group.create_task(store.durable(version))
            staying = group.create_task(store.durable(version))
            await asyncio.sleep(0)
            leaving.cancel()
        assert leaving.cancelled()
        assert staying.done()


async def test_many_writers_share_few_transactions(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.db") as store:

        async def write(number: int) -> None:
            await store.durable(create(store, a_key(f"p{number}")))

        async with asyncio.TaskGroup() as group:
            for number in range(500):
                group.create_task(write(number))
        assert len(store.list(PODS)) == 500


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(HistoryLimits(max_changes=20), id="by count"),
        pytest.param(HistoryLimits(max_bytes=2_000), id="by size"),
    ],
)
async def test_the_file_forgets_what_the_history_forgets(
    tmp_path: Path, limits: HistoryLimits
) -> None:
    path = tmp_path / "state.db"
    async with opened(path, limits=limits) as store:
        create(store, a_key("quiet"))
        for number in range(100):
            create(store, a_key(f"p{number}"))
            replace(store, a_key(f"p{number}"), spec={"number": number})
            version = store.remove(a_key(f"p{number}")).resource_version
            if number % 10 == 0:
                await store.durable(version)
        await store.durable(version)
        window = told(store.watch(PODS, since=version - 10))
        rows = _versions_on_disk(path, tmp_path)
    assert len(rows) <= 24, "the window, what it replaced, and one object"
    async with opened(path, limits=limits) as store:
        assert [s.key.name for s in store.list(PODS)] == ["quiet"]
        assert told(store.watch(PODS, since=version - 10)) == window
        with pytest.raises(Expired):
            store.watch(EVENTS, since=2)


async def test_a_smaller_window_counts_from_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        versions = [create(store, a_key(f"p{i}")) for i in range(50)]
    async with opened(path, limits=HistoryLimits(max_changes=5)) as store:
        assert len(told(store.watch(PODS, since=versions[-6]))) == 5
        with pytest.raises(Expired):
            store.watch(PODS, since=versions[-7])
        assert len(store.list(PODS)) == 50


async def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    async with opened(directory / "state.db") as store:
        await store.durable(create(store, a_key()))
        modes = {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert modes
    assert set(modes.values()) == {0o600}, modes


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        await store.durable(create(store, a_key()))
        second = sqlite_store(path, FakeClock())
        with pytest.raises(StoreWriteError, match="another process uses it; stop the other daemon"):
            await second.open()
        await second.close()
        await store.durable(create(store, a_key("still")))


async def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        create(store, a_key())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    content = path.read_bytes()
    store = sqlite_store(path, FakeClock())
    with pytest.raises(StoreWriteError) as refused:
        await store.open()
    await store.close()
    assert str(refused.value) == (
        f"cannot open the state in {path}: a newer minikubelet wrote it (format 7, this one knows"
        " 1); use that version, or move the file away to begin anew"
    )
    assert path.read_bytes() == content


def _reaches_disk(version: int, path: Path, tmp_path: Path) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if version in _versions_on_disk(path, tmp_path):
            return True
        time.sleep(0.002)
    return False


def _versions_on_disk(path: Path, tmp_path: Path) -> set[int]:
    directory = tmp_path / f"look{len(list(tmp_path.iterdir()))}"
    copy = left_by_crash(path, directory)
    connection = sqlite3.connect(copy)
    try:
        return {n for (n,) in connection.execute("SELECT resource_version FROM versions")}
    except sqlite3.DatabaseError:
        # Copied in the middle of a write.
        return set()
    finally:
        connection.close()
