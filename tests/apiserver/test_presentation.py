"""YAML and indented JSON out, YAML in (K-21, K-23)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import yaml

from tests.apiserver.api import CORE, TABLE, Api, a_config_map, serving_api

MAPS = f"{CORE}/configmaps"
YAML = "application/yaml"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving_api() as api:
        yield api


async def test_yaml_out(api: Api) -> None:
    created = await api.ok("POST", MAPS, a_config_map())
    one = await api("GET", f"{MAPS}/settings", Accept=YAML)
    assert one.headers["Content-Type"] == YAML
    assert one.body.startswith("apiVersion: v1\ndata:\n  color: blue\nkind: ConfigMap\n")
    assert yaml.safe_load(one.body) == created
    listed = yaml.safe_load((await api("GET", MAPS, Accept=YAML)).body)
    assert (listed["kind"], listed["items"]) == ("ConfigMapList", [created])
    table = TABLE.split(",")[0].replace("json", "yaml")
    assert yaml.safe_load((await api("GET", MAPS, Accept=table)).body)["kind"] == "Table"
    missing = await api("GET", f"{MAPS}/other", Accept=YAML)
    assert (missing.status, yaml.safe_load(missing.body)["reason"]) == (404, "NotFound")


async def test_yaml_in(api: Api) -> None:  # K-23
    text = b"kind: ConfigMap\nmetadata: {name: a}\ndata:\n  port: '80'\n"
    answer = await api("POST", MAPS, text, YAML, Accept=YAML)
    assert (answer.status, yaml.safe_load(answer.body)["data"]) == (201, {"port": "80"})
    options = b"kind: DeleteOptions\ndryRun: [All]\n"
    assert (await api("DELETE", f"{MAPS}/a", options, YAML)).body["status"] == "Success"
    assert (await api("GET", f"{MAPS}/a")).status == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("application/json;q=0.5, application/yaml;q=0.9", YAML, id="yaml rather"),
        pytest.param("application/yaml;q=0.5, application/json", "application/json", id="json"),
        pytest.param("*/*, application/yaml", YAML, id="the more exact of equals"),
        pytest.param("text/html, */*;q=0.8", "application/json", id="a browser"),
        pytest.param("application/yaml;q=x, application/xml", YAML, id="no number"),
    ],
)
async def test_the_most_wanted_form(api: Api, accept: str, content_type: str) -> None:  # K-21
    answer = await api("GET", MAPS, Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)


async def test_a_watch_speaks_json(api: Api) -> None:
    await api.ok("POST", MAPS, a_config_map())
    refused = await api("GET", f"{MAPS}?watch", Accept=YAML)
    assert refused.status == 406
    assert "application/json;stream=watch" in yaml.safe_load(refused.body)["message"]
    async with api.watch(MAPS, accept=f"{YAML}, application/json") as events:
        assert await events.names(1) == [("ADDED", "settings")]


@pytest.mark.parametrize(
    ("query", "headers", "indented"),
    [
        pytest.param("", {}, False, id="a program"),
        pytest.param("?pretty", {}, True, id="asked for"),
        pytest.param("", {"User-Agent": "curl/8.5.0"}, True, id="curl"),
        pytest.param("?pretty=false", {"User-Agent": "curl/8.5.0"}, False, id="curl, not wanted"),
        pytest.param("", {"User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*"}, True, id="page"),
        pytest.param("", {"User-Agent": "Mozilla/5.0"}, False, id="a script of a page"),
    ],
)
async def test_who_reads_gets_lines(
    api: Api, query: str, headers: Mapping[str, str], indented: bool
) -> None:
    path = f"{MAPS}{query}"
    async with api.session.get(path, headers=headers) as response:
        text = await response.text()
    assert text.startswith('{\n  "kind"') == indented
