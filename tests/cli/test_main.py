"""The command line as a whole: choosing, helping, refusing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from minikubelet import __version__
from minikubelet.cli.main import COMMANDS


def minikubelet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minikubelet", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_names_every_command() -> None:
    done = minikubelet("--help")
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"\n    {name} " not in done.stdout] == []


def test_no_command_teaches_and_is_a_usage_error() -> None:
    done = minikubelet()
    assert (done.returncode, "first steps:" in done.stdout) == (2, True)


def test_unknown_command_is_refused_with_the_choices() -> None:
    done = minikubelet("rnu")
    assert done.returncode == 2
    assert "invalid choice: 'rnu'" in done.stderr


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-V"]])
def test_version(words: list[str]) -> None:
    assert minikubelet(*words).stdout == f"minikubelet {__version__}\n"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "version"])
def test_each_command_explains_itself(command: str) -> None:
    done = minikubelet(command, "--help")
    assert done.returncode == 0
    assert "example" in done.stdout.lower()
