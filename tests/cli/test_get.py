"""`minikubelet get`, and how commands say what is wrong with the server."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minikubelet.apiserver.kubeconfig import render_kubeconfig, write_kubeconfig
from minikubelet.apiserver.pki import prepare_pki
from minikubelet.cli.main import main
from tests.cli.api_objects import a_config_map
from tests.cli.api_server import ServedApi

Capture = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


def test_a_watch_shows_changes_below_the_headings(api: ServedApi) -> None:
    api.put(a_config_map())
    command = [sys.executable, "-m", "minikubelet", "get", "cm", "-w", "-l", "!hidden"]
    with subprocess.Popen(
        [*command, f"--kubeconfig={api.kubeconfig}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            api.put(a_config_map("x", metadata={"labels": {"hidden": ""}}), a_config_map("second"))
            lines.append(process.stdout.readline())
        finally:
            process.kill()
    assert lines == [
        "NAME       DATA   AGE\n",
        "settings   1      25h\n",
        "second     1      25h\n",
    ]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        pytest.param(
            ["-o", "custom-columns=N:.metadata.name,D:.data.a"],
            ["N          D\n", "settings   1\n", "second     1\n"],
            id="columns of one's own",
        ),
        pytest.param(
            ["--output-watch-events"],
            [
                "EVENT      NAME       DATA   AGE\n",
                "ADDED      settings   1      25h\n",
                "ADDED      second     1      25h\n",
            ],
            id="with the kind of change",
        ),
        pytest.param(
            ["--output-watch-events", "-o", "custom-columns=T:.type,N:.object.metadata.name"],
            ["T       N\n", "ADDED   settings\n", "ADDED   second\n"],
            id="columns with the kind of change",
        ),
    ],
)
def test_a_watch_in_other_forms(options: list[str], lines: list[str], api: ServedApi) -> None:
    api.put(a_config_map())
    command = [sys.executable, "-m", "minikubelet", "get", "cm", "-w", *options]
    with subprocess.Popen(
        [*command, f"--kubeconfig={api.kubeconfig}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(2)]
            api.put(a_config_map("second"))
            told.append(process.stdout.readline())
        finally:
            process.kill()
    assert told == lines


def test_only_changes(api: ServedApi) -> None:
    api.put(a_config_map())
    command = [sys.executable, "-m", "minikubelet", "get", "cm", "--watch-only", "-o", "name"]
    with subprocess.Popen(
        [*command, f"--kubeconfig={api.kubeconfig}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            names = (f"c{number}" for number in range(1000))
            while not select.select([process.stdout], [], [], 0.05)[0]:
                api.put(a_config_map(next(names)))  # until the watch has begun
            told = process.stdout.readline()
        finally:
            process.kill()
    assert told.startswith("configmap/c")


def test_a_page_at_a_time(api: ServedApi, run: Run) -> None:
    api.put(*(a_config_map(f"c{number:03d}") for number in range(501)))
    code, out, _ = run("get", "cm", "--no-headers")
    assert (code, len(out.splitlines())) == (0, 501)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        pytest.param(["cm", "-l", "a=("], 1, "Error from server (BadRequest)", id="a bad selector"),
        pytest.param(["cm", "nope"], 1, 'configmaps "nope" not found', id="a missing object"),
        pytest.param(["cm", "nope", "--ignore-not-found"], 0, "", id="that may be missing"),
        pytest.param(["cm", "x", "-A"], 2, "across all namespaces", id="a name everywhere"),
        pytest.param(["cm/x", "y"], 2, "resource/name form", id="mixed forms"),
        pytest.param(
            ["cm", "x", "-o", "nice"],
            2,
            "not one of json, yaml, name, wide, jsonpath=…",
            id="a bad format",
        ),
        pytest.param(
            ["cm", "-o", "go-template={{.kind}}"],
            2,
            "there are no Go templates here (go-template): use jsonpath=… or custom-columns=…, or "
            "kubectl itself",
            id="a Go template",
        ),
        pytest.param(["cm", "-o", "jsonpath="], 2, "jsonpath needs a template", id="no template"),
        pytest.param(
            ["cm", "-o", "jsonpath-file=/none"], 2, "cannot read the template /none", id="no file"
        ),
        pytest.param(["cm", "--output-watch-events"], 2, "with --watch", id="events without -w"),
        pytest.param(["pods", "-f", "x"], 2, "not both", id="a type and a manifest"),
        pytest.param(["-f", "/no/such/file"], 1, "/no/such/file", id="no manifest"),
        pytest.param([], 2, "which type of object?", id="nothing asked for"),
        pytest.param(["--raw", "livez"], 2, "begins with /", id="a raw path without a slash"),
        pytest.param(["cm", "--raw", "/livez"], 2, "--raw is specified", id="raw and a type"),
        pytest.param(["cm,po", "-w"], 2, "one type", id="a watch of two kinds"),
        pytest.param(
            ["cm", "-n", "none"], 0, "No resources found in none namespace.", id="nothing"
        ),
    ],
)
def test_how_get_ends(words: list[str], code: int, error: str, run: Run) -> None:
    ended, out, err = run("get", *words)
    assert (ended, out) == (code, "")
    assert error in err


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            ("token: ", "token: x"), "must be logged in to the server (Unauthorized)", id="token"
        ),
        pytest.param(("://127.0.0.1", "://localhost.invalid"), "cannot talk to", id="host"),
        pytest.param(("namespace", "namespace"), "", id="nothing changed"),
    ],
)
def test_a_server_that_is_not_right(
    change: tuple[str, str], why: str, api: ServedApi, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(api.kubeconfig.read_text().replace(*change))
    code = main(["get", "ns", f"--kubeconfig={path}"])
    assert (code, why in capsys.readouterr().err) == (1 if why else 0, True)


def test_no_daemon_says_how_to_start_one(api: ServedApi, tmp_path: Path, capsys: Capture) -> None:
    text = api.kubeconfig.read_text()
    port = text.partition("https://127.0.0.1:")[2].partition("\n")[0]
    path = tmp_path / "kubeconfig"
    path.write_text(text.replace(port, "1"))
    assert main(["get", "ns", f"--kubeconfig={path}"]) == 1
    assert "Start it with `minikubelet daemon`" in capsys.readouterr().err


def test_another_server_at_the_address_is_told(
    api: ServedApi, tmp_path: Path, capsys: Capture
) -> None:
    other = prepare_pki(tmp_path / "pki", datetime.now(UTC), ["127.0.0.1"])
    server = api.kubeconfig.read_text().partition("server: ")[2].partition("\n")[0]
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, render_kubeconfig(server, other.ca_pem, other.token))
    assert main(["get", "ns", f"--kubeconfig={path}"]) == 1
    assert "is not the server that" in capsys.readouterr().err


def test_a_silent_server_is_not_waited_for(tmp_path: Path, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = tmp_path / "kubeconfig"
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        path.write_text(f"""
current-context: x
contexts: [{{name: x, context: {{cluster: x}}}}]
clusters: [{{name: x, cluster: {{server: "{url}"}}}}]
""")
        words = ["get", "ns", f"--kubeconfig={path}", "--request-timeout=100ms"]
        assert main(words) == 1
    assert "did not answer within 0.1s" in capsys.readouterr().err
