"""Watches: order, completeness, the window, who is woken (K-51, K-52)."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from minikubelet.store.history import HistoryLimits
from minikubelet.store.objects import Change, Expired
from minikubelet.store.store import ObjectStore, memory_store
from minikubelet.store.watch import Watch
from tests.store.builders import EVENTS, PODS, a_key, create, replace, told


def a_store(max_changes: int = 10_000, max_bytes: int = 1 << 26) -> ObjectStore:
    return memory_store(HistoryLimits(max_changes, max_bytes))


def test_a_watch_begins_behind_the_version_asked_for() -> None:
    store = a_store()
    first = create(store, a_key("a"))
    second = create(store, a_key("b"))
    assert told(store.watch(PODS, since=first)) == [("ADDED", "b", second)]
    from_now = store.watch(PODS)
    assert told(from_now) == []
    third = replace(store, a_key("b"), spec={})
    fourth = store.remove(a_key("a")).resource_version
    assert told(from_now) == [("MODIFIED", "b", third), ("DELETED", "a", fourth)]


def test_a_watch_sees_its_storage_and_namespace_only() -> None:
    store = a_store()
    everywhere, here = store.watch(PODS), store.watch(PODS, "here")
    create(store, a_key("event", "here", EVENTS))
    there = create(store, a_key("a", "there"))
    mine = create(store, a_key("a", "here"))
    assert told(everywhere) == [("ADDED", "a", there), ("ADDED", "a", mine)]
    assert told(here) == [("ADDED", "a", mine)]


async def test_a_waiting_watch_wakes_for_its_own_changes_only() -> None:
    store = a_store()
    watch = store.watch(PODS, "here")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(watch.next())
        await asyncio.sleep(0)
        create(store, a_key("event", "here", EVENTS))
        create(store, a_key("a", "there"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        version = create(store, a_key("a", "here"))
    assert waiting.result().resource_version == version


async def test_a_cancelled_wait_loses_no_change() -> None:
    store = a_store()
    watch = store.watch(PODS)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(watch.next())
        await asyncio.sleep(0)
        version = create(store, a_key())
        # Woken already, and cancelled before it runs.
        waiting.cancel()
    assert told(watch) == [("ADDED", "web", version)]


async def test_a_batch_waits_for_one_change_and_brings_what_is_there() -> None:
    store = a_store()
    watch = store.watch(PODS)
    versions = [create(store, a_key(f"p{i}")) for i in range(5)]
    assert [change.resource_version for change in await watch.batch(3)] == versions[:3]
    assert [change.resource_version for change in await watch.batch(3)] == versions[3:]


async def test_five_thousand_changes_reach_a_watcher_that_reads_none_before() -> None:
    store = a_store()
    watch = store.watch(PODS)
    create(store, a_key())
    for number in range(4_999):
        replace(store, a_key(), spec={"number": number})
        create(store, a_key(f"e{number}", storage=EVENTS))
    seen: list[Change] = []
    while len(seen) < 5_000:
        seen += await watch.batch()
    assert [change.object.document.get("spec", {}).get("number", -1) for change in seen] == list(
        range(-1, 4_999)
    )


async def test_a_slow_watcher_falls_out_of_the_window_and_others_go_on() -> None:
    store = a_store(max_changes=100)
    slow, fast = store.watch(PODS), store.watch(PODS)
    create(store, a_key())
    for number in range(150):
        replace(store, a_key(), spec={"number": number})
        assert fast.ready()
    with pytest.raises(Expired):
        await slow.next()
    with pytest.raises(Expired):
        await slow.next()
    assert told(fast) == []


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        pytest.param(HistoryLimits(max_changes=10), 10, id="by their count"),
        pytest.param(HistoryLimits(max_bytes=6_000), 5, id="by their size"),
    ],
)
def test_the_window_is_bounded(limits: HistoryLimits, kept: int) -> None:
    store = memory_store(limits)
    create(store, a_key())
    versions = [replace(store, a_key(), spec=f"{i:01000}") for i in range(50)]
    oldest = versions[-kept - 1]
    assert len(told(store.watch(PODS, since=oldest))) == kept
    with pytest.raises(Expired) as expired:
        store.watch(PODS, since=oldest - 1)
    assert str(expired.value) == f"too old resource version: {oldest - 1} ({oldest})"


def test_churn_of_one_storage_expires_no_quiet_one() -> None:
    store = a_store(max_changes=10)
    begin = store.resource_version
    for number in range(50):
        create(store, a_key(f"e{number}", storage=EVENTS))
    assert told(store.watch(PODS, since=begin)) == []
    with pytest.raises(Expired):
        store.watch(EVENTS, since=begin)


def test_a_version_from_the_future_has_expired() -> None:
    store = a_store()
    store.watch(PODS, since=store.resource_version)
    with pytest.raises(Expired):
        store.watch(PODS, since=store.resource_version + 1)


def test_a_bookmark_is_behind_all_that_was_read() -> None:
    store = a_store()
    watch = store.watch(PODS)
    first = create(store, a_key("a"))
    create(store, a_key("b"))
    other = create(store, a_key("event", storage=EVENTS))
    assert watch.ready(1)[0].resource_version == first
    assert watch.resource_version == first
    watch.ready()
    assert watch.resource_version == other


def test_all_watchers_share_one_encoded_line() -> None:
    store = a_store()
    watches = [store.watch(PODS) for _ in range(3)]
    create(store, a_key(), spec={"text": 'ü "quoted"'})
    lines = [watch.ready()[0].encoded_line for watch in watches]
    assert lines[0] is lines[1] is lines[2]
    assert lines[0].endswith(b"}\n")
    stored = store.get(a_key())
    assert stored is not None
    assert json.loads(lines[0]) == {"type": "ADDED", "object": stored.document}


def test_old_changes_are_told_as_they_were() -> None:
    store = a_store()
    watch = store.watch(PODS)
    create(store, a_key())
    for number in range(600):
        replace(store, a_key(), spec={"number": number})
    changes: list[Change] = watch.ready(1000)
    for change, after in itertools.pairwise(changes):
        assert after.before is not None
        assert after.before.document == change.object.document
        assert json.loads(change.encoded_line)["object"] == change.object.document


def test_a_closed_watch_says_so() -> None:
    with a_store().watch(PODS) as watch:
        pass
    with pytest.raises(RuntimeError, match="was closed"):
        watch.ready()


async def test_a_waiting_watch_is_forgotten_when_its_reader_leaves() -> None:
    store = a_store()
    watches: list[Watch] = [store.watch(PODS) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch.next()) for watch in watches]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        version = create(store, a_key())
    assert [task.result().resource_version for task in tasks[1:]] == [version, version]
