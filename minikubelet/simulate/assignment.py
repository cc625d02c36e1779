"""Which script plays which container.

Role: from the `--app` arguments, and files of scripts, to a script per container of the pods. A
file maps names to a script, or to a list of scripts, one per start:

    web: ready after 42s, hangs at 300s
    shop/db:                       # the container db of the pod shop only
      - exits at 3s with 1
      - listens after 5s

Invariants: every script is used; a container has one at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from minikubelet.manifest.pod import Pod
from minikubelet.manifest.suggest import nearest_name
from minikubelet.simulate.app import Script
from minikubelet.simulate.node import ContainerKey
from minikubelet.simulate.script import ScriptError, parse_script, split_name
from minikubelet.value_class import dataclass

_FILE_SUFFIXES = (".yaml", ".yml")


class AppsError(Exception):
    """An `--app` that cannot be used; the text has one line, or more that show the place."""


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    """`container`, `pod/container`, or empty: every regular container."""
    script: Script
    source: str
    """What a message about it begins with."""


def assign_scripts(arguments: Iterable[str], pods: Sequence[Pod]) -> dict[ContainerKey, Script]:
    """Raises AppsError; OSError when a file cannot be read."""
    scripts: dict[ContainerKey, Script] = {}
    for_all: Script | None = None
    for named in (named for argument in arguments for named in _read(argument)):
        if not named.name:
            if for_all is not None:
                raise AppsError(f"{named.source}: two scripts have no container's name")
            for_all = named.script
            continue
        keys = [key for key, names in _names(pods) if named.name in names]
        if not keys:
            raise AppsError(_unknown(named, pods))
        for key in keys:
            if key in scripts:
                raise AppsError(f'{named.source}: the container "{named.name}" has two scripts')
            scripts[key] = named.script
    if for_all is not None:
        for pod in pods:
            for container in pod.spec.containers:
                scripts.setdefault((pod.metadata.uid, container.name), for_all)
    return scripts


def _read(argument: str) -> Iterator[_Named]:
    if argument.endswith(_FILE_SUFFIXES):
        yield from _read_file(Path(argument))
        return
    name, _, begin = split_name(argument)
    try:
        script = parse_script(argument, begin=begin)
    except ScriptError as error:
        raise AppsError(_explained("--app", error)) from error
    yield _Named(name, script, "--app")


def _read_file(path: Path) -> Iterator[_Named]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise AppsError(f"{path}:{line}: {error.problem or 'not YAML'}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AppsError(f"{path}:1: {error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise AppsError(f"{path}:1: a mapping of containers to scripts is wanted")
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise AppsError(f"{path}:{key.start_mark.line + 1}: a container's name is wanted")
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        parsed = [_parse_node(path, node) for node in nodes]
        source = f"{path}:{key.start_mark.line + 1}"
        if not parsed:
            raise AppsError(f"{source}: a script is wanted")
        apps = tuple(app for script in parsed for app in script.apps)
        yield _Named(key.value, Script(apps), source)


def _parse_node(path: Path, node: yaml.Node) -> Script:
    source = f"{path}:{node.start_mark.line + 1}"
    if not isinstance(node, yaml.ScalarNode):
        raise AppsError(f"{source}: a script is wanted, such as: ready after 5s")
    try:
        return parse_script(node.value)
    except ScriptError as error:
        raise AppsError(_explained(source, error)) from error


def _names(pods: Sequence[Pod]) -> Iterator[tuple[ContainerKey, tuple[str, str]]]:
    for pod in pods:
        for container in pod.containers():
            names = (container.name, f"{pod.metadata.name}/{container.name}")
            yield (pod.metadata.uid, container.name), names


def _unknown(named: _Named, pods: Sequence[Pod]) -> str:
    index = 1 if "/" in named.name else 0
    known = list(dict.fromkeys(names[index] for _, names in _names(pods)))
    near = nearest_name(named.name, known)
    fix = f'did you mean "{near}"?' if near else f"there are {', '.join(known)}"
    return f'{named.source}: no container "{named.name}": {fix}'


def _explained(source: str, error: ScriptError) -> str:
    lines = [f"{source}: {error.message}", f"    {error.text}", " " * (error.column + 3) + "^"]
    if error.fix:
        lines.append(f"    fix: {error.fix}")
    return "\n".join(lines)
