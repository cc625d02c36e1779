"""Lists in parts: `limit` and `continue` (K-27)."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import pytest

from minikubelet.store.history import HistoryLimits
from tests.apiserver.api import CORE, TABLE, Api, a_config_map, key_of, serving_api

MAPS = f"{CORE}/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api(limits=HistoryLimits(max_changes=20)) as api:
        for name in "abcde":
            await api.ok("POST", MAPS, a_config_map(name))
        yield api


async def names(api: Api, query: str) -> tuple[str, dict[str, object]]:
    body = await api.ok("GET", f"{MAPS}?{query}")
    return "".join(item["metadata"]["name"] for item in body["items"]), body["metadata"]


async def test_all_parts_show_one_state(api: Api) -> None:  # K-27
    first, meta = await names(api, "limit=2")
    assert (first, meta["remainingItemCount"]) == ("ab", 3)
    await api.ok("DELETE", f"{MAPS}/c")
    await api.ok("DELETE", f"{MAPS}/a")
    await api.ok("POST", MAPS, a_config_map("bb"))
    await api.ok("PUT", f"{MAPS}/d", a_config_map("d", data={"color": "red"}))
    body = await api.ok("GET", f"{MAPS}?limit=2&continue={meta['continue']}")
    assert [item["metadata"]["name"] for item in body["items"]] == ["c", "d"]
    assert body["items"][1]["data"] == {"color": "blue"}
    assert body["metadata"]["resourceVersion"] == meta["resourceVersion"]
    last, end = await names(api, f"limit=2&continue={body['metadata']['continue']}")
    assert (last, end) == ("e", {"resourceVersion": meta["resourceVersion"]})


async def test_tables_tell_how_to_go_on(api: Api) -> None:  # K-27
    table = (await api("GET", f"{MAPS}?limit=4", Accept=TABLE)).body
    assert len(table["rows"]) == 4
    rest = (await api("GET", f"{MAPS}?continue={table['metadata']['continue']}", Accept=TABLE)).body
    assert [row["cells"][0] for row in rest["rows"]] == ["e"]


async def test_only_what_is_selected_counts(api: Api) -> None:
    await api.ok("POST", MAPS, a_config_map("f", metadata={"labels": {"x": "y"}}))
    await api.ok("POST", MAPS, a_config_map("g", metadata={"labels": {"x": "y"}}))
    first, meta = await names(api, "limit=1&labelSelector=x")
    assert first == "f"
    assert "remainingItemCount" not in meta
    assert (await names(api, f"limit=1&labelSelector=x&continue={meta['continue']}"))[0] == "g"


@pytest.mark.parametrize("query", ["limit=5", "limit=0", "limit=-1", "limit=1&resourceVersion=0"])
async def test_in_one_part(api: Api, query: str) -> None:  # K-28
    assert (await names(api, query))[0] == "abcde"


async def test_over_all_namespaces(api: Api) -> None:
    await api.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    await api.ok("POST", "/api/v1/namespaces/other/configmaps", a_config_map("a"))
    body = await api.ok("GET", "/api/v1/configmaps?limit=5")
    body = await api.ok("GET", f"/api/v1/configmaps?continue={body['metadata']['continue']}")
    assert [item["metadata"]["namespace"] for item in body["items"]] == ["other"]


async def test_a_token_that_is_too_old_comes_with_another(api: Api) -> None:  # K-52
    _, meta = await names(api, "limit=2")
    for number in range(30):
        settings = a_config_map("a", data={"n": str(number)})
        api.store.replace(key_of("configmaps", "a"), settings)
    old = await api("GET", f"{MAPS}?continue={meta['continue']}")
    assert (old.status, old.body["reason"]) == (410, "Expired")
    assert old.message.startswith("The provided continue parameter is too old")
    assert (await names(api, f"continue={old.body['metadata']['continue']}"))[0] == "cde"


def token(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        "continue=zzz%FF",
        "continue=%C3%A4",
        f"continue={token(1)}",
        f"continue={token({'v': 'meta.k8s.io/v9', 'rv': 1, 'start': ['', '']})}",
        f"continue={token({'v': 'meta.k8s.io/v1', 'rv': -7, 'start': ['', '']})}",
        f"continue={token({'v': 'meta.k8s.io/v1', 'rv': 1, 'start': 3})}",
        f"continue={token({'v': 'meta.k8s.io/v1', 'rv': 1, 'start': ['', '']})}&resourceVersion=7",
        "limit=x",
        "resourceVersion=x",
    ],
)
async def test_refused(api: Api, query: str) -> None:
    answer = await api("GET", f"{MAPS}?{query}")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
