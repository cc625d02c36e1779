"""What can stand at the place of a command line at which the user asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from minikubelet.cli.completing import complete
from minikubelet.cli.main import COMMANDS, parser_of
from minikubelet.manifest.json_tree import Json
from tests.cli.api_objects import plain_pod

_WEB = plain_pod("web", spec={"containers": [{"name": "app"}, {"name": "side"}]})
_OBJECTS: dict[tuple[str, str], list[Json]] = {
    ("pods", "default"): [_WEB, plain_pod("db")],
    ("pod", "default"): [_WEB, plain_pod("db")],
    ("pods", "team"): [plain_pod("other")],
    ("namespaces", "default"): [{"metadata": {"name": "team"}}],
    ("svc", "default"): [{"metadata": {"name": "front"}}],
}


def _ask(kind: str, options: Mapping[str, str]) -> Sequence[Json]:
    return _OBJECTS.get((kind, options.get("namespace", "default")), ())


def _at(line: str) -> list[str]:
    return [
        word.partition("\t")[0] for word in complete(line.split(" "), COMMANDS, parser_of, _ask)
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("logs ", ["web", "db"], id="a Pod"),
        pytest.param("logs web ", ["app", "side"], id="a container of the Pod"),
        pytest.param("logs -f web -c ", ["app", "side"], id="the value of -c"),
        pytest.param("logs -n ", ["team"], id="the value of -n"),
        pytest.param("logs -n team ", ["other"], id="names of the namespace"),
        pytest.param("logs --namespace=team ", ["other"], id="names of the namespace behind ="),
        pytest.param("get pods ", ["web", "db"], id="a name of the type"),
        pytest.param("get pod/", ["pod/web", "pod/db"], id="type and name in one"),
        pytest.param("get pod/web svc/", ["svc/front"], id="and another type"),
        pytest.param("exec svc/", ["svc/front"], id="a Service in place of a Pod"),
        pytest.param("exec web -- ", [":files"], id="behind the dashes the container's command"),
        pytest.param("why web/", ["web/app", "web/side"], id="a container behind its Pod"),
        pytest.param("cp ", ["web:", "db:", ":files"], id="a Pod or a file"),
        pytest.param("top ", ["pod", "node"], id="what is measured"),
        pytest.param("run ", [":files"], id="manifests"),
        pytest.param("run --images ", [":files"], id="the value of an option is a file"),
        pytest.param("run --time-limit ", [], id="the value of an option is free"),
        pytest.param("check --for ", ["ready", "succeeded"], id="the value is one of some"),
        pytest.param("completion ", ["bash", "zsh", "fish"], id="shells"),
        pytest.param("get nothings ", [], id="a type that there is not"),
        pytest.param("nonsense ", [], id="a command that there is not"),
        pytest.param("help ", list(COMMANDS), id="a command to explain"),
        pytest.param("", [*COMMANDS, "help"], id="a command"),
    ],
)
def test_what_can_stand_there(line: str, words: list[str]) -> None:
    assert _at(line) == words


def test_options_of_the_command_are_offered_with_their_meaning() -> None:
    offered = complete(["why", "web", "-"], COMMANDS, parser_of, _ask)
    assert "--restart\tonly what led to this restart (1 is the first)" in offered


def test_types_are_offered_once() -> None:
    types = _at("describe ")
    assert {"pods", "configmaps", "nodes"} <= set(types)
    assert len(types) == len(set(types))
