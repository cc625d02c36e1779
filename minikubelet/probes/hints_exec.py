"""Hints for exec probes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikubelet.manifest.fieldpath import go_quote
from minikubelet.probes.attempt import Attempt
from minikubelet.probes.trace import CommandEnded, CommandRun

_SHELL_WORDS = frozenset({"|", "||", "&&", ";", ">", ">>", "<", "2>&1"})
_SHELL_VARIABLE = re.compile(r"\$(\w+|\{)")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})
_MISSING_OBJECT = re.compile(r"\b(configmap|secret) .* not found", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\((\w+)\)")


def exec_hints(attempt: Attempt) -> Iterator[tuple[str, str]]:
    run, ended = attempt.last(CommandRun), attempt.last(CommandEnded)
    if run is None:
        yield from _surroundings_hints(attempt)
        return
    yield from _word_hints(run.argv)
    if ended is None:
        yield from _start_hints(attempt, run.argv)
    elif ended.result.exit_code in (126, 127) and not attempt.succeeded:
        yield (
            "command-missing",
            f"exit code {ended.result.exit_code} is a shell's way to say that it cannot run a "
            "command: is the program in the image, and in its PATH?",
        )
    elif ended.result.exit_code and not ended.result.stdout and not ended.result.stderr:
        yield (
            "silent",
            "the command fails without a word, so the Event of a failure will have no cause: let "
            "it print one",
        )


def _surroundings_hints(attempt: Attempt) -> Iterator[tuple[str, str]]:
    if _MISSING_OBJECT.search(attempt.result.error):
        yield (
            "objects",
            "give the manifests of its ConfigMaps and Secrets too: minikubelet probe pod.yaml "
            "config.yaml",
        )


def _start_hints(attempt: Attempt, argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if " " in argv[0].strip():
        yield (
            "one-word",
            f"the first item of command is the program, and {go_quote(argv[0])} has spaces: give "
            'each word an item of its own, or use ["sh", "-c", "…"]',
        )
    elif "not found" in attempt.result.error or "no such file" in attempt.result.error:
        yield (
            "command-missing",
            f"this host has no {argv[0]} in the container's PATH; in a cluster the program has "
            "to be in the image. Kubernetes throws such an attempt away, as neither failure nor "
            "success",
        )


def _word_hints(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    left = next((m[1] for word in argv if (m := _REFERENCE.search(word))), None)
    if left is not None and argv[0].rpartition("/")[2] not in _SHELLS:
        yield (
            "reference",
            f"$({left}) was left as it is: the container's environment has no variable {left}",
        )
    if argv[0].rpartition("/")[2] in _SHELLS:
        return
    shell = next((w for w in argv[1:] if w in _SHELL_WORDS or _SHELL_VARIABLE.match(w)), None)
    if shell is not None:
        yield (
            "no-shell",
            f"{shell} is for a shell, and there is none: the program gets it as an argument; use "
            '["sh", "-c", "…"]',
        )
