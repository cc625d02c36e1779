"""`minikubelet probe` from the outside: output, exit codes, commands, what is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minikubelet.cli.probe import choose
from minikubelet.manifest.pod import ProbeKind
from tests.cli.run_process import a_container, a_pod, write
from tests.mock.harness import connect, free_port, running
from tests.pod.builders import a_container as a_typed_container
from tests.pod.builders import a_pod as a_typed_pod
from tests.pod.builders import a_probe, a_sidecar

ROOT = Path(__file__).parents[2]


def probe(
    *arguments: str, cwd: Path, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    colors = ("NO_COLOR", "FORCE_COLOR")
    environment = {key: value for key, value in os.environ.items() if key not in colors}
    return subprocess.run(
        [sys.executable, "-m", "minikubelet", "probe", *arguments],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(ROOT)} | environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def facts(*arguments: str, cwd: Path) -> list[dict[str, Any]]:
    done = probe(*arguments, "-o", "json", cwd=cwd)
    assert done.stderr == ""
    probes: list[dict[str, Any]] = json.loads(done.stdout)["probes"]
    return probes


def command(*words: str, timeout: int = 20) -> dict[str, Any]:
    return {"exec": {"command": list(words)}, "timeoutSeconds": timeout}


def get(port: int | str, path: str = "/") -> dict[str, Any]:
    return {"httpGet": {"port": port, "path": path}, "timeoutSeconds": 20}


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that is well."""
    port = free_port()
    with running("--http", str(port)) as mock:
        mock.read_until(f"listening: http {port}")
        yield port


def test_one_probe_succeeds_and_one_fails(tmp_path: Path, port: int) -> None:
    app = a_container("app", "", livenessProbe=get(port), readinessProbe=get(1))
    pod = write(tmp_path / "pod.yaml", a_pod("web", app))
    done = probe(pod, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "web/app readiness: http-get http://127.0.0.1:1/, timeout 20s",
        "",
        f"web/app liveness: http-get http://127.0.0.1:{port}/, timeout 20s",
        "",
        "2 probes: 1 succeeded, 1 failed",
    ]
    assert probe(pod, "--kind", "liveness", cwd=tmp_path).returncode == 0


def test_json(tmp_path: Path, port: int) -> None:
    app = a_container("app", "", livenessProbe=get(port))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    (found,) = facts("pod.yaml", cwd=tmp_path)
    steps = found.pop("steps")
    hints = found.pop("hints")
    assert 0 < found.pop("seconds") < 20
    assert 0 < found.pop("marginSeconds") < 20
    assert found == {
        "pod": "web",
        "namespace": "default",
        "container": "app",
        "kind": "Liveness",
        "probe": f"http-get http://127.0.0.1:{port}/",
        "timeoutSeconds": 20,
        "outcome": "success",
        "success": True,
        "output": "ok\n",
        "error": "",
        "detail": "",
        "event": "",
        "looks": [],
    }
    assert [step["step"] for step in steps] == [
        "Connecting",
        "Connected",
        "RequestSent",
        "FirstBytes",
        "HeadRead",
        "BodyRead",
    ]
    assert steps[1]["address"] == f"127.0.0.1:{port}"
    assert steps[5] == {
        "atSeconds": steps[5]["atSeconds"],
        "step": "BodyRead",
        "body": "ok\n",
        "truncated": False,
    }
    assert [hint["name"] for hint in hints] == ["loopback-only"]  # read from this host's /proc


def test_another_address_of_this_host(tmp_path: Path, port: int) -> None:
    app = a_container("app", "", livenessProbe=get(port))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    (found,) = facts("pod.yaml", "--host", "127.0.0.9", cwd=tmp_path)
    assert found["output"].endswith(f"dial tcp 127.0.0.9:{port}: connect: connection refused")
    assert [hint["name"] for hint in found["hints"]] == ["other-address"]


def test_once_asks_once(tmp_path: Path) -> None:
    port = free_port()
    app = a_container("app", "", livenessProbe=get(port, "/no-such-page"))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    with serving_files(tmp_path, port):
        (looked,) = facts("pod.yaml", cwd=tmp_path)
        (once,) = facts("pod.yaml", "--once", cwd=tmp_path)
    assert [(look["changed"], look["value"], look["success"]) for look in looked["looks"]] == [
        ("Host header", f"localhost:{port}", False),
        ("path", "/no-such-page/", False),
        ("path", "/", True),
    ]
    assert once["looks"] == []


@contextlib.contextmanager
def serving_files(directory: Path, port: int) -> Iterator[None]:
    """The standard library's server: 404 for what is no file."""
    words = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", str(directory), str(port)]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            connect(port)
            yield
        finally:
            server.kill()


def test_a_host_by_name_is_probed_by_its_address(tmp_path: Path, port: int) -> None:
    app = a_container("app", "", livenessProbe=get(port))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    address = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)[0][4][0]
    (found,) = facts("pod.yaml", "--host", "localhost", "--once", cwd=tmp_path)
    host = f"[{address}]" if ":" in str(address) else address
    assert found["probe"] == f"http-get http://{host}:{port}/"


# --- commands ----------------------------------------------------------------------------------


def test_a_command_has_what_its_container_would_have(tmp_path: Path) -> None:  # P-342, B-22
    script = 'echo "$GREETING $PASSWORD $HOSTNAME ${INHERITED-unset}"; pwd; cat file'
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "file").write_text("of the host\n")
    app = a_container(
        "app",
        "",
        workingDir=str(tmp_path / "work"),
        env=[
            {"name": "GREETING", "value": "hello"},
            {
                "name": "PASSWORD",
                "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}},
            },
        ],
        livenessProbe=command("sh", "-c", script),
        readinessProbe=command("echo", "$(GREETING)"),
        volumeMounts=[{"name": "v", "mountPath": str(tmp_path / "work")}],
    )
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "swordfish"},
    }
    pod = a_pod("web", app, volumes=[{"name": "v", "emptyDir": {}}])
    write(tmp_path / "pod.yaml", pod, secret)
    done = probe("pod.yaml", cwd=tmp_path, INHERITED="yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.sub(r" +\d+\.\d ms|\d+\.\d ms", "T", done.stdout) == (
        "web/app readiness: exec echo '$(GREETING)', timeout 20s\n"
        "T  run on this host, not in the container's mount namespace: echo hello\n"
        "T  exit code 0 afterT (started inT)\n"
        "                stdout: hello\n"
        "  SUCCESS inT,T before the time-out\n"
        "\n"
        f"web/app liveness: exec sh -c '{script}', timeout 20s\n"
        "T  run on this host, not in the container's mount namespace:"
        f" sh -c '{script}'\n"
        "T  exit code 0 afterT (started inT)\n"
        "                stdout: hello swordfish web unset\n"
        f"                stdout: {tmp_path / 'work'}\n"
        "                stdout: of the host\n"
        "  SUCCESS inT,T before the time-out\n"
        "\n"
        "2 probes: 2 succeeded, 0 failed\n"
    )


def test_without_a_working_directory_it_is_the_current_one(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("")
    app = a_container("app", "", livenessProbe=command("test", "-e", "here"))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    assert probe("pod.yaml", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "timeout", "outcome", "output", "hints"),
    [
        pytest.param(
            ("sh", "-c", "echo out; echo err >&2; exit 3"), 20, "failure", "out\nerr\n", [],
            id="P-343: exit code 3",
        ),
        pytest.param(("false",), 20, "failure", "", ["silent"], id="not a word"),
        pytest.param(
            ("sh", "-c", "sleep 60 & wait"),
            1,
            "failure",
            'command timed out: "sh -c sleep 60 & wait" timed out after 1s',
            ["slow"],
            id="P-345: too slow, and its child is killed too",
        ),
        pytest.param(("no-such-program",), 20, "error", "", ["command-missing"], id="P-347"),
    ],
)  # fmt: skip
def test_commands_that_fail(
    tmp_path: Path,
    words: tuple[str, ...],
    timeout: int,
    outcome: str,
    output: str,
    hints: list[str],
) -> None:
    app = a_container("app", "", livenessProbe=command(*words, timeout=timeout))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    (found,) = facts("pod.yaml", cwd=tmp_path)
    assert (found["outcome"], found["output"]) == (outcome, output)
    assert [hint["name"] for hint in found["hints"]] == hints


def test_a_command_without_its_config_map_cannot_be_run(tmp_path: Path) -> None:
    app = a_container(
        "app", "", envFrom=[{"configMapRef": {"name": "c"}}], livenessProbe=command("true")
    )
    write(tmp_path / "pod.yaml", a_pod("web", app))
    done = probe("pod.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        1,
        "web/app liveness: exec true, timeout 20s\n"
        "  ERROR: no attempt could be made, which counts as a failure\n"
        "  event: Liveness probe errored and resulted in unknown state: cannot run the command as"
        ' the container would: configmap "c" not found\n'
        "  hint: give the manifests of its ConfigMaps and Secrets too: minikubelet probe pod.yaml"
        " config.yaml\n"
        "\n"
        "1 probe: 0 succeeded, 1 failed\n",
    )


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param(
            {"image": "no:such:image"},
            'Failed to apply default image tag "no:such:image": couldn\'t parse image name'
            ' "no:such:image": invalid reference format',
            id="an image that is none",
        ),
        pytest.param(
            {"workingDir": "/no/such/directory"},
            'chdir to cwd ("/no/such/directory") set in config.json failed: no such file or'
            " directory",
            id="a working directory that the host has not",
        ),
        pytest.param(
            {"workingDir": "relative"},
            'working directory "relative" is not an absolute path',
            id="a working directory that is none",
        ),
    ],
)
def test_places_where_no_command_can_be_run(
    tmp_path: Path, fields: dict[str, str], error: str
) -> None:
    app = a_container("app", "", livenessProbe=command("true")) | fields
    write(tmp_path / "pod.yaml", a_pod("web", app))
    (found,) = facts("pod.yaml", cwd=tmp_path)
    assert found["error"] == f"cannot run the command as the container would: {error}"


def test_an_interrupt_ends_the_command_too(tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    script = f"echo > {started}; sleep 60"
    app = a_container("app", "", livenessProbe=command("sh", "-c", script, timeout=60))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    with subprocess.Popen(
        [sys.executable, "-m", "minikubelet", "probe", "pod.yaml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    ) as process:
        started.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


# --- what cannot be probed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        pytest.param(
            ["web", "pod.yaml"],
            2,
            "error: web is no file here, and of running Pods one is probed at a time\n",
            id="the name of a Pod, and a manifest",
        ),
        pytest.param(
            ["web/app", "--inherit-env"],
            2,
            "error: --images and --inherit-env are for manifests, not for a running Pod\n",
            id="an option that means nothing to a running Pod",
        ),
        pytest.param(
            ["web", "--kubeconfig=none"],
            1,
            "error: --kubeconfig names none, which does not exist\n",
            id="the name of a Pod, without a daemon",
        ),
        pytest.param(
            ["missing.yaml"],
            2,
            "missing.yaml: cannot read it: no such file or directory\n"
            "1 error: nothing was probed\n",
            id="a file that is not there",
        ),
        pytest.param(
            ["pod.yaml", "-c", "db"],
            2,
            "error: no container db; there are app, plain\n",
            id="no such container",
        ),
        pytest.param(
            ["pod.yaml", "-c", "plain"],
            2,
            "error: container plain has no probes: there is nothing to probe\n",
            id="a container without probes",
        ),
        pytest.param(
            ["pod.yaml", "--kind", "startup"],
            2,
            "error: the manifest has no startup probe: there is nothing to probe\n",
            id="no probe of this kind",
        ),
        pytest.param(
            ["pod.yaml", "--host", "a..b"],
            2,
            "error: cannot find the host of --host: dial tcp: lookup a..b: no such host\n",
            id="a host that is none",
        ),
        pytest.param(
            ["bad.yaml"],
            14,
            "bad.yaml:8: spec.containers[0].livenessProbe: Required value: must specify a handler"
            " type\n1 error: nothing was probed\n",
            id="a manifest that is not right",
        ),
        pytest.param(
            ["pod.yaml", "--images", "none.yaml"],
            2,
            "error: cannot read none.yaml: No such file or directory\n",
            id="an images file that is not there",
        ),
    ],
)
def test_mistakes(tmp_path: Path, arguments: list[str], code: int, error: str) -> None:
    app = a_container("app", "", livenessProbe=get(1))
    write(tmp_path / "pod.yaml", a_pod("web", app, a_container("plain", "")))
    (tmp_path / "bad.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n"
        "  - {name: app, image: a, command: [a],\n     livenessProbe: {periodSeconds: 1}}\n"
    )
    done = probe(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", error)


def test_an_answer_cannot_disturb_the_terminal(tmp_path: Path) -> None:
    app = a_container("app", "", livenessProbe=command("printf", r"\033]0;title\007"))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    told = probe("pod.yaml", cwd=tmp_path).stdout
    assert "stdout: ^[]0;title^G" in told
    assert [char for char in told if ord(char) < 32 and char != "\n"] == []


def test_colors_when_they_are_wanted(tmp_path: Path) -> None:
    app = a_container("app", "", livenessProbe=command("true"), readinessProbe=command("false"))
    write(tmp_path / "pod.yaml", a_pod("web", app))
    told = probe("pod.yaml", cwd=tmp_path, FORCE_COLOR="1").stdout
    assert ("\x1b[31mFAILURE" in told, "\x1b[32mSUCCESS" in told) == (True, True)


# --- the choice --------------------------------------------------------------------------------

SIDE = a_sidecar("side", startup_probe=a_probe(ProbeKind.STARTUP))
APP = a_typed_container(
    "app",
    liveness_probe=a_probe(ProbeKind.LIVENESS),
    readiness_probe=a_probe(ProbeKind.READINESS),
)
PODS = [a_typed_pod(APP, init=[SIDE])]


@pytest.mark.parametrize(
    ("container", "kind", "expected"),
    [
        pytest.param(
            None,
            None,
            [("side", "Startup"), ("app", "Readiness"), ("app", "Liveness")],
            id="all, sidecars too",
        ),
        pytest.param("side", None, [("side", "Startup")], id="of one container"),
        pytest.param(None, "liveness", [("app", "Liveness")], id="of one kind"),
        pytest.param("side", "liveness", [], id="none"),
    ],
)
def test_choice(container: str | None, kind: str | None, expected: list[tuple[str, str]]) -> None:
    chosen = choose(PODS, container, kind)
    assert [(item.container.name, item.probe.kind) for item in chosen] == expected
