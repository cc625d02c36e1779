"""Disks that are full, read-only, damaged or pulled away: told, and nothing lost silently."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.store import carve
from minikubelet.store.database import checked_version
from minikubelet.store.disk_errors import DamagedError
from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import Expired, StoreWriteError
from minikubelet.store.store import ObjectStore, sqlite_store
from tests.fakes.clock import FakeClock
from tests.store.builders import PODS, a_key, create, left_by_crash, replace, told
from tests.store.test_sqlite_store import opened

_PAGE = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", directory], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no right to mount")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


async def test_a_full_disk_is_told_and_made_up_for(small_disk: Path) -> None:
    path, clock = small_disk / "state.db", FakeClock()
    store = sqlite_store(path, clock)
    await store.open()
    await store.durable(create(store, a_key("before")))
    (small_disk / "filler").write_bytes(b"x" * _free(small_disk))
    for number in range(40):
        version = create(store, a_key(f"p{number}"), spec="x" * 3_000)
    with pytest.raises(StoreWriteError) as full:
        await store.durable(version)
    assert str(full.value) == store.failing
    assert store.failing == (
        f"cannot write the state to {path}: the disk is full; free some space. "
        "The state is kept in memory until then and writing it is tried again"
    )
    # Memory goes on; what was written meanwhile goes to the disk later.
    version = replace(store, a_key("before"), lazily=True, spec={"after": 1})
    store.remove(a_key("p0"))
    with pytest.raises(StoreWriteError):
        await store.durable(version)
    (small_disk / "filler").unlink()
    await _until_it_works(store, clock)
    await store.durable(version)
    listed = list(store.list(PODS))
    await store.close()
    async with opened(path) as again:
        assert list(again.list(PODS)) == listed
        assert (len(listed), again.recovered) == (40, ())


async def test_a_limit_on_the_size_of_files_is_told_and_made_up_for(tmp_path: Path) -> None:
    clock = FakeClock()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with opened(tmp_path / "state.db", clock) as store:
        await store.durable(create(store, a_key("before")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            version = create(store, a_key("large"), spec="x" * 200_000)
            with pytest.raises(StoreWriteError, match="limits on the size of files"):
                await store.durable(version)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await _until_it_works(store, clock)
        await store.durable(version)
    async with opened(tmp_path / "state.db") as store:
        assert [s.key.name for s in store.list(PODS)] == ["before", "large"]


async def test_a_disk_that_is_full_at_the_start_costs_no_state(small_disk: Path) -> None:
    path, clock = small_disk / "state.db", FakeClock()
    async with opened(path) as store:
        kept = create(store, a_key())
        create(store, a_key("padding"), spec="x" * 100_000)
        begin = store.resource_version
    (small_disk / "filler").write_bytes(b"x" * _free(small_disk))
    given: list[int] = []
    for _ in range(2):
        store = sqlite_store(path, clock)
        await store.open()
        assert "the disk is full" in store.failing
        assert [s.resource_version for s in store.list(PODS)][-1] == kept
        given.append(replace(store, a_key(), spec={"try": len(given)}))
        with pytest.raises(StoreWriteError):
            await store.durable(given[-1])
        with pytest.raises(StoreWriteError, match="the disk is full"):
            await store.close()
        await clock.advance(1.0)
    assert begin < given[0] < given[1], "no version is given twice though none could be reserved"
    (small_disk / "filler").unlink()
    async with opened(path, clock) as store:
        assert store.failing == ""
        with pytest.raises(Expired):
            store.watch(PODS, since=given[0])
        assert told(store.watch(PODS, since=begin)) == []


async def test_a_read_only_disk_is_told(small_disk: Path) -> None:
    path, clock = small_disk / "state.db", FakeClock()
    async with opened(path) as store:
        await store.durable(create(store, a_key()))
    _remount(small_disk, "ro")
    store = sqlite_store(path, clock)
    await store.open()
    assert "it is read-only; mount it writable" in store.failing
    assert len(store.list(PODS)) == 1
    version = replace(store, a_key(), spec={})
    _remount(small_disk, "rw")
    await _until_it_works(store, clock)
    await store.durable(version)
    await store.close()


async def test_an_unusable_directory_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    store = sqlite_store(tmp_path / "file" / "state.db", FakeClock())
    with pytest.raises(StoreWriteError, match="it cannot be opened; see that the directory exists"):
        await store.open()
    await store.close()


async def test_a_file_pulled_away_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        create(store, a_key("a"))
        await store.durable(replace(store, a_key("a"), spec={"n": 1}))
        store.set_meta("boot", "1")
        path.unlink()
        version = create(store, a_key("b"))
        await store.durable(version)
        assert len(store.recovered) == 1
        assert "all of it was written anew from memory, nothing is lost" in store.recovered[0]
        assert store.failing == ""
    async with opened(path) as store:
        assert [s.key.name for s in store.list(PODS)] == ["a", "b"]
        assert [name for _, name, _ in told(store.watch(PODS, since=1))] == ["a", "a", "b"]
        assert store.get_meta("boot") == "1"
        assert store.recovered == ()


async def test_a_window_written_anew_begins_where_it_began(tmp_path: Path) -> None:
    path, limits = tmp_path / "state.db", HistoryLimits(max_changes=10)
    async with opened(path, limits=limits) as store:
        versions = [create(store, a_key(f"p{number}")) for number in range(30)]
        versions += [replace(store, a_key(f"p{number}"), spec={}) for number in range(30)]
        await store.durable(versions[-1])
        path.unlink()
        store.set_meta("boot", "1", lazily=False)
    async with opened(path, limits=limits) as store:
        assert len(store.list(PODS)) == 30
        assert [version for _, _, version in told(store.watch(PODS, since=versions[-11]))] == (
            versions[-10:]
        )
        with pytest.raises(Expired):
            store.watch(PODS, since=versions[-12])
        before = store.watch(PODS, since=versions[-2]).ready()[0].before
        assert before is not None
        assert before.resource_version == versions[29]


async def test_a_file_damaged_in_use_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        for number in range(2_000):
            create(store, a_key(f"p{number}"), spec="x" * 3_000)
    async with opened(path, limits=HistoryLimits(max_changes=2_000)) as store:
        _spoil_all_but_header(path)
        # Dropping rows reads pages that are damaged.
        for number in range(2_000):
            version = store.remove(a_key(f"p{number}")).resource_version
            await store.durable(version)
            if store.recovered:
                break
        assert len(store.recovered) == 1
        left = len(store.list(PODS))
    assert _kept_aside(path)
    async with opened(path) as store:
        assert len(store.list(PODS)) == left


def _kept_aside(path: Path) -> list[Path]:
    return [
        file for file in path.parent.glob("state.db.damaged-*") if not file.name.endswith("-wal")
    ]


def _spoil_all_but_header(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(_PAGE)
        file.write(os.urandom(path.stat().st_size - _PAGE))


def _spoil(path: Path, seed: int) -> None:
    """One page in the middle becomes noise."""
    data = path.read_bytes()
    _overwrite(path, random.Random(seed).randrange(5, len(data) // _PAGE))


def _spoil_root(path: Path, _: int) -> None:
    _overwrite(path, 1)


def _spoil_list(path: Path, _: int) -> None:
    _overwrite(path, 2)


def _overwrite(path: Path, page: int) -> None:
    data = path.read_bytes()
    noise = random.Random(page).randbytes(_PAGE)
    path.write_bytes(data[: page * _PAGE] + noise + data[(page + 1) * _PAGE :])


def _spoil_header(path: Path, _: int) -> None:
    data = path.read_bytes()
    path.write_bytes(b"\0" * 512 + data[512:])


def _truncate(path: Path, _: int) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip_in_document(path: Path, _: int) -> None:
    data = path.read_bytes()
    at = data.index(b"xxxxx", len(data) // 2)
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])


@pytest.mark.parametrize(
    ("spoil", "at_least"),
    [
        pytest.param(_spoil, 150, id="a page of noise"),
        pytest.param(_spoil_root, 200, id="the first page of the table"),
        pytest.param(_spoil_list, 200, id="the list of objects"),
        pytest.param(_spoil_header, 200, id="a header of zeros"),
        pytest.param(_truncate, 40, id="half a file"),
        pytest.param(_flip_in_document, 199, id="one letter of a document"),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_can_be_read_of_a_damaged_file_is_read(
    tmp_path: Path, spoil: Callable[[Path, int], None], at_least: int, seed: int
) -> None:
    path = tmp_path / "state.db"
    names = {f"p{number}" for number in range(200)}
    async with opened(path) as store:
        for name in sorted(names):
            create(store, a_key(name), spec="x" * 500)
        last = store.remove(a_key("p0")).resource_version
        create(store, a_key("p0"), spec="x" * 500)
    spoil(path, seed)
    damaged = path.read_bytes()
    async with opened(path) as store:
        found = {s.key.name for s in store.list(PODS)}
        assert len(found) >= at_least
        assert found <= names
        assert all(s.document["spec"] == "x" * 500 for s in store.list(PODS))
        assert "was damaged" in store.recovered[0]
        (kept,) = _kept_aside(path)
        assert str(kept) in store.recovered[0]
        assert kept.read_bytes() == damaged
        told_lost = " ".join(store.recovered[1:])
        for name in names - found:
            assert f"pods default/{name}" in told_lost or "the list of objects" in told_lost
        assert store.resource_version > last
        with pytest.raises(Expired):
            store.watch(PODS, since=last)
        assert told(store.watch(PODS, since=store.resource_version)) == []
        create(store, a_key("new"))
    async with opened(path) as store:
        assert {s.key.name for s in store.list(PODS)} == found | {"new"}
        assert store.recovered == ()


async def test_large_objects_are_found_in_the_log_of_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    # Longer than a page, so that the rest is elsewhere; how much depends on the length.
    specs = {f"p{number}": f"{number}" * (30_000 + 600 * number) for number in range(8)}
    async with opened(path) as store:
        for name, spec in specs.items():
            create(store, a_key(name), spec=spec)
        specs["p1"] = "new" * 10_000
        await store.durable(replace(store, a_key("p1"), spec=specs["p1"]))
        store.set_meta("boot", "1")
        await store.durable(store.remove(a_key("p2")).resource_version)
        del specs["p2"]
        crashed = left_by_crash(path, tmp_path / "crashed")
    crashed.write_bytes(b"")
    async with opened(crashed) as store:
        assert len(store.recovered) == 1
        assert {s.key.name: s.document["spec"] for s in store.list(PODS)} == specs
        assert store.get_meta("boot") == "1"


@given(st.binary(max_size=60), st.integers(0, 4_000), st.integers(0, 1))
def test_pages_of_noise_are_no_rows(noise: bytes, at: int, kind: int) -> None:
    page = bytearray(_PAGE)
    page[0] = 0x0D if kind else 0x05
    page[at : at + len(noise)] = noise
    database = bytes(page[:_PAGE]) + bytes(page[:_PAGE])
    for row in carve.rows(database, database):
        with pytest.raises((DamagedError, ValueError)):
            checked_version(row)


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"", id="empty"), pytest.param(b"no database at all " * 999, id="noise")],
)
async def test_a_file_of_which_nothing_can_be_read_is_kept_and_told(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as store:
        used = create(store, a_key())
    path.write_bytes(content)
    async with opened(path) as store:
        assert len(store.list(PODS)) == 0
        assert store.recovered[1:]
        assert store.resource_version > used
    assert [file.read_bytes() for file in _kept_aside(path)] == [content]


def _remount(directory: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", directory], check=True)


def _free(directory: Path) -> int:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


async def _until_it_works(store: ObjectStore, clock: FakeClock) -> None:
    async with asyncio.timeout(10):
        while store.failing:
            await clock.advance(5)
            await asyncio.sleep(0.005)
