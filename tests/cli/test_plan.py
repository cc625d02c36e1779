"""`minikubelet plan` from the outside: output, exit codes, start-up."""

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
  terminationGracePeriodSeconds: 5
  containers:
  - name: app
    image: busybox
    livenessProbe:
      httpGet:
        path: /healthz
        port: 8080
      initialDelaySeconds: 3
      periodSeconds: 2
"""
SLOW = GOOD + "      timeoutSeconds: 2\n"
PLANNED = """\
Pod web: Ready after 0s; restartPolicy Always

CONTAINER  STARTS  READY AFTER  FAILURE TO KILL  KILL TO GONE  FAILURE TO READY AGAIN  WITH BACK-OFF
app        0s      0s           3s…7s            0s…5s         3s…12s                  13s…5m12s

CONTAINER  PROBE     FIRST  PASSES  GIVES UP  SEES FAILURE  SEES HANG  RECOVERS
app        liveness  3s     3s…4s   7s…8s     3s…6s         4s…7s      -

Stop: grace period 5s, gone after 0s…5s

CONTAINER  PRESTOP  WAITS FOR  TERM  KILL
app        -        -          0s    5s
"""
FOUND = """\

pod.yaml:16: MK103: spec.containers[0].livenessProbe.timeoutSeconds: 2s is not below the period of \
2s: an app that hangs is asked again without a pause, and noticed later than the period says
    0s  the app hangs, and a run begins
    2s  the next run would be due, but this one still waits
    2s  it times out; the next run begins at once
    6s  3 failures: it counts
    fix: set timeoutSeconds below periodSeconds
"""
CHANGED = """\
Pod web:
CONTAINER  PART           FIGURE                  OLD           NEW
app        -              detectsFailure          3s…7s      →  2s…8s
app        -              readyAgain              3s…12s     →  2s…13s
app        -              readyAgainAfterBackOff  13s…5m12s  →  12s…5m13s
app        livenessProbe  passes                  3s…4s      →  3s…5s
app        livenessProbe  givesUp                 7s…8s      →  7s…9s
app        livenessProbe  detectsFailure          3s…6s      →  2s…6s
app        livenessProbe  detectsHang             4s…7s      →  4s…8s
"""


def plan(
    *arguments: str, cwd: Path, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    colors = ("NO_COLOR", "FORCE_COLOR")
    environment = {key: value for key, value in os.environ.items() if key not in colors}
    return subprocess.run(
        [sys.executable, "-m", "minikubelet", "plan", *arguments],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])} | environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "pod.yaml").write_text(SLOW)
    (tmp_path / "old.yaml").write_text(GOOD)
    (tmp_path / "db.yaml").write_text(GOOD.replace("name: web", "name: db"))
    (tmp_path / "bad.yaml").write_text(GOOD.replace("kind: Pod", "kind: Pot"))
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "web.yaml").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "output", "code"),
    [
        pytest.param(["old.yaml"], PLANNED, 0, id="a plan"),
        pytest.param(["manifests"], PLANNED, 0, id="of a directory"),
        pytest.param(["-"], PLANNED, 0, id="of standard input"),
        pytest.param(["old.yaml", "pod.yaml"], CHANGED + FOUND, 0, id="what changes"),
        pytest.param(
            ["old.yaml", "manifests/web.yaml"], "Pod web: no figure changes\n", 0, id="no change"
        ),
        pytest.param(["--strict", "old.yaml"], PLANNED, 0, id="strict, nothing found"),
        pytest.param(
            ["--strict", "old.yaml", "pod.yaml"], CHANGED + FOUND, 1, id="strict, something found"
        ),
        pytest.param(
            ["-f", "old.yaml", "-f", "db.yaml", "-f", "config.yaml"],
            PLANNED + "\n" + PLANNED.replace("Pod web", "Pod db"),
            0,
            id="several files",
        ),
    ],
)
def test_text(files: Path, arguments: list[str], output: str, code: int) -> None:
    done = plan(*arguments, cwd=files, stdin=GOOD)
    assert (done.stdout, done.stderr, done.returncode) == (output, "", code)


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        pytest.param([], "name a manifest: minikubelet plan pod.yaml", 2, id="no file"),
        pytest.param(
            ["old.yaml", "-f", "db.yaml"],
            "give files either with -f or without: -f plans them all, two without are compared",
            2,
            id="both ways",
        ),
        pytest.param(
            ["old.yaml", "db.yaml", "pod.yaml"],
            "one FILE is planned, two are compared (OLD NEW); for several: -f A -f B -f C",
            2,
            id="three files",
        ),
        pytest.param(
            ["manifests", "pod.yaml"],
            "manifests is a directory: two files are compared; to plan both: -f A -f B",
            2,
            id="a directory is not compared",
        ),
        pytest.param(
            ["-", "-"], "only one of OLD and NEW can be standard input", 2, id="stdin twice"
        ),
        pytest.param(
            ["old.yaml", "db.yaml"],
            "two files are compared, and must have the same Pods: old.yaml has web, db.yaml has "
            "db; to plan both: -f A -f B",
            2,
            id="other Pods",
        ),
        pytest.param(
            ["config.yaml"], "no Pod in the input: there is nothing to plan", 14, id="no Pod"
        ),
    ],
)
def test_mistakes(files: Path, arguments: list[str], error: str, code: int) -> None:
    done = plan(*arguments, cwd=files)
    assert (done.stdout, done.stderr, done.returncode) == ("", f"error: {error}\n", code)


@pytest.mark.parametrize(
    ("file", "code"),
    [("bad.yaml", 14), ("empty.yaml", 14), ("missing.yaml", 2)],
)
def test_bad_input_is_told_as_validate_tells_it(files: Path, file: str, code: int) -> None:
    done = plan("old.yaml", file, cwd=files)
    assert (done.stdout, done.returncode) == ("", code)
    assert done.stderr.startswith(f"{file}")


def test_json(files: Path) -> None:
    done = plan("-o", "json", "pod.yaml", cwd=files)
    document = json.loads(done.stdout)
    app = document["pods"][0]["containers"][0]
    assert list(document["pods"][0]) == [
        "namespace",
        "name",
        "restartPolicy",
        "ready",
        "stopped",
        "gracePeriodSeconds",
        "backOffSeconds",
        "containers",
    ]
    assert app["probes"] == {
        "livenessProbe": {
            "firstAttempt": {"earliest": 3.0, "latest": 3.0},
            "every": {"earliest": 2.0, "latest": 2.0},
            "passes": {"earliest": 3.0, "latest": 5.0},
            "givesUp": {"earliest": 7.0, "latest": 9.0},
            "detectsFailure": {"earliest": 2.0, "latest": 6.0},
            "detectsHang": {"earliest": 4.0, "latest": 8.0},
            "recovers": None,
        }
    }
    assert app["stop"] == {
        "preStop": None,
        "stopSignal": {"earliest": 0.0, "latest": 0.0},
        "kill": {"earliest": 5.0, "latest": 5.0},
        "waitsFor": [],
    }
    finding = document["findings"][0]
    assert (finding["rule"], finding["file"], finding["line"]) == ("MK103", "pod.yaml", 16)
    assert finding["timeline"][-1] == {"seconds": 6.0, "what": "3 failures: it counts"}
    assert done.returncode == 0


def test_json_of_changes(files: Path) -> None:
    document = json.loads(plan("-o", "json", "old.yaml", "pod.yaml", cwd=files).stdout)
    assert document["pods"][0]["changes"][0] == {
        "container": "app",
        "part": "",
        "figure": "detectsFailure",
        "old": {"earliest": 3.0, "latest": 7.0},
        "new": {"earliest": 2.0, "latest": 8.0},
    }


def test_colors(files: Path) -> None:
    done = plan("pod.yaml", cwd=files, FORCE_COLOR="1")
    assert "\x1b[33mpod.yaml:16: MK103: " in done.stdout


def test_nothing_slow_is_imported() -> None:
    code = "import sys, minikubelet.cli.plan; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    slow = {"asyncio", "rich", "ssl", "minikubelet.node", "minikubelet.runtime"}
    assert slow.isdisjoint(done.stdout.split())
