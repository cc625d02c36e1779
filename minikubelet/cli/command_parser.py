"""How a command line that is not understood is answered: one line, with the fix.

Role: `argparse` with short errors. Its own repeat the whole usage, which pushes the error out of
sight.
Invariants: exit code 2, and nothing on standard output.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

USAGE = 2

_ONLY_KUBECTL = (
    *("annotate", "api-resources", "api-versions", "auth", "cluster-info", "config", "cordon"),
    *("create", "debug", "diff", "drain", "edit", "explain", "expose", "label", "patch", "proxy"),
    *("replace", "rollout", "scale", "set", "taint", "uncordon", "wait"),
)


class CommandParser(argparse.ArgumentParser):
    """Of the program and, through it, of each command."""

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ")
        self.exit(USAGE, f"error: {text}\nsee `{self.prog} --help`\n")

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """`rest` is what nothing was known for."""
        option = next((word for word in rest if word.startswith("-")), None)
        if option is None:
            self.error(f"nothing is expected here: {' '.join(rest)}")
        name = option.partition("=")[0]
        near = _near(name, self._option_string_actions)
        self.error(f"unknown option {name}{near}")


def unknown_command(parser: CommandParser, arguments: Sequence[str], known: Iterable[str]) -> str:
    """What is wrong with a command line that begins with no command."""
    first, word = arguments[0], next((w for w in arguments if not w.startswith("-")), "")
    if first.startswith("-"):
        near = _near(first, parser._option_string_actions)
        behind = f": options of a command stand behind it: minikubelet COMMAND {first}"
        return f"unknown option {first}{near or behind}"
    if word in _ONLY_KUBECTL:
        return (
            f"no command {word!r} here, but kubectl has it: "
            "export KUBECONFIG=$(minikubelet kubeconfig)"
        )
    return f"no command {word!r}{_near(word, known)}"


def _near(word: str, known: Iterable[str]) -> str:
    import difflib  # for the few who err

    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""
