"""Watches, as a client sees them (K-51 … K-57, A-4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from minikubelet.apiserver.watching import BOOKMARK_SECONDS
from minikubelet.store.history import HistoryLimits
from tests.apiserver.api import CORE, TABLE, Api, a_config_map, a_pod, key_of, serving_api
from tests.fakes.clock import FakeClock

MAPS = f"{CORE}/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


def version(api: Api) -> str:
    return f"resourceVersion={api.store.resource_version}"


@pytest.mark.parametrize("query", ["", "resourceVersion=", "resourceVersion=0"])
async def test_without_a_version_what_exists_comes_first(api: Api, query: str) -> None:  # K-57
    await api.ok("POST", MAPS, a_config_map("a"))
    async with api.watch(MAPS, query) as events:
        assert await events.names(1) == [("ADDED", "a")]
        await api.ok("POST", MAPS, a_config_map("b"))
        await api.ok("DELETE", f"{MAPS}/a")
        assert await events.names(2) == [("ADDED", "b"), ("DELETED", "a")]


async def test_from_a_version_each_change_once_in_order(api: Api) -> None:  # K-51
    created = await api.ok("POST", MAPS, a_config_map("a"))
    since = version(api)
    changed = (await api.patch(f"{MAPS}/a", {"data": {"x": "y"}})).body
    await api.ok("DELETE", f"{MAPS}/a")
    async with api.watch(MAPS, since) as events:
        assert await events.next() == {"type": "MODIFIED", "object": changed}
        deleted = await events.next()
    assert deleted["type"] == "DELETED"
    assert deleted["object"]["data"] == changed["data"]
    versions = [int(o["metadata"]["resourceVersion"]) for o in (created, changed)]
    assert int(deleted["object"]["metadata"]["resourceVersion"]) > max(versions)


async def test_objects_come_and_go_with_the_selector(api: Api) -> None:  # K-51
    await api.ok("POST", MAPS, a_config_map("a", metadata={"labels": {"app": "x"}}))
    query = f"labelSelector=app%3Dx&{version(api)}"
    async with api.watch(MAPS, query) as events:
        for value in ("y", "x", "x2", None, "x"):
            patch = {"metadata": {"labels": {"app": value}}}
            await api.patch(f"{MAPS}/a", patch, "merge-patch")
        await api.patch(f"{MAPS}/a", {"data": {"k": "v"}})
        await api.ok("DELETE", f"{MAPS}/a")
        types = [kind for kind, _ in await events.names(5)]
    assert types == ["DELETED", "ADDED", "DELETED", "ADDED", "MODIFIED"]


async def test_one_object_by_name(api: Api) -> None:  # K-57
    query = f"fieldSelector=metadata.name%3Db&{version(api)}"
    async with api.watch(MAPS, query) as events:
        for name in ("a", "b"):
            await api.ok("POST", MAPS, a_config_map(name))
        assert await events.names(1) == [("ADDED", "b")]


async def test_initial_events_end_with_a_bookmark(api: Api) -> None:  # K-55
    await api.ok("POST", MAPS, a_config_map("a"))
    query = (
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        "&resourceVersion="
    )
    async with api.watch(MAPS, query) as events:
        assert await events.names(1) == [("ADDED", "a")]
        assert await events.next() == {
            "type": "BOOKMARK",
            "object": {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": str(api.store.resource_version),
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            },
        }
        await api.ok("POST", MAPS, a_config_map("b"))
        assert await events.names(1) == [("ADDED", "b")]


async def test_bookmarks_once_a_minute_for_those_who_ask() -> None:  # K-54
    clock = FakeClock()
    async with (
        serving_api(clock=clock) as api,
        api.watch(MAPS, f"allowWatchBookmarks=true&{version(api)}") as asked,
        api.watch(MAPS, version(api)) as silent,
    ):
        api.store.create(key_of("pods", "other"), a_pod("other"))
        await clock.advance(BOOKMARK_SECONDS)
        bookmark = await asked.next()
        assert bookmark["type"] == "BOOKMARK"
        newest = str(api.store.resource_version)
        assert bookmark["object"]["metadata"]["resourceVersion"] == newest
        await clock.advance(BOOKMARK_SECONDS)
        assert (await asked.next())["type"] == "BOOKMARK"
        await api.ok("POST", MAPS, a_config_map("a"))
        assert await silent.names(1) == [("ADDED", "a")]


async def test_a_table_watch_sends_rows(api: Api) -> None:  # K-56
    query = (
        "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
        f"{version(api)}"
    )
    async with api.watch(MAPS, query, accept=TABLE) as events:
        bookmark = await events.next()
        assert (bookmark["object"]["kind"], bookmark["object"]["rows"]) == ("Table", [])
        await api.ok("POST", MAPS, a_config_map("a"))
        event = await events.next()
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")
    assert [row["cells"][0] for row in event["object"]["rows"]] == ["a"]


async def test_timeout_seconds_end_the_stream() -> None:  # K-53
    clock = FakeClock()
    async with (
        serving_api(clock=clock) as api,
        api.watch(MAPS, f"timeoutSeconds=5&{version(api)}") as events,
    ):
        await clock.advance(5)
        assert await events.rest() == b""


async def test_older_than_the_history_is_told_in_the_stream() -> None:  # K-52
    async with serving_api(limits=HistoryLimits(max_changes=5)) as api:
        old = version(api)
        for number in range(8):
            await api.ok("POST", MAPS, a_config_map(f"a{number}"))
        async with api.watch(MAPS, old, accept=TABLE) as events:
            error = await events.next()
            assert error["type"] == "ERROR"
            assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
            assert await events.rest() == b""


async def test_a_version_of_the_future_is_gone(api: Api) -> None:  # K-52
    answer = await api("GET", f"{MAPS}?watch=1&resourceVersion=99999")
    assert (answer.status, answer.body["reason"]) == (410, "Expired")
    assert (await api("GET", f"{MAPS}?watch=1&resourceVersion=x")).status == 400


async def test_a_reader_that_falls_behind_is_told_410() -> None:
    """The cursor expires; nothing piles up for a client that does not read."""
    async with serving_api(limits=HistoryLimits(max_changes=10)) as api:
        async with api.watch(MAPS, version(api)) as events:
            big = {"blob": "x" * 500_000}
            for number in range(60):  # 30 MB are more than the sockets take
                key = key_of("configmaps", f"a{number}")
                api.store.create(key, a_config_map(key.name, data=big))
                await asyncio.sleep(0)
            kinds = [json.loads(line)["type"] for line in (await events.rest()).splitlines()]
        assert kinds[-1] == "ERROR"
        assert len(kinds) < 61


async def test_all_watches_end_when_the_server_stops(api: Api) -> None:
    async with api.watch(MAPS) as one, api.watch(f"{CORE}/pods", version(api)) as other:
        await api.ok("POST", MAPS, a_config_map("a"))
        assert await one.names(1) == [("ADDED", "a")]
        await api.server.stop()
        assert [await one.rest(), await other.rest()] == [b"", b""]


async def test_kinds_that_are_not_run_stay_silent(api: Api) -> None:
    path = "/apis/apps/v1/deployments"
    query = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    async with api.watch(path, query) as events:
        assert (await events.next())["type"] == "BOOKMARK"


async def test_two_hundred_changes_reach_a_hundred_watchers(api: Api) -> None:
    async with asyncio.TaskGroup() as tasks:
        started = asyncio.Semaphore(0)

        async def watch() -> list[tuple[str, str]]:
            async with api.watch(MAPS, version(api)) as events:
                started.release()
                return await events.names(200)

        readers = [tasks.create_task(watch()) for _ in range(100)]
        for _ in readers:
            await started.acquire()
        for number in range(200):
            key = key_of("configmaps", f"a{number}")
            api.store.create(key, a_config_map(key.name))
    expected = [("ADDED", f"a{number}") for number in range(200)]
    assert all(reader.result() == expected for reader in readers)


async def test_table_watchers_share_lines_for_a_second(api: Api) -> None:  # K-56
    """Two watchers in one form get the same; another form, and a later second, their own."""
    assert isinstance(api.clock, FakeClock)
    plain = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    since = f"resourceVersion={api.store.resource_version}"
    async with (
        api.watch(MAPS, since, TABLE) as first,
        api.watch(MAPS, since, TABLE) as second,
        api.watch(MAPS, f"{since}&includeObject=None", TABLE) as bare,
        api.watch(MAPS, since, plain) as partial,
    ):
        await api.ok("POST", MAPS, a_config_map())
        seen = [(await events.next())["object"] for events in (first, second, bare, partial)]
        assert seen[0] == seen[1]
        assert seen[0]["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        assert seen[2]["rows"][0]["object"] is None
        assert seen[3]["kind"] == "PartialObjectMetadata"
        await api.clock.advance(65)
        await api.patch(f"{MAPS}/settings", {"data": {"a": "b"}}, "merge-patch")
        assert (await first.next())["object"]["rows"][0]["cells"][2] == "65s"
