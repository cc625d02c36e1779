"""What the README shows is so: output, options, settings, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.cli.main import COMMANDS, main, parser_of
from minikubelet.daemon.config import parse_config
from minikubelet.daemon.options import OPTIONS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
BAD = """\
apiVersion: v1
kind: Pod
metadata:
  name: bad
  lavels: {app: bad}
spec:
  containers:
  - name: app
    image: busybox
    command: [sleep, "100"]

  livenessProbe: {tcpSocket: {port: 80}}
"""
_DETERMINISTIC = ("minikubelet plan ", "minikubelet simulate ", "minikubelet validate ")
_END_OF_COMMAND = re.compile(r"\s(?:\||&&|&|>|<|;|#)(?:\s|$)|\)")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


def _shown() -> Iterator[tuple[str, str]]:
    """Commands whose output is the same each time, and what is shown of it."""
    for block in _blocks("console"):
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            if command.startswith(_DETERMINISTIC):
                yield command, output


def _command_lines() -> Iterator[str]:
    for block in (*_blocks("sh"), *_blocks("console"), *_blocks("yaml")):
        for line in block.splitlines():
            for part in re.findall(r"(?:^|[ /(])minikubelet ([a-z].*)", line):
                yield _END_OF_COMMAND.split(part)[0].strip()


@pytest.mark.parametrize(("command", "output"), list(_shown()))
def test_output_is_what_the_command_prints(
    command: str,
    output: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(ROOT)
    if "bad.yaml" in command:
        monkeypatch.chdir(tmp_path)
        Path("bad.yaml").write_text(BAD)
    main(shlex.split(command)[1:])
    assert capfd.readouterr().out == output


@pytest.mark.parametrize("line", sorted(set(_command_lines())))
def test_each_command_and_option_exists(line: str) -> None:
    command, *words = shlex.split(line)
    assert command in COMMANDS
    options = words[: words.index("--")] if "--" in words else words
    known = parser_of(command)._option_string_actions
    long = [word.partition("=")[0] for word in options if re.match(r"--\w", word)]
    assert [word for word in long if word not in known] == []


def test_the_settings_are_all_of_them() -> None:
    settings = next(block for block in _blocks("yaml") if block.startswith("state-dir:"))
    assert list(parse_config(settings, Path("/x"))) == [option.field for option in OPTIONS]


def test_the_catalog_is_one(tmp_path: Path) -> None:
    catalog = next(block for block in _blocks("yaml") if block.startswith("# images.yaml"))
    (tmp_path / "images.yaml").write_text(catalog)
    assert main(["images", "--images", str(tmp_path / "images.yaml"), "corp/api:v1"]) == 0


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert [target for target in targets if not (ROOT / target).exists()] == []
    headings = re.findall(r"^#+ (.*)$", TEXT, re.M)
    anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    assert [link for link in re.findall(r"\]\(#([^)]+)\)", TEXT) if link not in anchors] == []


def test_each_part_of_the_package_is_on_the_map() -> None:
    packages = {path.parent.name for path in (ROOT / "minikubelet").glob("*/__init__.py")}
    assert [name for name in sorted(packages) if f"`minikubelet/{name}/`" not in TEXT] == []
