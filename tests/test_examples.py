"""The examples are what they say: right, startable, and free of each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from minikubelet.cli.main import main
from minikubelet.runtime.image_reference import parse_image
from minikubelet.runtime.images_file import load_catalog

EXAMPLES = Path(__file__).parents[1] / "examples"
MANIFESTS = sorted(EXAMPLES.glob("*/pod.yaml"))


def name(manifest: Path) -> str:
    return manifest.parent.name


def containers(manifest: Path) -> list[dict[str, Any]]:
    specs = [
        document["spec"]
        for document in yaml.safe_load_all(manifest.read_text())
        if document["kind"] == "Pod"
    ]
    return [c for spec in specs for c in (*spec.get("initContainers", ()), *spec["containers"])]


def test_there_are_examples() -> None:
    assert len(MANIFESTS) >= 15


@pytest.mark.parametrize("manifest", MANIFESTS, ids=name)
def test_an_example_has_no_findings(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "-o", "json", str(manifest)]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


@pytest.mark.parametrize("manifest", MANIFESTS, ids=name)
def test_an_example_opens_with_how_to_run_it(manifest: Path) -> None:
    head = manifest.read_text().split("apiVersion")[0]
    command = rf"# +(sudo )?minikubelet run .*{manifest.relative_to(EXAMPLES.parent)}"
    assert re.search(command, head)
    assert "\n# Watch: " in head


@pytest.mark.parametrize("manifest", MANIFESTS, ids=name)
def test_an_examples_images_have_commands(manifest: Path) -> None:
    images = manifest.with_name("images.yaml")
    catalog = load_catalog(images if images.exists() else None)
    unknown = [
        container["image"]
        for container in containers(manifest)
        if "command" not in container and catalog.find(parse_image(container["image"])) is None
    ]
    assert unknown == []


def test_examples_do_not_share_ports() -> None:
    ports = [
        port
        for manifest in MANIFESTS
        for port in sorted(set(re.findall(r"\b1[89]\d{3}\b", manifest.read_text())))
    ]
    assert ports == sorted(set(ports))
    assert ports[0] == "18080"


@pytest.mark.parametrize(
    ("example", "exit_code", "lines"),
    [
        pytest.param(
            "12-config",
            0,
            {"APP_LITERAL=$(APP_POD)", "APP_MESSAGE=hello from config", "hello from config"},
            id="configuration",
        ),
        pytest.param("13-restart-rules", 1, {"please try again", "giving up"}, id="restart rules"),
        pytest.param("05-exec-probe", 0, set(), id="a Pod that is stopped by the time limit"),
    ],
)
def test_an_example_runs(example: str, exit_code: int, lines: set[str]) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "minikubelet", "run", "-o", "json", "--time-limit", "2s"),
            str(EXAMPLES / example / "pod.yaml"),
        ],
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    logged = {entry["text"] for entry in told if entry["type"] == "log"}
    assert lines <= logged
    assert ended.returncode == exit_code, ended.stderr
