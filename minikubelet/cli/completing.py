"""What can stand at the place of a command line at which the user asks. Pure.

Role: the words before the place, and the options of the command, decide what is asked for: a
command, an option, a value, a type, a name. Names come through `Ask`.
Invariants: never fails: what cannot be known is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from minikubelet.cli.pod_containers import container_names
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Serving
from minikubelet.value_class import dataclass

FILES = ":files"
"""A line of the answer that stands for the files of the shell's directory."""

_TYPED = ("get", "describe", "delete")
_ONE_POD = ("exec", "attach", "port-forward", "logs")
_FILE_COMMANDS = ("run", "check", "plan", "simulate", "validate")
_OUTPUTS = ("wide", "yaml", "json", "name", "jsonpath=", "custom-columns=")


class Ask(Protocol):
    def __call__(self, kind: str, options: Mapping[str, str]) -> Sequence[Json]:
        """The objects of a kind, from the server and namespace that the options choose; none when
        it does not answer."""


@dataclass(frozen=True, slots=True)
class _Line:
    """The words of a command before the place."""

    options: Mapping[str, str]
    words: Sequence[str]
    """Those that belong to no option."""
    awaited: argparse.Action | None
    """The option whose value is wanted."""
    is_behind_dashes: bool


def complete(
    words: Sequence[str],
    commands: Mapping[str, str],
    parser_of: Callable[[str], argparse.ArgumentParser],
    ask: Ask,
) -> list[str]:
    """`words`: those behind the program's name, the last one unfinished. Lines for the shell: a
    word each, and behind a tab what it means."""
    *before, place = words or ("",)
    if not before:
        return [f"{name}\t{summary}" for name, summary in commands.items()] + ["help"]
    command, *rest = before
    if command == "help":
        return [] if rest else [f"{name}\t{summary}" for name, summary in commands.items()]
    if command not in commands or command == "version":
        return []
    parser = parser_of(command)
    line = _read(rest, parser)
    if line.is_behind_dashes:
        return [FILES]
    if line.awaited is not None:
        return _values(line.awaited, line, ask)
    if place.startswith("-"):
        return _options(parser)
    return _words(command, line, place, ask)


def _read(words: Iterable[str], parser: argparse.ArgumentParser) -> _Line:
    options: dict[str, str] = {}
    plain: list[str] = []
    awaited: argparse.Action | None = None
    for word in words:
        if awaited is not None:
            options[awaited.dest], awaited = word, None
        elif word == "--":
            return _Line(options, plain, None, is_behind_dashes=True)
        elif not word.startswith("-"):
            plain.append(word)
        else:
            name, separator, value = word.partition("=")
            action = parser._option_string_actions.get(name)
            if action is None or action.nargs is not None:
                continue  # unknown, or a switch
            if separator:
                options[action.dest] = value
            else:
                awaited = action
    return _Line(options, plain, awaited, is_behind_dashes=False)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [
        f"{name}\t{action.help}"
        for name, action in parser._option_string_actions.items()
        if name.startswith("--")
    ]


def _values(action: argparse.Action, line: _Line, ask: Ask) -> list[str]:
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    match action.dest:
        case "namespace":
            return _names("namespaces", line, ask)
        case "container":
            return _containers(line.words[0] if line.words else "", line, ask)
        case "output":
            return list(_OUTPUTS)
    return [FILES] if str(action.metavar).startswith(("FILE", "DIR")) else []


def _words(command: str, line: _Line, place: str, ask: Ask) -> list[str]:
    count = len(line.words)
    if command in _FILE_COMMANDS:
        return [FILES]
    if command in _TYPED:
        return _typed(line, place, ask)
    if command in _ONE_POD and count == 0:
        return _slashed(place, line, ask) or _names("pods", line, ask)
    if command == "logs" and count == 1:
        return _containers(line.words[0], line, ask)
    if command in ("why", "probe") and (count == 0 or command == "probe"):
        pod, slash, _ = place.partition("/")
        containers = [f"{pod}/{name}" for name in _containers(pod, line, ask)] if slash else []
        pods = containers or _names("pods", line, ask)
        return [*pods, FILES] if command == "probe" else pods
    if command == "cp":
        return [*(f"{name}:" for name in _names("pods", line, ask)), FILES]
    if command == "top":
        return _names(line.words[0], line, ask) if count else ["pod", "node"]
    if command == "completion":
        return ["bash", "zsh", "fish"]
    return []


def _typed(line: _Line, place: str, ask: Ask) -> list[str]:
    """`get pods web`, `get pod/web cm/settings`."""
    if "/" in place or any("/" in word for word in line.words):
        return _slashed(place, line, ask)
    if line.words:
        return _names(line.words[0], line, ask)
    types = [r.plural for r in RESOURCES if r.serving is Serving.STORED and "list" in r.verbs]
    return list(dict.fromkeys(types))


def _slashed(place: str, line: _Line, ask: Ask) -> list[str]:
    kind, slash, _ = place.partition("/")
    return [f"{kind}/{name}" for name in _names(kind, line, ask)] if slash else []


def _names(kind: str, line: _Line, ask: Ask) -> list[str]:
    return [str(found["metadata"]["name"]) for found in ask(kind, line.options)]


def _containers(word: str, line: _Line, ask: Ask) -> list[str]:
    name = word.rpartition("/")[2]
    pods = [pod for pod in ask("pods", line.options) if pod["metadata"]["name"] == name]
    return container_names(pods[0]) if pods else []
