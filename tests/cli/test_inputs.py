"""FILE arguments: what is read, in which order, and what cannot be."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from minikubelet.cli.inputs import Inputs, ManifestText, read_inputs
from minikubelet.manifest.yaml_text import MAX_TEXT_BYTES


def read(*arguments: object, stdin: bytes = b"") -> Inputs:
    return read_inputs([str(argument) for argument in arguments], io.BytesIO(stdin))


def messages(inputs: Inputs) -> list[str]:
    return [str(finding) for finding in inputs.findings]


def test_files_and_standard_input_in_the_order_given(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two.yaml"
    one.write_text("a: 1")
    two.write_text("b: ü", encoding="utf-8")
    assert read(two, "-", one, stdin=b"c: 3") == Inputs(
        (
            ManifestText(str(two), "b: ü"),
            ManifestText("<stdin>", "c: 3"),
            ManifestText(str(one), "a: 1"),
        ),
        (),
    )


def test_a_directory_gives_its_manifests_in_byte_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "B.yml", "a.json", "ä.yaml", "notes.txt", "pod.yaml.bak"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub.yaml").mkdir()
    (tmp_path / "sub.yaml" / "c.yaml").write_text("not read")
    inputs = read(tmp_path)
    assert [text.text for text in inputs.texts] == ["B.yml", "a.json", "b.yaml", "ä.yaml"]
    assert not inputs.findings


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("a: 1")
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "pod.yaml").symlink_to(tmp_path / "target")
    (manifests / "gone.yaml").symlink_to(tmp_path / "nowhere")
    inputs = read(manifests)
    assert inputs.texts == (ManifestText(f"{manifests}/pod.yaml", "a: 1"),)
    assert messages(inputs) == [f"{manifests}/gone.yaml: cannot read it: no such file or directory"]


def test_what_cannot_be_read_does_not_hide_the_rest(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text("a: 1")
    inputs = read(tmp_path / "missing.yaml", good)
    assert inputs.texts == (ManifestText(str(good), "a: 1"),)
    missing = f"{tmp_path}/missing.yaml: cannot read it: no such file or directory"
    assert messages(inputs) == [missing]


def test_an_empty_directory(tmp_path: Path) -> None:
    expected = f"{tmp_path}: no *.yaml, *.yml or *.json in this directory"
    assert messages(read(tmp_path)) == [expected]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            "a: é\nb: ü".encode("latin-1"),
            ":1:4: the byte 0xe9 is not UTF-8; save it as UTF-8",
            id="latin-1",
        ),
        pytest.param(
            "a: é\nbü: ".encode() + b"\xfc",
            ":2:5: the byte 0xfc is not UTF-8; save it as UTF-8",
            id="columns count characters",
        ),
        pytest.param(
            "a: 1é".encode("utf-16"),
            ": the text is UTF-16, not UTF-8; save it as UTF-8",
            id="UTF-16, as some Windows editors save",
        ),
        pytest.param(b"a" * (MAX_TEXT_BYTES + 1), ": larger than 10 MiB", id="too large"),  # L-7
    ],
)
def test_texts_that_are_none(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_bytes(data)
    assert messages(read(file)) == [f"{file}{message}"]
    assert messages(read("-", stdin=data)) == [f"<stdin>{message}"]
