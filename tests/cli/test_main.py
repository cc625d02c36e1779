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


@pytest.mark.parametrize(
    ("words", "said", "help_of"),
    [
        pytest.param(["rnu"], "no command 'rnu': did you mean run?", "", id="a slip"),
        pytest.param(
            ["drain", "vm"],
            "no command 'drain' here, but kubectl has it: "
            "export KUBECONFIG=$(minikubelet kubeconfig)",
            "",
            id="kubectl's alone",
        ),
        pytest.param(
            ["-n", "team", "get", "pods"],
            "unknown option -n: options of a command stand behind it: minikubelet COMMAND -n",
            "",
            id="an option in front of its command",
        ),
        pytest.param(
            ["run", "--tme-limit=3s", "x"],
            "unknown option --tme-limit: did you mean --time-limit?",
            " run",
            id="a slip in an option",
        ),
        pytest.param(
            ["kubeconfig", "web"], "nothing is expected here: web", " kubeconfig", id="a word more"
        ),
        pytest.param(
            ["check", "x", "--for", "ever"],
            "--for: invalid choice: 'ever' (choose from 'ready', 'succeeded')",
            " check",
            id="no such choice",
        ),
    ],
)
def test_what_is_not_understood_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str, help_of: str
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    # Python 3.14 writes choices without quotes.
    expected = f"error: {said}\nsee `minikubelet{help_of} --help`\n"
    assert told.err.replace("'", "") == expected.replace("'", "")


def test_help_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "validate"]) == 0
    assert capsys.readouterr().out.startswith("usage: minikubelet validate")


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
