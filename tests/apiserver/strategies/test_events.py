"""Events of both groups: one store, rules of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.apiserver.api import CORE, Api, serving_api

NEWER = "/apis/events.k8s.io/v1/namespaces/default/events"
AN_EVENT = {
    "metadata": {"name": "e"},
    "eventTime": "2026-01-01T12:00:00.000000Z",
    "reportingController": "example.com/me",
    "reportingInstance": "me-0",
    "action": "Look",
    "reason": "Seen",
    "type": "Normal",
    "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


async def test_both_groups_of_events_are_one_store(api: Api) -> None:
    event: dict[str, Any] = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "message": "what happened",
        "reason": "Why",
        "type": "Normal",
        "count": 2,
    }
    core = await api.ok("POST", f"{CORE}/events", event)
    assert (core["firstTimestamp"], core["eventTime"]) == (None, None)
    created = await api.ok("GET", f"{NEWER}/e")
    assert (created["apiVersion"], created["note"]) == ("events.k8s.io/v1", "what happened")
    assert created["regarding"]["name"] == "web"
    assert created["deprecatedCount"] == 2
    assert created["eventTime"] == "2026-01-01T12:00:00.000000Z"
    selected = f"{CORE}/events?fieldSelector=involvedObject.name%3Dweb"
    assert len((await api.ok("GET", selected))["items"]) == 1
    patched = await api.patch(f"{CORE}/events/e", {"message": "again"}, "merge-patch")
    assert patched.body["message"] == "again"
    async with api.watch(NEWER) as events:
        seen = await events.next()
        assert seen["object"]["note"] == "again"
    elsewhere = {**event, "involvedObject": {"namespace": "other"}}
    assert (await api("POST", f"{CORE}/events", elsewhere)).status == 422


@pytest.mark.parametrize(
    ("members", "errors"),
    [
        pytest.param({}, [], id="complete"),
        pytest.param({"eventTime": None}, ["eventTime: Required value"], id="without time"),
        pytest.param(
            {"reportingController": "", "reportingInstance": None, "action": None, "reason": None},
            [
                "reportingComponent: Required value",
                'reportingComponent: Invalid value: "": name part must be non-empty',
                "reportingInstance: Required value",
                "action: Required value",
                "reason: Required value",
            ],
            id="nobody reports",
        ),
        pytest.param(
            {"type": "Odd"}, ['type: Invalid value: "": has invalid value: Odd'], id="unknown type"
        ),
        pytest.param(
            {"note": "x" * 1025},
            ['message: Invalid value: "": can have at most 1024 characters'],
            id="long note",
        ),
        pytest.param(
            {"series": {"count": 1}, "deprecatedCount": 2},
            [
                'series.count: Invalid value: "": should be at least 2',
                "series.lastObservedTime: Required value",
                'count: Invalid value: "": needs to be unset',
            ],
            id="series and fields of core",
        ),
    ],
)
async def test_events_of_the_newer_group(
    api: Api, members: dict[str, object], errors: list[str]
) -> None:
    answer = await api("POST", NEWER, AN_EVENT | members)
    assert answer.status == (422 if errors else 201), answer.body
    for error in errors:
        assert error in answer.message


async def test_of_a_newer_event_only_the_series_goes_on(api: Api) -> None:
    await api.ok("POST", NEWER, AN_EVENT)
    series = {"count": 2, "lastObservedTime": "2026-01-01T12:00:01.000000Z"}
    kind = "merge-patch"
    assert (await api.patch(f"{NEWER}/e", {"series": series}, kind)).body["series"] == series
    changed = await api.patch(f"{NEWER}/e", {"note": "x", "reason": "Other"}, kind)
    assert changed.status == 422
    assert 'reason: Invalid value: "Other": field is immutable' in changed.message
    assert 'message: Invalid value: "x": field is immutable' in changed.message
    core = await api.patch(f"{CORE}/events/e", {"message": "y"}, kind)
    assert (core.status, core.body["message"]) == (200, "y")
