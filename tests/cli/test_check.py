"""`minikubelet check` with real processes: exit codes, and the words that come with them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run_process import PATIENCE_SECONDS, a_container, a_pod, write

UP = "echo up; exec sleep 3600"
FOREVER_UNREADY = {"exec": {"command": ["sh", "-c", "echo no database; exit 1"]}}


def check(*arguments: str, expected: int | None = None) -> tuple[int, dict[str, Any], str]:
    """The exit code, the verdict, and standard error; `expected` where they may differ."""
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "check", "-o", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    last = done.stdout.splitlines()[-1:]
    verdict = json.loads(last[0]) if last else {}
    assert not verdict or done.returncode == (expected or verdict["exitCode"])
    return done.returncode, verdict, done.stderr


def results(verdict: dict[str, Any]) -> dict[str, str]:
    return {case["name"]: case["result"] for suite in verdict["suites"] for case in suite["cases"]}


def test_all_well(tmp_path: Path) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    pod = a_pod("web", a_container("app", UP, readinessProbe=probe))
    code, verdict, _ = check(write(tmp_path / "pod.yaml", pod), "--soak", "100ms", "--", "true")
    assert code == 0
    assert verdict["verdict"] == "all well"
    assert verdict["commandStatus"] == 0
    assert results(verdict) == {
        "start": "passed",
        "app: readiness probe": "passed",
        "ready": "passed",
        "soak": "passed",
        "clean stop": "passed",
        "command": "passed",
    }


def test_a_job_is_to_succeed(tmp_path: Path) -> None:
    pod = a_pod("job", a_container("main", "echo done"), restartPolicy="Never")
    code, verdict, _ = check(write(tmp_path / "pod.yaml", pod))
    assert (code, results(verdict)["succeeded"]) == (0, "passed")


CRASHING = a_container("app", "echo no config >&2; exit 3")
SICK_LATER = a_container(
    "app",
    UP,
    readinessProbe={
        "exec": {"command": ["sh", "-c", "[ ! -e asked ] && touch asked"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    },
)


@pytest.mark.parametrize(
    ("pod", "options", "code", "container", "cause"),
    [
        pytest.param(
            a_pod("web", CRASHING), [], 11, "app", "no restart is allowed", id="it crashes"
        ),
        pytest.param(
            a_pod("web", CRASHING),
            ["--max-restarts", "1"],
            11,
            "app",
            "restart 2: 1 are allowed",
            id="it crashes once more than is allowed",
        ),
        pytest.param(
            a_pod("web", a_container("app", UP, command=["/nowhere/app"])),
            [],
            10,
            "app",
            'cannot start: RunContainerError: exec: "/nowhere/app"',
            id="its program does not exist",
        ),
        pytest.param(
            a_pod("web", {"name": "app", "image": "corp/unknown:1"}),
            [],
            10,
            "app",
            "cannot start: ErrImagePull: no local command for image",
            id="its image has no local command",
        ),
        pytest.param(
            a_pod("web", a_container("app", UP, readinessProbe=FOREVER_UNREADY)),
            ["--timeout", "300ms"],
            10,
            "app",
            "not ready after 300ms (--timeout): its readiness probe did not succeed",
            id="it is not ready in time",
        ),
        pytest.param(
            a_pod("job", a_container("main", UP), restartPolicy="Never"),
            ["--timeout", "300ms"],
            15,
            "main",
            "not succeeded after 300ms (--timeout): main still running",
            id="the job does not end in time",
        ),
        pytest.param(
            a_pod("job", a_container("main", "exit 4"), restartPolicy="Never"),
            [],
            10,
            "main",
            "(exit 4) and is not started again (restartPolicy Never)",
            id="the job fails",
        ),
        pytest.param(
            a_pod("web", SICK_LATER),
            ["--soak", "20s"],
            12,
            "app",
            "became unready during the soak: its readiness probe failed once",
            id="it becomes unready in the soak",
        ),
        pytest.param(
            a_pod(
                "web",
                a_container(
                    "app",
                    UP,
                    livenessProbe={
                        "exec": {"command": ["cat", "ok"]},
                        "periodSeconds": 1,
                        "failureThreshold": 1,
                    },
                ),
            ),
            ["--soak", "20s"],
            13,
            "app",
            "killed: its liveness probe failed once",
            id="its liveness probe kills it",
        ),
        pytest.param(
            a_pod(
                "web",
                a_container("app", "trap '' TERM; echo up; while :; do sleep 1; done"),
                terminationGracePeriodSeconds=1,
            ),
            ["--soak", "300ms"],
            17,
            "app",
            "had to be killed: still running",
            id="it ignores TERM",
        ),
    ],
)
def test_what_went_wrong(
    tmp_path: Path, pod: dict[str, Any], options: list[str], code: int, container: str, cause: str
) -> None:
    got, verdict, _ = check(write(tmp_path / "pod.yaml", pod), *options)
    assert (got, verdict["container"]) == (code, container), verdict
    assert cause in verdict["cause"]
    assert verdict["milliseconds"] < 9_000, "a verdict waits for no back-off and no time-out"


def test_evidence_is_the_last_probe_and_the_log(tmp_path: Path) -> None:
    pod = a_pod("web", a_container("app", UP, readinessProbe=FOREVER_UNREADY))
    _, verdict, _ = check(write(tmp_path / "pod.yaml", pod), "--timeout", "500ms")
    assert "no database" in verdict["evidence"][0]
    assert verdict["logTails"] == [{"container": "web/app", "lines": ["up"]}]


def test_the_status_of_the_command_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    code, verdict, stderr = check(path, "--soak", "0", "--", "sh", "-c", "echo tests ran; exit 9")
    assert (code, verdict["commandStatus"]) == (16, 9)
    assert verdict["cause"] == "the command exited with 9: sh -c 'echo tests ran; exit 9'"
    assert stderr == "tests ran\n"  # standard output is for JSON


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    code, verdict, _ = check(path, "--soak", "0", "--", "/nowhere/tests")
    assert (code, verdict["commandStatus"]) == (16, 127)


def test_facts_for_the_command(tmp_path: Path) -> None:
    container = a_container("app", UP, ports=[{"containerPort": 18099, "name": "http"}])
    path = write(tmp_path / "pod.yaml", a_pod("web", container))
    script = (
        "echo $MINIKUBELET_PODS $MINIKUBELET_PORT_WEB_APP_HTTP; cat $MINIKUBELET_LOG_DIR/*/*/0.log"
    )
    code, _, stderr = check(path, "--soak", "0", "--", "sh", "-c", script)
    assert code == 0
    facts, log = stderr.splitlines()
    assert facts == "web 18099"
    assert log.endswith(" stdout F up")


def test_what_the_command_leaves_is_killed_and_told(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    code, verdict, _ = check(
        path, "--soak", "0", "--", "sh", "-c", "(setsid sleep 3600 >/dev/null 2>&1 &)"
    )
    assert code == 0
    (note,) = verdict["notes"]
    assert note.startswith("the command left sleep (pid ")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        container = a_container("app", UP, ports=[{"containerPort": port}])
        path = write(tmp_path / "pod.yaml", a_pod("web", container))
        code, verdict, _ = check(path)
    assert code == 10
    assert verdict["cause"].startswith(f"cannot start: port {port} is already taken by ")


def test_no_report_holds_a_secret(tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "correct horse"},
    }
    reference = {"secretKeyRef": {"name": "s", "key": "password"}}
    container = a_container(
        "app",
        'echo "password is $PASSWORD"; echo "$PASSWORD" | base64; sleep 1; exit 1',
        env=[{"name": "PASSWORD", "valueFrom": reference}],
        readinessProbe={"exec": {"command": ["sh", "-c", "echo $PASSWORD; exit 1"]}},
    )
    path = write(tmp_path / "all.yaml", a_pod("web", container), secret)
    logs, junit, page, summary = (tmp_path / n for n in ("logs", "j.xml", "r.html", "summary.md"))
    files = [f"--keep-logs={logs}", f"--junit={junit}", f"--report={page}"]
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "check", path, "-o", "github", *files],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)},
        check=False,
    )
    assert done.returncode == 11
    kept = (logs / "default_web" / "app" / "0.log").read_text()
    texts = [done.stdout, kept, *(file.read_text() for file in (junit, page, summary))]
    assert ["password is ***" in text for text in texts] == [True] * 5
    assert "::error title=web/app%3A crash loop::" in done.stdout
    everything = "".join([*texts, done.stderr])
    assert "correct horse" not in everything
    assert "Y29ycmVjdCBob3Jz" not in everything


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Its directory goes while the Pod runs; without one from the start there is no check."""
    junit = tmp_path / "reports" / "out.xml"
    junit.parent.mkdir()
    pod = a_pod("job", a_container("main", f"rmdir {junit.parent}"), restartPolicy="Never")
    path = write(tmp_path / "pod.yaml", pod)
    code, verdict, stderr = check(path, "--junit", str(junit), expected=70)
    assert (code, verdict["exitCode"]) == (70, 0)
    assert stderr == f"error: cannot write {junit}: no such file or directory\n"
    missing = f"error: --junit {junit}: there is no directory {junit.parent}\n"
    assert check(path, "--junit", str(junit)) == (2, {}, missing)


def test_nothing_after_the_dashes_is_a_usage_error(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    assert check(path, "--") == (2, {}, "error: there is no command after --\n")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a PID namespace")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("(setsid sleep 3600 >/dev/null 2>&1 &); true", 0, id="reaps orphans"),
        pytest.param("kill -TERM 1; sleep 3600", 130, id="obeys TERM"),
    ],
)
def test_as_the_first_process(tmp_path: Path, command: str, code: int) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    in_namespace = ["unshare", "--pid", "--fork", "--mount-proc"]
    check_it = [sys.executable, "-m", "minikubelet", "check", path, "--soak", "0"]
    done = subprocess.run(
        [*in_namespace, *check_it, "--", "sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr


def test_a_bad_manifest(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("Web", a_container("app", UP)))
    code, verdict, stderr = check(path)
    assert (code, verdict) == (14, {})
    assert "metadata.name" in stderr


def test_a_bad_manifest_is_marked_on_github(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("Web", a_container("app", UP)))
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "check", path, "-o", "github"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 14
    assert done.stdout.startswith(f"::error file={path},line=")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_the_pods(tmp_path: Path, number: signal.Signals) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container("app", UP)))
    started = tmp_path / "started"
    command = ["sh", "-c", f"touch {started}; exec sleep 3600"]
    with subprocess.Popen(
        [sys.executable, "-m", "minikubelet", "check", path, "--", *command],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not started.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130
    assert "FAILED (exit 130, interrupted)" in said
