"""Sessions with a real daemon: terminals, commands in containers, probes of a running Pod."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.cli.main import main
from minikubelet.manifest.json_tree import Json
from tests.cli.test_streams import PATIENCE_SECONDS
from tests.daemon_process import DaemonProcess
from tests.kubectl import MISSING, kubectl_for, kubectls
from tests.kubectl_matrix.terminal import on_terminal
from tests.probes.servers import unused_port

pytestmark = pytest.mark.timeout(120)
PODS = "/api/v1/namespaces/default/pods"
PROMPT = "# " if os.geteuid() == 0 else "$ "
_VERSION = "1.33"


@pytest.fixture(scope="module")
def port() -> int:
    return unused_port()


@pytest.fixture(scope="module")
def daemon(port: int) -> Iterator[DaemonProcess]:
    with tempfile.TemporaryDirectory(prefix="streams-") as directory:
        base = Path(directory)
        base.chmod(0o711)
        daemon = DaemonProcess(base / "node")
        daemon.start()
        try:
            _start(daemon, _pod(port))
            yield daemon
        finally:
            daemon.stop_with_pods()


def _pod(port: int) -> Json:
    web = {
        "name": "app",
        "image": "busybox",
        "command": [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        "env": [{"name": "WANTED", "value": "yes"}],
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {
            "exec": {"command": ["sh", "-c", "echo seen; test $(WANTED) = yes"]},
            "periodSeconds": 3600,
        },
        "startupProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
    }
    side = {"name": "side", "image": "busybox", "command": ["sleep", "3600"]}
    spec = {"containers": [web, side], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


def _start(daemon: DaemonProcess, pod: Json) -> None:
    """Returns when it is ready."""
    answer = daemon.request("POST", PODS, json.dumps(pod).encode())
    assert b'"uid"' in answer, answer
    selected = f"fieldSelector=metadata.name%3D{pod['metadata']['name']}"
    for line in daemon.lines(f"{PODS}?watch=true&{selected}&timeoutSeconds=20"):
        conditions = json.loads(line)["object"]["status"].get("conditions") or ()
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            return
    raise AssertionError("the Pod was never ready")


def command(daemon: DaemonProcess, *words: str) -> list[str]:
    first, *rest = words
    return [sys.executable, "-m", "minikubelet", first, f"--kubeconfig={daemon.kubeconfig}", *rest]


# --- terminals ----------------------------------------------------------------------------------


def test_a_shell_on_a_terminal(daemon: DaemonProcess) -> None:  # K-75
    """It knows the size, also when that changes, and Ctrl-C is the program's."""
    words = ("exec", "-it", "web", "-c", "app", "--", "sh")
    with on_terminal(command(daemon, *words), os.environ) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("stty size\r")
        terminal.wait_for("24 80")
        terminal.wait_for(PROMPT)  # what is typed before it is shown before it
        terminal.resize(111, 33)
        # The new size is on its way while we type: ask until it is there.
        terminal.type("until stty size | grep '33 111'; do sleep 0.1; done\r")
        terminal.wait_for("\n33 111")
        # Said by the one whom Ctrl-C is to end: the shell has made it its foreground job by then.
        terminal.type("sh -c \"echo slee''ping; exec sleep 1000\"\r")
        terminal.wait_for("sleeping")
        terminal.type("\x03")
        terminal.wait_for(PROMPT)
        terminal.type("exit 5\r")
        assert terminal.end() == 5
    assert terminal.seen.endswith(b"command terminated with exit code 5\r\n")


def test_attaching_to_a_shell_again_and_again(daemon: DaemonProcess) -> None:
    """What was on the screen is shown again; leaving it leaves the program alone."""
    shell = {"name": "shell", "image": "busybox", "command": ["sh"], "stdin": True, "tty": True}
    spec = {"containers": [shell], "restartPolicy": "Never"}
    _start(daemon, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shell"}, "spec": spec})
    words = ("attach", "-it", "shell")
    with on_terminal(command(daemon, *words), os.environ) as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("value=kept; echo on the scr''een\r")
        terminal.wait_for("on the screen")
        terminal.wait_for(PROMPT)
    with on_terminal(command(daemon, *words, "-q"), os.environ) as terminal:
        terminal.wait_for("on the screen")
        terminal.wait_for(PROMPT)
        terminal.type("echo $value\r")
        terminal.wait_for("\nkept")
        terminal.type("exit\r")
        assert terminal.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, 0])
def test_the_terminal_is_given_back(daemon: DaemonProcess, number: int) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    words = ("exec", "-it", "web", "-c", "app", "--", "sh", "-c", "echo rea''dy; read line")
    with subprocess.Popen(
        command(daemon, *words), stdin=slave, stdout=slave, stderr=slave
    ) as process:
        seen = b""
        while b"ready" not in seen:
            seen += os.read(master, 4096)
        assert termios.tcgetattr(slave) != before
        if number:
            process.send_signal(number)
        else:
            os.write(master, b"\r")
        assert process.wait(PATIENCE_SECONDS) == (128 + number if number else 0)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


# --- as kubectl ---------------------------------------------------------------------------------


@pytest.mark.kubectl
@pytest.mark.skipif(_VERSION not in kubectls(), reason=f"{MISSING} ({_VERSION})")
@pytest.mark.parametrize(
    "line",
    [
        "exec web -- sh -c 'echo $WANTED; echo err >&2; exit 7'",
        "exec web -- nosuch",
        "exec web -c no -- true",
        "exec no -- true",
        "exec no/web -- true",
        "exec -it web -- true",
        "attach no",
        "attach web -c no",
        "port-forward web 80:no",
        "cp /no/such/file web:/tmp",
    ],
)
def test_it_says_what_kubectl_says(
    daemon: DaemonProcess,
    line: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *rest = shlex.split(line)
    kubectl = kubectl_for(_VERSION, daemon.kubeconfig, daemon.directory.parent / "cache")
    theirs = kubectl(first, *rest)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        code = main([first, f"--kubeconfig={daemon.kubeconfig}", *rest])
    sys.stdout.flush()
    ours = capfd.readouterr()
    assert (code, ours.out, ours.err) == (theirs.returncode, theirs.stdout, theirs.stderr)


# --- probes by the name of a Pod ----------------------------------------------------------------


def probe(daemon: DaemonProcess, *words: str) -> int:
    return main(["probe", f"--kubeconfig={daemon.kubeconfig}", *words])


def test_the_probes_of_a_running_pod(
    daemon: DaemonProcess, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(daemon, "web") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"web/app startup: tcp-socket 127.0.0.1:{port}, timeout 1s\n")
    assert f"web/app readiness: http-get http://127.0.0.1:{port}/, timeout 1s\n" in said
    assert "  daemon: the container counts as started; " in said
    assert "  daemon: the container is ready; " in said
    assert (
        "run in the container: sh -c 'echo seen; test yes = yes'\n" in said
    )  # B-22: the container's environment
    assert "stdout: seen\n" in said
    assert "  daemon: the container runs and was never restarted; " in said
    assert said.endswith("\n3 probes: 3 succeeded, 0 failed\n")


def test_one_probe_of_a_container_as_json(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(daemon, "pod/web/app", "--kind=liveness", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in document["probes"]] == ["Liveness"]
    assert document["probes"][0]["daemon"] == {
        "state": "running",
        "started": True,
        "ready": True,
        "restarts": 0,
        "lastFailure": "",
        "lastFailureAgo": "",
    }


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        pytest.param(
            ["nosuch"],
            1,
            'Error from server (NotFound): pods "nosuch" not found\n',
            id="no such Pod",
        ),
        pytest.param(
            ["web/no"], 2, "error: no container no; there are app, side\n", id="no such container"
        ),
        pytest.param(
            ["web/side"],
            2,
            "error: container side has no probes: there is nothing to probe\n",
            id="no probes",
        ),
        pytest.param(
            ["web/app", "-c", "app"],
            2,
            "error: name the container once: behind the Pod, or with -c\n",
            id="the container twice",
        ),
    ],
)
def test_what_cannot_be_probed(
    daemon: DaemonProcess,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    error: str,
) -> None:
    assert probe(daemon, *words) == code
    assert capsys.readouterr().err == error
