"""The daemon's configuration: flags over `config.yaml` over defaults.

Role: read the file, put the three together, name what is wrong with file, line and fix.
Invariants: unknown keys are refused; the answer has absolute paths only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import yaml

from minikubelet.daemon.options import BY_KEY, OPTIONS, Listen, Option, path
from minikubelet.default_paths import DefaultPaths, kubeconfig_path
from minikubelet.value_class import dataclass

DEFAULT_LISTEN = Listen("127.0.0.1", 7443)
LONGEST_RUNTIME_DIR = 80
"""Bytes: the name of a socket in it may not have more than 107."""


_NULL = "tag:yaml.org,2002:null"


class ConfigError(Exception):
    """Everything that is wrong, one problem per line."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    state_dir: Path
    log_dir: Path
    runtime_dir: Path
    manifests: Path | None
    """None: there is no directory of static manifests."""
    images: Path | None
    kubeconfig: Path
    listen: Listen = DEFAULT_LISTEN
    node_name: str = ""
    """Empty: the host's."""
    node_label: Mapping[str, str] = field(default_factory=dict)
    pod_ip: str = "127.0.0.1"
    max_pods: int = 110
    inherit_env: bool = False
    stop_pods_on_exit: bool = False
    journal_max_size: int = 64 * 1024 * 1024
    journal_max_age: float = 720 * 3600.0
    event_ttl: float = 3600.0


def load_config(
    flags: Mapping[str, Any], config_file: Path | None, paths: DefaultPaths, cwd: Path
) -> Config:
    """`flags`: the values given on the command line, by field; paths in them begin at `cwd`.

    A `config_file` of None takes that of `paths`, if there is one. Raises ConfigError.
    """
    given = dict(_of_file(config_file, paths))
    for option in OPTIONS:
        value = flags.get(option.field)
        if value is None:
            continue
        if option.is_path:
            try:
                given[option.field] = path(str(value), cwd)
            except ValueError as error:
                raise ConfigError((f"--{option.name}: {error}",)) from None
        elif option.is_map:
            given[option.field] = {**given.get(option.field, {}), **dict(value)}
        else:
            given[option.field] = value
    return _checked(_with_defaults(given, paths))


def _with_defaults(given: dict[str, Any], paths: DefaultPaths) -> Config:
    state_dir = given.get("state_dir", paths.state_dir)
    own_state = "state_dir" in given
    defaults = {
        "state_dir": state_dir,
        # A state directory of one's own keeps everything together.
        "log_dir": state_dir / "log" / "pods" if own_state else paths.log_dir,
        "runtime_dir": state_dir / "run" if own_state else paths.runtime_dir,
        "manifests": paths.manifest_dir if not own_state else None,
        "images": paths.images_file if paths.images_file.is_file() else None,
        "kubeconfig": kubeconfig_path(state_dir),
    }
    return Config(**{**defaults, **given})


def _checked(config: Config) -> Config:
    problems = []
    if len(bytes(config.runtime_dir)) > LONGEST_RUNTIME_DIR:
        problems.append(
            f"runtime-dir {config.runtime_dir} is too long for the sockets in it: "
            f"give --runtime-dir a path of at most {LONGEST_RUNTIME_DIR} bytes"
        )
    if config.images is not None and not config.images.is_file():
        problems.append(f"images: there is no file {config.images}")
    if problems:
        raise ConfigError(tuple(problems))
    return config


def _of_file(config_file: Path | None, paths: DefaultPaths) -> Iterator[tuple[str, Any]]:
    file = config_file or paths.config_file
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if config_file is None:
            return
        raise ConfigError((f"there is no file {config_file}",)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError((f"cannot read {file}: {why}",)) from error
    yield from parse_config(text, file).items()


def parse_config(text: str, file: Path) -> dict[str, Any]:
    """The values of a file by field; relative paths begin at its directory. Raises ConfigError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or "not YAML"
        if problem == "but found another document":
            problem = "another document begins: all settings stand in one"
        raise ConfigError((f"{file}:{line}: {problem}",)) from error
    except yaml.YAMLError as error:
        raise ConfigError((f"{file}:1: {error}",)) from error
    reader = _Reader(file)
    values = reader.read(root) if root is not None else {}
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    return values


class _Reader:
    """Walks the nodes of one file, which know their lines, and collects problems."""

    def __init__(self, file: Path) -> None:
        self.problems: list[str] = []
        self._file = file
        self._directory = file.absolute().parent

    def read(self, root: yaml.Node) -> dict[str, Any]:
        if not isinstance(root, yaml.MappingNode):
            self._problem(root, "the file must hold settings, one `name: value` per line")
            return {}
        values: dict[str, Any] = {}
        for key, value in root.value:
            option = self._option(key)
            if option is None:
                continue
            if option.field in values:
                self._problem(key, f"{option.name} is given twice")
            elif (read := self._value(option, value)) is not None:
                values[option.field] = read
        return values

    def _option(self, key: yaml.Node) -> Option | None:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        option = BY_KEY.get(name)
        if option is None:
            near = difflib.get_close_matches(name, [o.name for o in OPTIONS], n=1)
            known = ", ".join(o.name for o in OPTIONS)
            hint = f"did you mean {near[0]}?" if near else f"known are {known}"
            self._problem(key, f"unknown setting {name!r}: {hint}")
        return option

    def _value(self, option: Option, node: yaml.Node) -> Any:
        try:
            if option.is_map:
                return dict(self._labels(option, node))
            if not isinstance(node, yaml.ScalarNode):
                raise ValueError("a plain value is wanted")
            text = node.value
            if node.tag == _NULL:
                raise ValueError("a value is wanted: leave the line out for the default")
            return path(text, self._directory) if option.is_path else option.read(text)
        except ValueError as error:
            self._problem(node, f"{option.name}: {error}")
            return None

    def _labels(self, option: Option, node: yaml.Node) -> Iterator[tuple[str, str]]:
        if not isinstance(node, yaml.MappingNode):
            raise ValueError("a mapping of names to values is wanted")
        for key, value in node.value:
            yield option.read(f"{key.value}={value.value}")

    def _problem(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"{self._file}:{node.start_mark.line + 1}: {what}")
