"""The options of requests, checked before anything else is done (K-12, K-28, K-47, K-55)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from minikubelet.store.history import HistoryLimits
from tests.apiserver.api import CORE, Api, a_config_map, serving_api

MAPS = f"{CORE}/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api(limits=HistoryLimits(max_changes=4)) as api:
        yield api


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param(
            "resourceVersionMatch=Exact",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
            id="match without version",
        ),
        pytest.param(
            "resourceVersionMatch=Exact&resourceVersion=0",
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            id="exactly any",
        ),
        pytest.param(
            "resourceVersionMatch=Newest&resourceVersion=1",
            'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", '
            '"NotOlderThan", ""',
            id="unknown match",
        ),
        pytest.param(
            "resourceVersionMatch=Exact&resourceVersion=1&continue=x",
            "resourceVersionMatch is forbidden when continue is provided",
            id="match of a part",
        ),
        pytest.param(
            "sendInitialEvents=false",
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            id="initial events of a list",
        ),
        pytest.param(
            "watch&resourceVersionMatch=NotOlderThan&resourceVersion=1",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            id="match of a watch",
        ),
        pytest.param(
            "watch&sendInitialEvents=true&allowWatchBookmarks=true",
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan",
            id="initial events without match",
        ),
    ],
)
async def test_lists_and_watches(api: Api, query: str, message: str) -> None:
    answer = await api("GET", f"{MAPS}?{query}")
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.message.startswith('ListOptions.meta.k8s.io "" is invalid: ')
    assert message in answer.message


@pytest.mark.parametrize(
    ("method", "query", "kind", "message"),
    [
        pytest.param(
            "POST",
            "dryRun=Some",
            "CreateOptions",
            'dryRun: Unsupported value: ["Some"]: supported values: "All"',
            id="unknown dry run",
        ),
        pytest.param(
            "PUT",
            "fieldValidation=Perhaps",
            "UpdateOptions",
            'fieldValidation: Unsupported value: "Perhaps": supported values: "", "Ignore", '
            '"Strict", "Warn"',
            id="unknown validation",
        ),
        pytest.param(
            "POST",
            f"fieldManager={'m' * 129}",
            "CreateOptions",
            "fieldManager: Too long: may not be more than 128 bytes",
            id="long manager",
        ),
        pytest.param(
            "PATCH",
            "fieldManager=a%C3%A4%0Ab",
            "PatchOptions",
            'fieldManager: Invalid value: "aä\\nb": invalid character U+000A (at position 3)',
            id="manager with a line break",
        ),
        pytest.param(
            "PATCH",
            "force=false",
            "PatchOptions",
            "force: Forbidden: may not be specified for non-apply patch",
            id="force of a merge",
        ),
    ],
)
async def test_writes(api: Api, method: str, query: str, kind: str, message: str) -> None:
    path = MAPS if method == "POST" else f"{MAPS}/settings"
    answer = await api(method, f"{path}?{query}", a_config_map(), MERGE)
    assert (answer.status, answer.message) == (422, f'{kind}.meta.k8s.io "" is invalid: {message}')
    assert answer.body["details"]["kind"] == kind


async def test_an_apply_names_its_manager(api: Api) -> None:
    answer = await api("PATCH", f"{MAPS}/settings", a_config_map(), APPLY)
    assert answer.message == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
        "apply patch"
    )


async def test_a_version_from_the_future_is_waited_for_by_the_client(api: Api) -> None:
    for path in (MAPS, f"{MAPS}/settings"):
        answer = await api("GET", f"{path}?resourceVersion=99999")
        assert (answer.status, answer.body["reason"]) == (504, "Timeout")
        assert answer.message.startswith("Too large resource version: 99999, current: ")
        assert answer.body["details"]["causes"] == [
            {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        ]
        assert answer.headers["Retry-After"] == "1"


async def test_a_list_as_it_was(api: Api) -> None:
    first = await api.ok("POST", MAPS, a_config_map("one"))
    version = first["metadata"]["resourceVersion"]
    await api.ok("POST", MAPS, a_config_map("two"))
    for query, names in (
        ("resourceVersionMatch=Exact", ["one"]),
        ("limit=5", ["one"]),
        ("resourceVersionMatch=NotOlderThan", ["one", "two"]),
        ("", ["one", "two"]),
    ):
        found = await api.ok("GET", f"{MAPS}?resourceVersion={version}&{query}")
        assert [item["metadata"]["name"] for item in found["items"]] == names, query
        assert (found["metadata"]["resourceVersion"] == version) == (names == ["one"])
    for name in "abcdef":
        await api.ok("POST", MAPS, a_config_map(name))
    old = await api("GET", f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert (old.status, old.message) == (
        410,
        "The resourceVersion for the provided list is too old.",
    )


async def test_a_watch_that_wants_no_initial_events(api: Api) -> None:
    await api.ok("POST", MAPS, a_config_map("one"))
    query = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.watch(MAPS, query) as events:
        await api.ok("POST", MAPS, a_config_map("two"))
        assert await events.names(1) == [("ADDED", "two")]
