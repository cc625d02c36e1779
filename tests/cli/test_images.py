"""`minikubelet images`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minikubelet.cli.main import main


@pytest.fixture
def images_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of one's own, on a machine that has `api` and `sh`, and nothing else."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("api", "sh"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    file = tmp_path / "images.yaml"
    file.write_text(
        "team/api: {entrypoint: [api], cmd: [--name, my api]}\n"
        "team/gone: {entrypoint: [gone]}\n"
        'team/db: {mock: [--tcp, "15432"]}\n'
    )
    return file


def test_what_counts_for_images(images_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["team/api:v1", "team/gone", "team/db", "busybox", "nginx:1.14.2"]
    assert main(["images", "--images", str(images_file), *asked]) == 0
    programs = images_file.parent / "bin"
    rows = [tuple(line.split("   ")) for line in capsys.readouterr().out.splitlines()]
    assert [tuple(cell.strip() for cell in row if cell.strip()) for row in rows] == [
        ("IMAGE", "COMMAND", "PROGRAM", "SOURCE"),
        ("team/api:v1", "api --name 'my api'", f"{programs}/api", str(images_file)),
        ("team/gone", "gone", "not found", str(images_file)),
        ("team/db", "minikubelet mock --tcp 15432", "built in", str(images_file)),
        ("busybox", "sh", f"{programs}/sh", "built-in catalog"),
        (
            "nginx:1.14.2",
            "minikubelet mock nginx -g 'daemon off;'",
            "built in",
            "built-in catalog",
        ),
    ]


def test_all_entries_as_json(images_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "--images", str(images_file), "-o", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "image": "team/gone",
        "command": ["gone"],
        "program": None,
        "source": str(images_file),
    }
    assert {
        "image": "luksa/kubia",
        "command": ["minikubelet", "mock", "kubia"],
        "program": "built in",
        "source": "built-in catalog",
    } in rows


def test_an_unknown_image(images_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "team/unknown"]) == 1
    assert capsys.readouterr() == ("", "error: no catalog knows image team/unknown\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param(None, "cannot read {file}: No such file or directory", id="a missing file"),
        pytest.param(
            "- x\n", "{file}:1: the file must be a mapping", id="a file that is not right"
        ),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, text: str | None, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    if text is not None:
        file.write_text(text)
    assert main(["images", "--images", str(file)]) == 2
    assert capsys.readouterr() == ("", f"error: {error.format(file=file)}\n")
