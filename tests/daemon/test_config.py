"""The daemon's configuration: flags over `config.yaml` over defaults."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from minikubelet.daemon.config import Config, ConfigError, load_config, parse_config
from minikubelet.daemon.options import OPTIONS, Listen
from minikubelet.default_paths import DefaultPaths

FILE = Path("/etc/somewhere/config.yaml")


@pytest.fixture
def paths(tmp_path: Path) -> DefaultPaths:
    return DefaultPaths(
        tmp_path / "etc", tmp_path / "state", tmp_path / "log" / "pods", tmp_path / "run"
    )


def test_each_member_has_its_option() -> None:
    assert {option.field for option in OPTIONS} == {item.name for item in fields(Config)}


def test_nothing_given_gives_the_defaults(paths: DefaultPaths) -> None:
    config = load_config({}, None, paths, Path("/cwd"))
    assert config == Config(
        state_dir=paths.state_dir,
        log_dir=paths.log_dir,
        runtime_dir=paths.runtime_dir,
        manifests=paths.manifest_dir,
        images=None,
        kubeconfig=paths.state_dir / "kubeconfig",
    )


def test_a_state_directory_of_ones_own_holds_everything(paths: DefaultPaths) -> None:
    config = load_config({"state_dir": "here"}, None, paths, Path("/cwd"))
    assert (config.state_dir, config.log_dir, config.runtime_dir, config.kubeconfig) == (
        Path("/cwd/here"),
        Path("/cwd/here/log/pods"),
        Path("/cwd/here/run"),
        Path("/cwd/here/kubeconfig"),
    )
    assert config.manifests is None


def test_a_flag_wins_over_the_file_and_labels_add_up(paths: DefaultPaths) -> None:
    paths.config_dir.mkdir()
    paths.config_file.write_text("max-pods: 5\nnode-name: filed\nnode-label: {a: '1', b: '2'}\n")
    flags: dict[str, Any] = {"max_pods": 7, "node_label": [("b", "3")], "inherit_env": False}
    config = load_config(flags, None, paths, Path("/cwd"))
    assert (config.max_pods, config.node_name, config.node_label) == (
        7,
        "filed",
        {"a": "1", "b": "3"},
    )


def test_a_flag_turns_off_what_the_file_turns_on(paths: DefaultPaths) -> None:
    paths.config_dir.mkdir()
    paths.config_file.write_text("stop-pods-on-exit: true\ninherit-env: true\n")
    config = load_config({"stop_pods_on_exit": False}, None, paths, Path("/cwd"))
    assert (config.stop_pods_on_exit, config.inherit_env) == (False, True)


def test_every_setting_can_be_written_in_the_file() -> None:
    values = parse_config(
        """\
state-dir: state
logDir: /var/log/x
runtime-dir: ~/run
manifests: m
images: i.yaml
kubeconfig: k
listen: "[::1]:0"
node-name: n1
node-label: {tier: web}
pod-ip: 10.0.0.7
max-pods: 3
inherit-env: true
stop-pods-on-exit: false
journal-max-size: 1Mi
journal-max-age: 24h
event-ttl: 90
""",
        FILE,
    )
    assert set(values) == {option.field for option in OPTIONS}
    assert values["state_dir"] == Path("/etc/somewhere/state")
    assert values["listen"] == Listen("::1", 0)
    assert str(values["listen"]) == "[::1]:0"
    assert (values["journal_max_size"], values["journal_max_age"]) == (1024**2, 86400.0)
    assert (values["inherit_env"], values["stop_pods_on_exit"]) == (True, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "max-pod: 5",
            "/etc/somewhere/config.yaml:1: unknown setting 'max-pod': did you mean max-pods?",
            id="an unknown key names the nearest",
        ),
        pytest.param(
            "\nlisten: 7443",
            "/etc/somewhere/config.yaml:2: listen: '7443' is not HOST:PORT, such as 127.0.0.1:7443",
            id="the line is named",
        ),
        pytest.param(
            "max-pods: 1\nmaxPods: 2",
            "/etc/somewhere/config.yaml:2: max-pods is given twice",
            id="both spellings of one key are one key",
        ),
        pytest.param(
            "- a",
            "/etc/somewhere/config.yaml:1: the file must hold settings, one `name: value` per line",
            id="a list is no configuration",
        ),
        pytest.param(
            "node-name: [a]",
            "/etc/somewhere/config.yaml:1: node-name: a plain value is wanted",
            id="a list is no plain value",
        ),
        pytest.param(
            "node-label: {a b: c}",
            "/etc/somewhere/config.yaml:1: node-label: 'a b=c' is no label: name part must consist"
            " of alphanumeric characters, '-', '_' or '.', and must start and end with an"
            " alphanumeric"
            " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
            " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            id="a label with a blank",
        ),
        pytest.param(
            "inherit-env: yes",
            "/etc/somewhere/config.yaml:1: inherit-env: 'yes' is neither true nor false",
            id="a switch is true or false",
        ),
        pytest.param(
            "journal-max-size: 0Mi",
            "/etc/somewhere/config.yaml:1: journal-max-size: '0Mi' is not a size: "
            "write 64Mi, 1Gi or bytes",
            id="a size of nothing",
        ),
        pytest.param(
            "manifests: null",
            "/etc/somewhere/config.yaml:1: manifests: a value is wanted: "
            "leave the line out for the default",
            id="null is no path of that name",
        ),
        pytest.param(
            "images: ~",
            "/etc/somewhere/config.yaml:1: images: a value is wanted: "
            "leave the line out for the default",
            id="null is no home directory",
        ),
        pytest.param(
            "state-dir: ~nobody-of-this-name/node",
            "/etc/somewhere/config.yaml:1: state-dir: '~nobody-of-this-name/node' names a home "
            "directory that is not known",
            id="the home of nobody",
        ),
        pytest.param(
            "max-pods: 5\n---\nmax-pods: 6",
            "/etc/somewhere/config.yaml:2: another document begins: all settings stand in one",
            id="two documents",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_fix(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, FILE)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param("journal-max-age: 99999999999h", id="a time that no date can tell"),
        pytest.param("event-ttl: 1000000h", id="a time of more than 100 years"),
        pytest.param("listen: 127.0.0.1:²", id="a digit that is none"),
        pytest.param("max-pods: ²", id="a number of such digits"),
        pytest.param("journal-max-size: 9999999999999999999Gi", id="more bytes than there are"),
        pytest.param("node-name: a..b", id="a name with an empty part"),
        pytest.param("node-label: {a%/c: '1'}", id="a label whose prefix is no domain"),
        pytest.param(f"node-label: {{{'x' * 64}: '1'}}", id="a label longer than labels are"),
    ],
)
def test_what_the_daemon_could_not_start_with_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(setting, FILE)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{FILE}:1: {setting.partition(':')[0]}: ")
    assert "invalid literal" not in problem


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("a: 1\nb: 2\n", FILE)
    assert len(caught.value.problems) == 2


def test_broken_yaml_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml:2: "):
        parse_config("a: 1\n{", FILE)


def test_a_named_file_must_exist(paths: DefaultPaths) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        load_config({}, paths.config_dir / "other.yaml", paths, Path("/cwd"))


def test_a_runtime_directory_too_long_for_sockets_is_refused(paths: DefaultPaths) -> None:
    with pytest.raises(ConfigError, match="too long for the sockets in it"):
        load_config({"runtime_dir": "/" + "r" * 100}, None, paths, Path("/cwd"))
