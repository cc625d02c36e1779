"""`minikubelet simulate` from the outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run_process import a_pod, write

HTTP = {"httpGet": {"path": "/", "port": 8080}}


def simulate(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minikubelet", "simulate", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "NO_COLOR": "1"},
    )


def facts_of(*arguments: str) -> list[dict[str, Any]]:
    done = simulate(*arguments, "-o", "json")
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def a_container(name: str = "web", **fields: object) -> dict[str, Any]:
    return {"name": name, "image": f"corp/{name}", **fields}


def test_the_course_of_a_hang(tmp_path: Path) -> None:
    pod = a_pod("web", a_container(readinessProbe=HTTP, livenessProbe=HTTP))
    script = "web: ready after 12 s, hangs at 35 s, answers in 900 ms, ignores TERM"
    done = simulate(write(tmp_path / "pod.yaml", pod), "--app", script, "--for", "70s")
    late = (
        'Get "http://127.0.0.1:8080/": context deadline exceeded '
        "(Client.Timeout exceeded while awaiting headers)"
    )
    down = "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"
    assert done.stdout.splitlines() == [
        "web ●    0.0s  started (pid 1001)",
        f"web ▲    0.9s  {down} (1 of 3)",
        f"web ▲   10.9s  {down} (2 of 3)",
        "web ●   20.9s  ready",
        f"web ▲   41.0s  Unhealthy: Readiness probe failed: {late} (1 of 3)",
        f"web ▲   41.0s  Unhealthy: Liveness probe failed: {late} (1 of 3)",
        f"web ▲   51.0s  Unhealthy: Readiness probe failed: {late} (2 of 3)",
        f"web ▲   51.0s  Unhealthy: Liveness probe failed: {late} (2 of 3)",
        f"web ▲   1m01s  Unhealthy: Readiness probe failed: {late} (3 of 3)",
        "web ▲   1m01s  not ready",
        f"web ▲   1m01s  Unhealthy: Liveness probe failed: {late} (3 of 3)",
        "web ▲   1m01s  Killing: Container web failed liveness probe, will be restarted (grace 5s)",
        "web ▲   1m06s  SIGKILL: still running 5s after SIGTERM",
        "web ▲   1m06s  ended after 1m6s: exit 137 (SIGKILL), liveness probe failed",
        "web ●   1m06s  restarted (restart 1, pid 1002), was: exit 137 (SIGKILL), "
        "liveness probe failed",
        f"web ▲   1m06s  {down} (1 of 3)",
        "    ●   1m10s  time limit of 1m10s reached: stopping web, grace 5s",
        "web ●   1m10s  Killing: Stopping container web (grace 5s)",
        "web ▲   1m15s  SIGKILL: still running 5s after SIGTERM",
        "web ●   1m15s  ended after 9s: exit 137 (SIGKILL), asked to stop",
        "pod ▲   1m15s  phase Failed",
        "",
        "POD  CONTAINER  STATE  READY  RESTARTS  LAST EXIT",
        "web  web        Error  no     1         137, asked to stop",
        "",
        "stopped cleanly (time limit of 1m10s reached) after 1m15s",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    pods = [
        a_pod(
            name,
            a_container("a", readinessProbe=HTTP, livenessProbe=HTTP),
            a_container("b", readinessProbe=HTTP, startupProbe=HTTP),
            volumes=[{"name": "v", "configMap": {"name": "missing", "optional": True}}],
        )
        for name in ("one", "two")
    ]
    path = write(tmp_path / "pods.yaml", *pods)
    scripts = ("--app", "a: answers in 100ms..1500ms", "--app", "b: fails 40%, exits at 7m with 1")
    outputs = {
        (seed, hash_seed): simulate(
            path, *scripts, "--for", "1h", "--seed", seed, "-o", "json", hash_seed=hash_seed
        ).stdout
        for seed, hash_seed in (("1", "1"), ("1", "2"), ("2", "1"))
    }
    assert len(outputs["1", "1"].splitlines()) > 2000
    assert outputs["1", "1"] == outputs["1", "2"]
    assert outputs["1", "1"] != outputs["2", "1"]


def test_random_answers_fail_as_often_as_they_should(tmp_path: Path) -> None:
    pod = a_pod("web", a_container(readinessProbe=HTTP))
    facts = facts_of(write(tmp_path / "pod.yaml", pod), "--app", "web: fails 20%", "--for", "10h")
    outcomes = Counter(f["data"]["outcome"] for f in facts if f.get("record") == "ProbeAttempted")
    assert outcomes.total() == 3601
    assert 600 < outcomes["failure"] < 850


def test_a_crash_loop_and_then_a_good_start(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container()))
    script = "web: exits at 1s with 1 then exits at 1s with 1 then ready after 0s"
    facts = facts_of(path, "--app", script, "--for", "1m")
    starts = [f["time"][17:-1] for f in facts if f.get("record") == "ContainerStarted"]
    assert starts == ["00.000", "01.000", "12.000"]


def test_an_exit_code_above_128_is_no_signal(tmp_path: Path) -> None:
    path = write(tmp_path / "pod.yaml", a_pod("job", a_container(), restartPolicy="Never"))
    facts = facts_of(path, "--app", "web: exits at 1s with 137")
    (ended,) = (f["data"] for f in facts if f.get("record") == "ContainerExited")
    assert (ended["exitCode"], ended.get("signal")) == (137, None)


def test_memory_and_hooks(tmp_path: Path) -> None:
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "sleep 2"]}},
        "preStop": {"httpGet": {"path": "/drain", "port": 8080}},
    }
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container(lifecycle=hooks)))
    facts = facts_of(
        path, "--app", "web: runs out of memory at 30s then ready at 0s", "--for", "1m"
    )
    (ended, _) = (f["data"] for f in facts if f.get("record") == "ContainerExited")
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    hooks_ran = [
        (f["data"]["hook"], f["data"]["durationSeconds"], f["data"]["ok"])
        for f in facts
        if f.get("record") == "HookRan"
    ]
    assert hooks_ran == [("postStart", 2.0, True), ("postStart", 2.0, True), ("preStop", 0.0, True)]


def test_a_hook_that_asks_a_hanging_app_takes_the_whole_grace_period(tmp_path: Path) -> None:
    hooks = {"preStop": {"httpGet": {"path": "/drain", "port": 8080}}}
    path = write(tmp_path / "pod.yaml", a_pod("web", a_container(lifecycle=hooks)))
    facts = facts_of(path, "--app", "web: hangs at 1s", "--for", "10s")
    ends = [f["time"][17:-1] for f in facts if f.get("record") == "ContainerExited"]
    assert ends == ["15.000"]


def test_init_containers_complete_and_sidecars_stay(tmp_path: Path) -> None:
    init = [a_container("prepare"), a_container("side", restartPolicy="Always")]
    pod = a_pod("job", a_container("main"), initContainers=init, restartPolicy="Never")
    facts = facts_of(write(tmp_path / "pod.yaml", pod), "--app", "main: exits at 5s")
    ends = [
        (f["container"], f["time"][17:-1]) for f in facts if f.get("record") == "ContainerExited"
    ]
    assert ends == [("prepare", "00.000"), ("main", "05.000"), ("side", "05.000")]
    assert facts[-1]["pods"][0]["phase"] == "Succeeded"


def test_a_missing_object_is_missing_here_too(tmp_path: Path) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}}]
    pod = a_pod("web", a_container(env=env))
    facts = facts_of(write(tmp_path / "pod.yaml", pod), "--for", "30s")
    failures = {f["data"]["reason"] for f in facts if f.get("record") == "ContainerStartFailed"}
    assert failures == {"CreateContainerConfigError"}


def test_scripts_of_a_file(tmp_path: Path) -> None:
    pods = [a_pod(name, a_container("db")) for name in ("shop", "blog")]
    path = write(tmp_path / "pods.yaml", *pods)
    apps = tmp_path / "apps.yaml"
    apps.write_text("shop/db:\n  - exits at 3s with 1\n  - exits at 1h\nblog/db: exits at 9s\n")
    facts = facts_of(path, "--app", str(apps), "--for", "10s")
    ends = [
        (f["pod"]["name"], f["time"][17:-1])
        for f in facts
        if f.get("record") == "ContainerExited" and not f["data"].get("cause")
    ]
    assert ends == [("shop", "03.000"), ("blog", "09.000")]


@pytest.mark.parametrize(
    ("app", "error"),
    [
        pytest.param(
            "web: redy after 3s",
            'error: --app: no phrase begins with "redy"\n'
            "    web: redy after 3s\n"
            "         ^\n"
            '    fix: did you mean "ready"?\n',
            id="a slip",
        ),
        pytest.param(
            "wep: ready after 3s",
            'error: --app: no container "wep": did you mean "web"?\n',
            id="another name",
        ),
        pytest.param(
            "pod/x: ready after 3s",
            'error: --app: no container "pod/x": there are web/web\n',
            id="another Pod",
        ),
    ],
)
def test_a_script_that_cannot_be_used(tmp_path: Path, app: str, error: str) -> None:
    done = simulate(write(tmp_path / "pod.yaml", a_pod("web", a_container())), "--app", app)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("web: [ready, {a: b}]", '1: "at" or "after" is missing', id="a phrase"),
        pytest.param("web: ready at 1s\nweb:\n  a: b", "3: a script is wanted", id="a mapping"),
        pytest.param("- web", "1: a mapping of containers to scripts is wanted", id="a list"),
        pytest.param("web: [", "1: ", id="no YAML"),
        pytest.param(
            "web: ready at 1s\nweb: ready at 2s",
            '2: the container "web" has two scripts',
            id="two scripts",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, error: str) -> None:
    apps = tmp_path / "apps.yaml"
    apps.write_text(text)
    done = simulate(write(tmp_path / "pod.yaml", a_pod("web", a_container())), "--app", str(apps))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {apps}:{error}")


def test_bad_manifests_are_not_simulated(tmp_path: Path) -> None:
    done = simulate(write(tmp_path / "pod.yaml", a_pod("web", a_container(), restartPolicy="No")))
    assert done.returncode == 14
    assert done.stderr.endswith("1 error: nothing was simulated\n")


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    pod = a_pod("web", a_container(livenessProbe=HTTP))
    with subprocess.Popen(
        [sys.executable, "-m", "minikubelet", "simulate", write(tmp_path / "p.yaml", pod)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
