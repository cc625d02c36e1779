"""exec, attach, run -it, cp, debug over each transport of each kubectl (wire, 17.6-17.7)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests.kubectl import Kubectl, versions_under_test
from tests.kubectl_matrix.manifests import pod, text
from tests.kubectl_matrix.terminal import on_terminal

COMMAND_VARIABLE = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS"
BIG = 20 * 1024 * 1024
PROMPT = "# " if os.geteuid() == 0 else "$ "


def _transports() -> list[object]:
    """(version, transport): 1.29 has WebSockets on request, later ones unless refused (wire,
    section 2)."""
    pairs = [
        pytest.param(version, transport, marks=pytest.mark.kubectl)
        for version in versions_under_test()
        for transport in ("SPDY", "WebSocket")
        if transport == "SPDY" or int(version.partition(".")[2]) >= 29
    ]
    missing = pytest.param("", "", marks=[pytest.mark.skip(reason="no kubectl was found")])
    return [*pairs] or [missing]


def _some_transports() -> list[object]:
    """Of the oldest and the newest: for what takes long and does not depend on kubectl's words."""
    every = _transports()
    return [every[0], *every[-2:]] if len(every) > 3 else every


each_transport = pytest.mark.parametrize(("version", "transport"), _transports())
some_transports = pytest.mark.parametrize(("version", "transport"), _some_transports())
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def streams(kubectl: Kubectl, transport: str) -> Kubectl:
    """A kubectl that uses the transport, and a Pod `web` that waits."""
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web", ["sleep", "3600"])))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    return _with(kubectl, transport)


def _with(kubectl: Kubectl, transport: str) -> Kubectl:
    env = {**kubectl.env, COMMAND_VARIABLE: "true" if transport == "WebSocket" else "false"}
    return dataclasses.replace(kubectl, env=env)


@each_transport
def test_exec(streams: Kubectl) -> None:
    ran = streams("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (ran.returncode, ran.stdout) == (7, "out\n")
    assert ran.stderr == "err\ncommand terminated with exit code 7\n"
    assert streams.ok("exec", "-i", "web", "--", "wc", "-c", stdin="hello") == "5\n"
    missing = streams("exec", "web", "--", "nosuch")
    assert missing.returncode != 0
    assert 'exec: "nosuch": executable file not found in $PATH' in missing.stderr
    other = streams("exec", "web", "-c", "nobody", "--", "true")
    assert (other.returncode, "nobody" in other.stderr) == (1, True)
    nowhere = streams("exec", "nobody", "--", "true")
    assert nowhere.stderr == 'Error from server (NotFound): pods "nobody" not found\n'


@each_transport
def test_exec_on_a_terminal(streams: Kubectl) -> None:
    command = streams.command("exec", "-it", "web", "--", "sh")
    with on_terminal(command, streams.env) as terminal:
        terminal.type("stty size\n")
        terminal.wait_for("24 80")
        terminal.resize(100, 40)
        terminal.type("until [ \"$(stty size)\" = '40 100' ]; do sleep 0.05; done; echo si''zed\n")
        terminal.wait_for("sized")
        terminal.type("cat\n")
        terminal.type("mark\n")
        terminal.wait_for("mark\r\n")  # the terminal's echo
        terminal.wait_for("mark\r\n")  # cat's
        terminal.type("\x03")  # ends cat, not the session
        terminal.wait_for(PROMPT)
        terminal.type("echo sti''ll; exit 5\n")
        terminal.wait_for("still")
        assert terminal.end() == 5


@some_transports
def test_twenty_megabytes_each_way(streams: Kubectl) -> None:
    data = random.Random(1).randbytes(BIG)
    digest = hashlib.sha256(data).hexdigest()
    counted = streams.ok("exec", "-i", "web", "--", "sha256sum", stdin=data, timeout=60)
    assert counted.split()[0] == digest
    command = streams.command(
        "exec", "web", "--", "sh", "-c", f"head -c {BIG} /dev/zero | tr '\\0' x"
    )
    ran = subprocess.run(command, capture_output=True, env=dict(streams.env), timeout=60)
    assert (ran.returncode, ran.stdout == b"x" * BIG) == (0, True)


@some_transports
def test_the_command_of_a_client_that_is_killed_ends(streams: Kubectl) -> None:
    command = streams.command("exec", "-i", "web", "--", "sh", "-c", "echo $$; sleep 3600")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(streams.env)
    ) as client:
        assert client.stdout is not None
        process = psutil.Process(int(client.stdout.readline()))
        client.kill()
    process.wait(20)


@some_transports
def test_ten_at_once_keep_apart(streams: Kubectl) -> None:
    outputs: dict[int, str] = {}

    def one(number: int) -> None:
        script = f"read line; echo {number} $line"
        outputs[number] = streams.ok("exec", "-i", "web", "--", "sh", "-c", script, stdin="x\n")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {number: f"{number} x\n" for number in range(10)}


@pytest.mark.parametrize(("version", "transport"), _transports()[-1:])
def test_silence_of_twelve_seconds_is_no_end(streams: Kubectl) -> None:  # K-71
    """Over both transports at once."""
    command = streams.command("exec", "web", "--", "sh", "-c", "sleep 12; echo still")
    clients = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=_with(streams, transport).env)
        for transport in ("SPDY", "WebSocket")
    ]
    said = [client.communicate(timeout=40)[0] for client in clients]
    assert said == [b"still\n"] * 2
    assert [client.returncode for client in clients] == [0, 0]


@each_transport
def test_attach_and_run(streams: Kubectl) -> None:
    echo = pod("echo", ["sh", "-c", "while read line; do echo got $line; done"])
    echo["spec"]["containers"][0] |= {"stdin": True, "stdinOnce": True}
    echo["spec"]["restartPolicy"] = "Never"
    streams.ok("apply", "-f", "-", stdin=text(echo))
    streams.ok("wait", "--for=condition=Ready", "pod/echo", "--timeout=20s")
    assert "got hello\n" in streams.ok("attach", "-i", "echo", stdin="hello\n")
    piped = ("run", "piped", "--rm", "-i", "--image=busybox", "--restart=Never", "--command", "--")
    ran = streams(*piped, "sh", "-c", "read x; echo read $x; exit 4", stdin="line\n")
    assert (ran.returncode, "read line\n" in ran.stdout) == (4, True), ran
    brief = ("run", "brief", "--rm", "-i", "--image=busybox", "--restart=Never", "--command", "--")
    assert "done" in streams.ok(*brief, "echo", "done")
    assert streams.ok("get", "pods", "-o", "name").split() == ["pod/echo", "pod/web"]


@some_transports
def test_run_on_a_terminal(streams: Kubectl) -> None:
    run = ("run", "shell", "--rm", "-it", "--image=busybox", "--restart=Never", "--command", "--")
    with on_terminal(streams.command(*run, "sh"), streams.env) as terminal:
        terminal.type("\n")
        terminal.wait_for(PROMPT)
        terminal.type("echo in''side; exit 6\n")
        terminal.wait_for("inside")
        assert terminal.end() == 6


@some_transports
def test_cp_both_ways(streams: Kubectl, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(random.Random(2).randbytes(BIG))
    streams.ok("cp", str(source), "web:copied", timeout=60)
    streams.ok("cp", "web:copied", str(back), timeout=60)
    assert back.read_bytes() == source.read_bytes()
    directory = tmp_path / "directory"
    directory.mkdir()
    (directory / "a").write_text("one")
    streams.ok("cp", str(directory), "web:directory")
    assert streams.ok("exec", "web", "--", "cat", "directory/a") == "one"


@some_transports
def test_debug(streams: Kubectl) -> None:
    made = ("debug", "web", "--image=busybox", "--profile=general", "-c")
    streams.ok(*made, "looker", "--", "sh", "-c", "echo looking; sleep 3600")
    while "looking" not in streams("logs", "web", "-c", "looker").stdout:
        pass
    assert streams.ok("exec", "web", "-c", "looker", "--", "echo", "in") == "in\n"
    copied = ("debug", "web", "--copy-to=copy", "--image=busybox", "--profile=general", "-c", "dbg")
    streams.ok(*copied, "--", "sleep", "3600")
    streams.ok("wait", "--for=condition=Ready", "pod/copy", "--timeout=20s")
    document = json.loads(streams.ok("get", "pod", "copy", "-o", "json"))
    assert [c["name"] for c in document["spec"]["containers"]] == ["app", "dbg"]
