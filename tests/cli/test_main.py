"""The command line as a whole: choosing, helping, refusing."""

from __future__ import annotations

import argparse
import subprocess
import sys
from types import ModuleType

import pytest

from minikubelet import __version__
from minikubelet.cli.main import COMMANDS, main


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


def test_a_bug_is_an_internal_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Broken("minikubelet.cli.broken")
    monkeypatch.setitem(sys.modules, broken.__name__, broken)
    monkeypatch.setitem(COMMANDS, "broken", "a command with a bug")
    assert main(["broken"]) == 70
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert said.endswith("error: this is a bug in minikubelet, please report it\n")


class Broken(ModuleType):
    """A command's module."""

    def add_parser(self, subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        subparsers.add_parser("broken")

    def run(self, args: argparse.Namespace) -> int:
        return 1 // 0
