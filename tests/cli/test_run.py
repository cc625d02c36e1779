"""`minikubelet run` with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from minikubelet.cli.run_dir import layout_of
from minikubelet.runtime.empty_dir import memory_dir
from tests.cli.run_process import a_container, a_pod, running, write

STUBBORN = (
    "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo child; sleep 3600' &); "
    "echo up; sleep 3600 & wait; wait"
)


def test_a_pod_that_succeeds(tmp_path: Path) -> None:
    pod = a_pod("job", a_container("main", "echo done"), restartPolicy="Never")
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        assert run.end() == 0
        assert run.logs() == ["done"]
        assert run.summary()["pods"][0]["phase"] == "Succeeded"


def test_a_pod_that_fails(tmp_path: Path) -> None:
    pod = a_pod("job", a_container("main", "echo no; exit 3"), restartPolicy="Never")
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        assert run.end() == 1
        (container,) = run.summary()["pods"][0]["containers"]
    assert container["lastExit"]["exitCode"] == 3


def test_nothing_starts_when_one_manifest_is_bad(tmp_path: Path) -> None:
    started = tmp_path / "started"
    good = a_pod("good", a_container("main", f"touch {started}"), restartPolicy="Never")
    bad = a_pod("bad", a_container("main", "true"), restartPolicy="Sometimes")
    with running(write(tmp_path / "pods.yaml", good, bad)) as run:
        assert run.end() == 14
        text = run.stderr()
    assert 'spec.restartPolicy: Unsupported value: "Sometimes"' in text
    assert "pods.yaml:" in text
    assert not started.exists()


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with running(str(tmp_path / "none.yaml")) as run:
        assert run.end() == 2
        assert "none.yaml" in run.stderr()


def test_interrupt_stops_gracefully_and_is_no_failure(tmp_path: Path) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; sleep 3600 & wait"
    with running(write(tmp_path / "pod.yaml", a_pod("web", a_container("main", script)))) as run:
        run.wait_for_log("up")
        run.signal(signal.SIGINT)
        assert run.end() == 0
        assert run.logs() == ["up", "bye"]
        notices = [fact["message"] for fact in run.facts if fact["type"] == "status"]
    assert notices == ["interrupted: stopping web, grace 5s (Ctrl-C again to kill at once)"]


def test_a_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    pod = a_pod("web", a_container("main", STUBBORN), terminationGracePeriodSeconds=3600)
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        run.wait_for_log("child")
        run.signal(signal.SIGTERM)
        run.wait_for_record("StopStep", step="TERM")
        run.signal(signal.SIGINT)
        assert run.end() == 0
        run.wait_for_record("ContainerExited", exitCode=137)


def test_the_time_limit_stops_cleanly(tmp_path: Path) -> None:
    pod = a_pod("web", a_container("main", "echo up; exec sleep 3600"))
    with running(write(tmp_path / "pod.yaml", pod), "--time-limit", "500ms") as run:
        assert run.end() == 0
        assert "time limit" in run.summary()["verdict"]


def test_a_pod_that_failed_before_the_stop_is_a_failure(tmp_path: Path) -> None:
    failing = a_pod("bad", a_container("main", "exit 1"), restartPolicy="Never")
    going_on = a_pod("good", a_container("main", "exec sleep 3600"))
    with running(write(tmp_path / "pods.yaml", failing, going_on)) as run:
        run.wait_for_record("PhaseChanged", new="Failed")
        run.signal(signal.SIGINT)
        assert run.end() == 1


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """Short enough for sockets in it, as `tmp_path` is not."""
    path = Path(tempfile.mkdtemp(prefix="mk", dir="/tmp"))
    yield path
    path.rmdir()


def test_kill_9_leaves_no_process_and_no_file(tmp_path: Path, short_directory: Path) -> None:
    temporary = short_directory
    pod = a_pod(
        "web",
        a_container("main", STUBBORN, volumeMounts=[{"name": "v", "mountPath": "/data"}]),
        volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}],
    )
    environment = {"TMPDIR": str(temporary)}
    with running(write(tmp_path / "pod.yaml", pod), environment=environment) as run:
        pid = run.wait_for_record("ContainerStarted")["data"]["pid"]
        run.wait_for_log("child")
        (directory,) = temporary.iterdir()
        in_memory = memory_dir(layout_of(directory))
        assert in_memory.exists()
        run.signal(signal.SIGKILL)
        run.process.wait()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) or directory.exists() or in_memory.exists():
        assert time.monotonic() < deadline, (psutil.pid_exists(pid), directory, in_memory)


def test_config_maps_and_secrets_of_the_same_input(tmp_path: Path) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"color": "blue", "file.txt": "from a file"},
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "hush"},
    }
    container = a_container(
        "main",
        "echo $COLOR $PASSWORD; cat /etc/config/file.txt",
        env=[
            {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "color"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        ],
        volumeMounts=[{"name": "config", "mountPath": "/etc/config"}],
    )
    pod = a_pod(
        "job",
        container,
        restartPolicy="Never",
        volumes=[{"name": "config", "configMap": {"name": "c"}}],
    )
    with running(write(tmp_path / "all.yaml", pod, config, secret)) as run:
        assert run.end() == 0
        assert run.logs() == ["blue hush", "from a file"]


def test_an_exec_liveness_probe_restarts(tmp_path: Path) -> None:
    probe = {"exec": {"command": ["cat", "ok"]}, "periodSeconds": 1, "failureThreshold": 1}
    pod = a_pod("web", a_container("main", "echo up; exec sleep 3600", livenessProbe=probe))
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        event = run.wait_for(lambda f: f["type"] == "event" and f["reason"] == "Unhealthy")
        run.wait_for_record("ContainerStarted", restartCount=1)
        run.signal(signal.SIGINT)
        assert run.end() == 0
    assert event["message"].startswith("Liveness probe failed: cat: ok: No such file")


def test_memory_beyond_the_limit_is_killed(tmp_path: Path) -> None:
    hog = {
        "name": "main",
        "image": "python",
        "command": [sys.executable, "-c", "x = bytearray(200 << 20); print(len(x))"],
        "resources": {"limits": {"memory": "64Mi"}},
    }
    with running(write(tmp_path / "pod.yaml", a_pod("hog", hog, restartPolicy="Never"))) as run:
        assert run.end() == 1
        (container,) = run.summary()["pods"][0]["containers"]
    assert (container["lastExit"]["reason"], container["lastExit"]["exitCode"]) == (
        "OOMKilled",
        137,
    )


def test_an_unknown_image_says_what_to_do(tmp_path: Path) -> None:
    pod = a_pod("web", {"name": "main", "image": "corp/unknown:1"})
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        failed = run.wait_for_record("ContainerStartFailed", reason="ErrImagePull")
        run.wait_for_record("ContainerStartFailed", reason="ImagePullBackOff")
        run.signal(signal.SIGINT)
        assert run.end() == 0
    assert failed["data"]["message"] == (
        'no local command for image "corp/unknown:1": set command in the manifest, '
        "or map the image in images.yaml"
    )


def test_the_users_catalog_maps_images(tmp_path: Path) -> None:
    catalog = tmp_path / "images.yaml"
    catalog.write_text("corp/*:\n  entrypoint: [echo, mapped]\n")
    pod = a_pod(
        "job", {"name": "main", "image": "corp/x:1", "args": ["too"]}, restartPolicy="Never"
    )
    with running(write(tmp_path / "pod.yaml", pod), "--images", str(catalog)) as run:
        assert run.end() == 0
        assert run.logs() == ["mapped too"]


@pytest.mark.parametrize(("options", "lines"), [((), ["-"]), (("--inherit-env",), ["seen"])])
def test_the_environment_is_clean_unless_inherited(
    tmp_path: Path, options: tuple[str, ...], lines: list[str]
) -> None:
    pod = a_pod("job", a_container("main", "echo ${SHELL_ONLY:--}"), restartPolicy="Never")
    path = write(tmp_path / "pod.yaml", pod)
    with running(path, *options, environment={"SHELL_ONLY": "seen"}) as run:
        assert run.end() == 0
        assert run.logs() == lines


def test_a_reader_that_leaves_ends_the_run(tmp_path: Path) -> None:
    pod = a_pod("web", a_container("main", "while echo line; do sleep 0.05; done"))
    path = write(tmp_path / "pod.yaml", pod)
    with subprocess.Popen(
        [sys.executable, "-m", "minikubelet", "run", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_standard_input(tmp_path: Path) -> None:
    pod = a_pod("job", a_container("main", "echo from stdin"), restartPolicy="Never")
    text = Path(write(tmp_path / "pod.yaml", pod)).read_text()
    done = subprocess.run(
        [sys.executable, "-m", "minikubelet", "run", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode == 0
    assert "│ from stdin" in done.stdout


def test_a_long_tmpdir_is_no_obstacle(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    pod = a_pod("job", a_container("main", "echo done"), restartPolicy="Never")
    path = write(tmp_path / "pod.yaml", pod)
    with running(path, environment={"TMPDIR": str(long)}) as run:
        assert run.end() == 0


def test_a_container_that_was_never_started_says_why_at_the_end(tmp_path: Path) -> None:
    value_from = {"configMapKeyRef": {"name": "none", "key": "k"}}
    container = a_container("main", "true", env=[{"name": "K", "valueFrom": value_from}])
    with running(write(tmp_path / "pod.yaml", a_pod("web", container))) as run:
        run.wait_for_record("ContainerStartFailed", reason="CreateContainerConfigError")
        run.signal(signal.SIGINT)
        assert run.end() == 0
        (pod,) = run.summary()["pods"]
    assert pod["phase"] == "Failed"  # L-240
    assert pod["containers"][0]["lastExit"] == {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated",
        "cause": "not started: CreateContainerConfigError",
    }


def test_a_last_line_without_newline_comes_before_the_end(tmp_path: Path) -> None:
    pod = a_pod("job", a_container("main", "printf last"), restartPolicy="Never")
    with running(write(tmp_path / "pod.yaml", pod)) as run:
        assert run.end() == 0
        told = [fact.get("record", fact["type"]) for fact in run.facts]
    assert told.index("log") < told.index("ContainerExited")
