"""The part of JSONPath that `get -o jsonpath=` understands."""

from __future__ import annotations

import pytest

from minikubelet.cli.jsonpath import JsonPathError, render

DOCUMENT = {
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "x", "a": "1"}},
    "items": [
        {"name": "a", "n": 1, "tags": ["p", "q"]},
        {"name": "b", "n": 2, "tags": []},
        {"name": "c", "n": 3},
    ],
    "on": True,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("{.metadata.name}", "web", id="a name"),
        pytest.param(".metadata.name", "web", id="braces may be left out"),
        pytest.param("{.nothing.there}!", "!", id="what is missing is empty"),
        pytest.param("{.on} {.items[0].n}", "true 1", id="booleans and numbers as JSON"),
        pytest.param("{.items[*].name}", "a b c", id="all items, with blanks between"),
        pytest.param("{.items[-1].name}", "c", id="from the end"),
        pytest.param("{.items[0:2].name}", "a b", id="a slice"),
        pytest.param("{.items[1].tags}", "[]", id="a list as JSON"),
        pytest.param("{.metadata.labels.app\\.kubernetes\\.io/name}", "x", id="escaped dots"),
        pytest.param("{.metadata.labels['app.kubernetes.io/name']}", "x", id="a quoted key"),
        pytest.param("{..name}", "web a b c", id="at any depth"),
        pytest.param("{.items[?(@.n>1)].name}", "b c", id="a filter on a number"),
        pytest.param('{.items[?(@.name=="b")].n}', "2", id="a filter on text"),
        pytest.param("{.items[?(@.name!='b')].n}", "1 3", id="a filter in single quotes"),
        pytest.param("{.items[?(@.tags)].name}", "a b", id="a filter on presence"),
        pytest.param(
            '{range .items[*]}{.name}={.n}{"\\n"}{end}.', "a=1\nb=2\nc=3\n.", id="a range"
        ),
        pytest.param(
            "{range .items[*]}[{range .tags[*]}<{@}>{end}]{end}",
            "[<p><q>][][]",
            id="a range in a range",
        ),
        pytest.param("{range .items[*]}{$.metadata.name}{end}", "webwebweb", id="the root"),
        pytest.param("{.metadata.name}{'\t'}{.on}", "web\ttrue", id="a tab as it is"),
    ],
)
def test_render(template: str, text: str) -> None:
    assert render(template, DOCUMENT) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{.items", "not closed"),
        ("{range .items[*]}{.name}", "without {end}"),
        ("{end}", "without {range"),
        ("{.items[9]}", "out of bounds"),
        ("{.items[x]}", "not an index"),
        ("{.items[?(name)]}", "filter"),
        (r"{'\z'}", "not an escape"),
    ],
)
def test_what_is_wrong_is_said(template: str, why: str) -> None:
    with pytest.raises(JsonPathError, match=why.replace("{", "\\{")):
        render(template, DOCUMENT)
