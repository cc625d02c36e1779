"""`minikubelet validate` from the outside: output, exit codes, start-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: app
    image: busybox
"""
WARNED = GOOD + "  subdomain: x\n"
BAD = WARNED.replace("image: busybox", "image: ''").replace("name: app", "nmae: app")
BAD_FINDINGS = """\
pod.yaml:7: spec.containers[0].nmae: unknown field
    fix: did you mean "name"?
1 error; good: nothing
"""
REFUSED = GOOD + "  volumes: [{name: v, nfs: {server: s, path: /}}]\n"


def validate(
    *arguments: str, cwd: Path, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    colors = ("NO_COLOR", "FORCE_COLOR")
    environment = {key: value for key, value in os.environ.items() if key not in colors}
    return subprocess.run(
        [sys.executable, "-m", "minikubelet", "validate", *arguments],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])} | environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "output", "code"),
    [
        pytest.param(GOOD, "no findings; good: 1 Pod\n", 0, id="a good pod"),
        pytest.param(
            WARNED,
            "pod.yaml:9: warning: spec.subdomain: has no effect: there is no cluster DNS\n"
            "1 warning; good: 1 Pod\n",
            0,
            id="warnings are allowed",
        ),
        pytest.param(BAD, BAD_FINDINGS, 14, id="an unknown field"),
        pytest.param(
            GOOD.replace("busybox", "''") + "  restartPolicy: never\n",
            "pod.yaml:8: spec.containers[0].image: Required value\n"
            'pod.yaml:9: spec.restartPolicy: Unsupported value: "never": '
            'supported values: "Always", "OnFailure", "Never"\n'
            "2 errors; good: nothing\n",
            14,
            id="all errors at once",
        ),
        pytest.param(
            REFUSED,
            "pod.yaml:9: spec.volumes[0].nfs: not supported: it cannot be mounted\n"
            "    fix: mount it on the host, and use a hostPath volume\n"
            "1 error; good: nothing\n",
            14,
            id="what cannot be had",
        ),
        pytest.param(
            "",
            "pod.yaml: no objects in it: it is empty, or has comments only\n"
            "1 error; good: nothing\n",
            14,
            id="an empty file",
        ),
    ],
)
def test_text(tmp_path: Path, text: str, output: str, code: int) -> None:
    (tmp_path / "pod.yaml").write_text(text)
    done = validate("pod.yaml", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (output, "", code)


def test_several_inputs(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "pod.yaml").write_text(GOOD)
    (tmp_path / "manifests" / "README.md").write_text("no manifest")
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    done = validate("manifests", "-", cwd=tmp_path, stdin=config_map)
    assert (done.stdout, done.returncode) == ("no findings; good: 1 Pod, 1 ConfigMap\n", 0)


def test_a_missing_file_is_a_usage_error_and_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(BAD)
    done = validate("missing.yaml", "pod.yaml", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "missing.yaml: cannot read it: no such file or directory",
        *BAD_FINDINGS.splitlines()[:-1],
        "2 errors; good: nothing",
    ]
    assert done.returncode == 2


@pytest.mark.parametrize("arguments", [[], ["-o", "xml", "pod.yaml"]])
def test_usage(tmp_path: Path, arguments: list[str]) -> None:
    done = validate(*arguments, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("see `minikubelet validate --help`\n")


def test_json(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(GOOD.replace("busybox", "''") + "  subdomain: x\n---\n")
    done = validate("-o", "json", "pod.yaml", "-", cwd=tmp_path, stdin=GOOD.replace("web", "ok"))
    assert json.loads(done.stdout) == {
        "findings": [
            {
                "file": "pod.yaml",
                "line": 8,
                "column": 5,
                "severity": "error",
                "path": "spec.containers[0].image",
                "message": "Required value",
                "fix": "",
                "upstream": "spec.containers[0].image: Required value",
            },
            {
                "file": "pod.yaml",
                "line": 9,
                "column": 3,
                "severity": "warning",
                "path": "spec.subdomain",
                "message": "has no effect: there is no cluster DNS",
                "fix": "",
                "upstream": "",
            },
        ],
        "errors": 1,
        "warnings": 1,
        "objects": [{"kind": "Pod", "namespace": "default", "name": "ok"}],
    }
    assert done.returncode == 14


@pytest.mark.parametrize(
    ("arguments", "environ", "first_line"),
    [
        pytest.param([], {}, "{finding}", id="none where it is no terminal"),
        pytest.param([], {"FORCE_COLOR": "1"}, "\x1b[33m{finding}\x1b[0m", id="when forced"),
        pytest.param([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, "{finding}", id="NO_COLOR wins"),
        pytest.param(["--no-color"], {"FORCE_COLOR": "1"}, "{finding}", id="when told not to"),
    ],
)
def test_colors(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], first_line: str
) -> None:
    (tmp_path / "pod.yaml").write_text(WARNED)
    finding = "pod.yaml:9: warning: spec.subdomain: has no effect: there is no cluster DNS"
    done = validate("pod.yaml", *arguments, cwd=tmp_path, **environ)
    assert done.stdout.splitlines()[0] == first_line.format(finding=finding)


def test_a_manifest_cannot_disturb_the_terminal(tmp_path: Path) -> None:
    text = GOOD.replace("spec:", 'spec:\n  "\\e]0;title\\a": 1')
    (tmp_path / "pod.yaml").write_text(text)
    done = validate("pod.yaml", cwd=tmp_path)
    assert done.returncode == 14
    assert [char for char in done.stdout if ord(char) < 32 and char != "\n"] == []


def test_nothing_slow_is_imported() -> None:
    code = "import sys, minikubelet.cli.validate; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert {"asyncio", "rich", "logging", "ssl"}.isdisjoint(done.stdout.split())
