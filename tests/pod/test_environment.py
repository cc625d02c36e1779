"""The environment of a container: sources, order, references, errors."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from minikubelet.manifest.pod import (
    EnvFromRef,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    KeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
    ResourceRequirements,
)
from minikubelet.pod.environment import (
    ContainerConfigError,
    compute_environment,
    parse_env_file,
)
from minikubelet.pod.node_info import NodeInfo
from tests.fakes.object_lookup import FakeObjectLookup
from tests.pod.builders import a_container, a_pod

NODE = NodeInfo("here", "10.0.0.7", cpu_count=4, memory_bytes=8 * 2**30)


def environment(
    *env: EnvVar,
    env_from: tuple[EnvFromSource, ...] = (),
    files: Mapping[tuple[str, str], str] | None = None,
    services: Mapping[str, str] | None = None,
) -> dict[str, str]:
    lookup = FakeObjectLookup()
    lookup.put_config_map("settings", {"color": "red", "size": "$(color)"}, logo=b"\x89PNG")
    lookup.put_config_map("more", {"color": "blue"})
    lookup.put_secret("login", {"user": b"kim", "password": b"\xff\x00"[:1]})
    limits = ResourceRequirements(limits={"memory": "100Mi"})
    container = a_container(env=env, env_from=env_from, resources=limits)

    def read(volume: str, path: str) -> str:
        try:
            return (files or {})[volume, path]
        except KeyError:
            raise FileNotFoundError(path) from None

    return compute_environment(a_pod(container), container, NODE, lookup, read, services or {})


def config_map(name: str, *, prefix: str = "", optional: bool = False) -> EnvFromSource:
    return EnvFromSource(prefix, config_map_ref=EnvFromRef(name, optional))


def secret(name: str, *, prefix: str = "", optional: bool = False) -> EnvFromSource:
    return EnvFromSource(prefix, secret_ref=EnvFromRef(name, optional))


def config_map_key(name: str, key: str, *, optional: bool = False) -> EnvVarSource:
    return EnvVarSource(config_map_key_ref=KeySelector(name, key, optional))


def secret_key(name: str, key: str, *, optional: bool = False) -> EnvVarSource:
    return EnvVarSource(secret_key_ref=KeySelector(name, key, optional))


def file_key(path: str, key: str, *, optional: bool = False) -> EnvVarSource:
    return EnvVarSource(file_key_ref=FileKeySelector("shared", path, key, optional))


# L-124, L-126, L-131
@pytest.mark.parametrize(
    ("env", "values"),
    [
        pytest.param([EnvVar("A")], {"A": ""}, id="no value is an empty text"),
        pytest.param(
            [EnvVar("A", "1"), EnvVar("B", "$(A)2")],
            {"A": "1", "B": "12"},
            id="an earlier variable is visible",
        ),
        pytest.param(
            [EnvVar("B", "$(A)"), EnvVar("A", "1")],
            {"A": "1", "B": "$(A)"},
            id="a later variable is not",
        ),
        pytest.param([EnvVar("A", "x$(A)")], {"A": "x$(A)"}, id="nor is the variable itself"),
        pytest.param(
            [EnvVar("A", "1"), EnvVar("A", "$(A)2")],
            {"A": "12"},
            id="a second one of the same name sees the first and replaces it",
        ),
        pytest.param([EnvVar("A", "$(PATH)")], {"A": "$(PATH)"}, id="PATH is not visible"),
        pytest.param([EnvVar("A", "$(HOSTNAME)")], {"A": "$(HOSTNAME)"}, id="nor is HOSTNAME"),
    ],
)
def test_env_in_order(env: list[EnvVar], values: dict[str, str]) -> None:
    assert environment(*env) == values


# L-124, L-125
@pytest.mark.parametrize(
    ("env_from", "values"),
    [
        pytest.param(
            [config_map("settings")],
            {"color": "red", "size": "$(color)"},
            id="all of data, not expanded; binaryData is left out",
        ),
        pytest.param(
            [config_map("settings", prefix="S_"), config_map("more")],
            {"S_color": "red", "S_size": "$(color)", "color": "blue"},
            id="a prefix is put before the names",
        ),
        pytest.param(
            [config_map("settings"), config_map("more")],
            {"color": "blue", "size": "$(color)"},
            id="a later source overrides an earlier one",
        ),
        pytest.param(
            [secret("login")],
            {"user": "kim", "password": "\udcff"},
            id="bytes that are not UTF-8 come as the process can get them back",
        ),
        pytest.param(
            [config_map("none", optional=True), secret("none", optional=True)],
            {},
            id="a missing optional object gives nothing",
        ),
    ],
)
def test_env_from(env_from: list[EnvFromSource], values: dict[str, str]) -> None:
    assert environment(env_from=tuple(env_from)) == values


def test_env_overrides_env_from_and_sees_it() -> None:  # L-124
    values = environment(
        EnvVar("shade", "dark $(color)"),
        EnvVar("color", "green"),
        env_from=(config_map("more"),),
    )
    assert values == {"shade": "dark blue", "color": "green"}


def test_service_variables_fill_in_and_are_visible() -> None:  # L-124, L-126
    values = environment(
        EnvVar("URL", "http://$(DB_SERVICE_HOST)"),
        EnvVar("DB_SERVICE_PORT", "1"),
        services={"DB_SERVICE_HOST": "10.1.1.1", "DB_SERVICE_PORT": "5432"},
    )
    assert values == {
        "URL": "http://10.1.1.1",
        "DB_SERVICE_HOST": "10.1.1.1",
        "DB_SERVICE_PORT": "1",
    }


# L-127, L-129, L-133
@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param(config_map_key("settings", "size"), "$(color)", id="a key, not expanded"),
        pytest.param(secret_key("login", "user"), "kim", id="a secret's key, decoded"),
        pytest.param(
            EnvVarSource(field_ref=ObjectFieldSelector("status.podIP")), "10.0.0.7", id="a field"
        ),
        pytest.param(
            EnvVarSource(resource_field_ref=ResourceFieldSelector("limits.memory", "", "1Mi")),
            "100",
            id="a resource of the container itself",
        ),
        pytest.param(
            EnvVarSource(resource_field_ref=ResourceFieldSelector("limits.cpu", "app")),
            "4",
            id="an unset limit is what the node has",
        ),
    ],
)
def test_value_from(source: EnvVarSource, value: str) -> None:
    assert environment(EnvVar("V", value_from=source)) == {"V": value}


# L-127
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(config_map_key("none", "k", optional=True), id="no such ConfigMap"),
        pytest.param(config_map_key("settings", "k", optional=True), id="no such key"),
        pytest.param(secret_key("none", "k", optional=True), id="no such Secret"),
        pytest.param(secret_key("login", "k", optional=True), id="no such key of a Secret"),
        pytest.param(file_key("none.env", "k", optional=True), id="no such file"),
        pytest.param(file_key("app.env", "k", optional=True), id="no such key in a file"),
    ],
)
def test_something_optional_that_is_missing_leaves_the_variable_alone(source: EnvVarSource) -> None:
    files = {("shared", "app.env"): "A='1'\n"}
    assert environment(EnvVar("V", value_from=source), files=files) == {}
    before = EnvVar("V", "kept")
    assert environment(before, EnvVar("V", value_from=source), files=files) == {"V": "kept"}


# L-125, L-127, L-128, L-133
@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(config_map("none"), 'configmap "none" not found', id="envFrom, ConfigMap"),
        pytest.param(secret("none"), 'secret "none" not found', id="envFrom, Secret"),
        pytest.param(config_map_key("none", "k"), 'configmap "none" not found', id="ConfigMap"),
        pytest.param(secret_key("none", "k"), 'secret "none" not found', id="Secret"),
        pytest.param(
            config_map_key("settings", "k"),
            "couldn't find key k in ConfigMap default/settings",
            id="key of a ConfigMap",
        ),
        pytest.param(
            config_map_key("settings", "logo"),
            "couldn't find key logo in ConfigMap default/settings",
            id="binaryData has no keys for variables",
        ),
        pytest.param(
            secret_key("login", "k"),
            "couldn't find key k in Secret default/login",
            id="key of a Secret",
        ),
        pytest.param(file_key("none.env", "k"), "couldn't parse env file", id="file"),
        pytest.param(file_key("bad.env", "k"), "couldn't parse env file", id="text of a file"),
        pytest.param(
            file_key("app.env", "k"),
            'environment variable key "k" not found in file "app.env"',
            id="key in a file",
        ),
        pytest.param(
            EnvVarSource(field_ref=ObjectFieldSelector("status.phase")),
            "unsupported fieldPath: status.phase",
            id="field",
        ),
    ],
)
def test_what_is_missing_is_named(source: EnvFromSource | EnvVarSource, message: str) -> None:
    files = {("shared", "app.env"): "A='1'\n", ("shared", "bad.env"): "A = '1'\n"}
    whole = (source,) if isinstance(source, EnvFromSource) else ()
    single = (EnvVar("V", value_from=source),) if isinstance(source, EnvVarSource) else ()
    with pytest.raises(ContainerConfigError) as raised:
        environment(*single, env_from=whole, files=files)
    assert str(raised.value) == message


# L-128
@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("", {}, id="an empty file"),
        pytest.param("A='1'\nB='2'", {"A": "1", "B": "2"}, id="one variable per line"),
        pytest.param("\n  \n# A='1'\n  # x\nB='2'\n", {"B": "2"}, id="blank lines and comments"),
        pytest.param("A='two\nlines'\nB=''\n", {"A": "two\nlines", "B": ""}, id="a line break"),
        pytest.param("A='1'\r\nB='2'\r\n", {"A": "1", "B": "2"}, id="line ends of Windows"),
        pytest.param("A='$(B) # \"x\"'\n", {"A": '$(B) # "x"'}, id="all is literal within quotes"),
        pytest.param("A='1'\nA='2'\n", {"A": "2"}, id="the last one counts"),
    ],
)
def test_env_file(text: str, values: dict[str, str]) -> None:
    assert parse_env_file(text) == values


# L-128
@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("A =' 1'\n", 1, id="a blank before the sign"),
        pytest.param("# first\nA= '1'\n", 2, id="a blank after the sign"),
        pytest.param("A='1'\nB=2\n", 2, id="no quotes"),
        pytest.param('A="1"\n', 1, id="double quotes"),
        pytest.param("A='1\n", 1, id="no closing quote"),
        pytest.param("A='1' B='2'\n", 1, id="two on one line"),
        pytest.param("A='x\ny'\n='2'\n", 3, id="no name, after a value of two lines"),
    ],
)
def test_env_file_that_is_refused(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line}: expected KEY='value'"):
        parse_env_file(text)
