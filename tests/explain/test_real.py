"""What real processes leave in the journal is explained as well as what is played."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from minikubelet.explain.explanation import End, explain
from minikubelet.journal import PodRef, Record
from minikubelet.journal_json import record_from_json

TIMEOUT_SECONDS = 40


def sh(name: str, script: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "x", "command": ["sh", "-c", script], **fields}


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "terminationGracePeriodSeconds": 2,
        "restartPolicy": "Never",
        "containers": [
            sh("crashes", "kill -SEGV $$$$"),
            sh("fails", "echo -n no database > $MINIKUBELET_TERMINATION_LOG; exit 3"),
            sh(
                "hangs",
                "trap '' TERM; while :; do sleep 0.05; done",
                livenessProbe={
                    "exec": {"command": ["sh", "-c", "echo is stuck; exit 1"]},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                },
            ),
            {"name": "missing", "image": "x", "command": ["/no/such/program"]},
        ],
    },
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, End]:
    """The end of each container."""
    manifest = tmp_path_factory.mktemp("real") / "pod.yaml"
    manifest.write_text(yaml.safe_dump(POD))
    told = run(manifest)
    records = [record for line in told if (record := record_of(json.loads(line))) is not None]
    explanation = explain(PodRef("default", "web", records[0].pod.uid), records)
    return {container.name: container.ends[0] for container in explanation.containers}


def run(manifest: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "run", str(manifest), "-o", "json"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def record_of(fact: dict[str, Any]) -> Record | None:
    if fact["type"] != "record":
        return None
    head = {name: fact[name] for name in fact.keys() & {"record", "pod", "container"}}
    return record_from_json(head | {"at": fact["time"]} | fact["data"])


def test_a_signal(ends: dict[str, End]) -> None:
    assert ends["crashes"].cause == "Signal"
    assert "by SIGSEGV, which the daemon had not sent (exit code 139)." in ends["crashes"].text


def test_an_exit_code_with_a_termination_message(ends: dict[str, End]) -> None:
    assert ends["fails"].cause == "ExitCode"
    assert "with exit code 3; it said: no database." in ends["fails"].text


def test_an_exec_probe_and_an_app_that_ignores_term(ends: dict[str, End]) -> None:
    end = ends["hangs"]
    assert (end.cause, end.exit_code, end.signal) == ("LivenessProbe", 137, 9)
    assert "its liveness probe failed once (failureThreshold 1), with: is stuck. " in end.text
    assert "was still running 2s after SIGTERM, and was killed" in end.text
    said = [link.text.partition(" ")[0] for link in end.chain]
    # Its last sleep may be left behind, and is killed then.
    assert [word for word in said if word != "killed"] == [
        "started",
        "Liveness",
        "threshold",
        "asked",
        "SIGTERM",
        "SIGKILL:",
        "ended",
    ]


def test_an_executable_that_is_missing(ends: dict[str, End]) -> None:
    assert ends["missing"].cause == "CannotExecute"
    assert "/no/such/program" in ends["missing"].text
