"""Commands that talk to the API: what they ask for, what they say, how they end."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from minikubelet.apiserver.kubeconfig import render_kubeconfig, write_kubeconfig
from minikubelet.apiserver.pki import prepare_pki
from minikubelet.apiserver.services import Route
from minikubelet.cli.main import main
from minikubelet.manifest.json_tree import Json
from tests.cli.api_objects import a_node, an_event, plain_pod
from tests.cli.api_server import ServedApi, an_object, api_server

Capture = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]
METRICS = "/apis/metrics.k8s.io/v1beta1"


async def _logs(request: web.Request) -> web.Response:
    """Tells the question; the second line has no newline."""
    asked = " ".join(f"{key}={value}" for key, value in sorted(request.query.items()))
    return web.Response(text=f"{request.match_info['name']}: {asked}\n\u00e9 end")


async def _pod_metrics(request: web.Request) -> web.Response:
    def metrics(name: str, *containers: tuple[str, str, str]) -> dict[str, object]:
        listed = [{"name": n, "usage": {"cpu": c, "memory": m}} for n, c, m in containers]
        return {"metadata": {"name": name, "namespace": "default"}, "containers": listed}

    items = [
        metrics("small", ("app", "1500u", "3Mi")),
        metrics("big", ("app", "250m", "10Mi"), ("side", "1m", "1536Ki")),
    ]
    return web.json_response({"items": items})


async def _node_metrics(request: web.Request) -> web.Response:
    usage = {"cpu": "500m", "memory": "256Mi"}
    return web.json_response({"items": [{"metadata": {"name": "n1"}, "usage": usage}]})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    routes = (
        Route("GET", "/api/v1/namespaces/{namespace}/pods/{name}/log", _logs),
        Route("GET", f"{METRICS}/namespaces/default/pods", _pod_metrics),
        Route("GET", f"{METRICS}/nodes", _node_metrics),
    )
    with api_server(tmp_path_factory.mktemp("api"), *routes) as served:
        yield served


@pytest.fixture
def api(shared: ServedApi) -> Iterator[ServedApi]:
    """Without the objects of the test before."""
    yield shared
    for storage in (("", "pods"), ("", "configmaps"), ("", "events"), ("", "nodes")):
        shared.clear(storage)


@pytest.fixture
def run(api: ServedApi, capsys: Capture) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, f"--kubeconfig={api.kubeconfig}"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def a_config_map(name: str = "settings", **parts: Any) -> Json:
    return an_object("ConfigMap", name, data={"a": "1"}, **parts)


# --- get ---


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
        pytest.param(["cm", "x", "-o", "nice"], 2, "not one of json, yaml", id="a bad format"),
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


# --- apply ---

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  color: blue
---
apiVersion: v1
kind: Namespace
metadata:
  name: team
"""


def test_apply_says_what_happened(api: ServedApi, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(CONFIG)
    words = ["apply", "-f", str(path)]
    dry = run(*words, "--dry-run")
    assert dry[1] == (
        "configmap/settings created (server dry run)\nnamespace/team created (server dry run)\n"
    )
    assert api.find(a_config_map()) is None
    assert run(*words)[:2] == (0, "configmap/settings created\nnamespace/team created\n")
    path.write_text(CONFIG.replace("blue", "red"))
    assert run(*words)[:2] == (0, "configmap/settings configured\nnamespace/team unchanged\n")
    stored = api.find(a_config_map())
    assert stored is not None
    assert stored["data"] == {"color": "red"}


def test_apply_reads_all_before_it_sends_any(
    run: Run, monkeypatch: pytest.MonkeyPatch, api: ServedApi
) -> None:
    bad = CONFIG.replace("kind: Namespace", "kind: Namespace\nspce: {}")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bad.encode())))
    code, out, err = run("apply", "-f", "-")
    assert (code, out) == (1, "")
    assert err.startswith("<stdin>:10: spce: unknown field")
    assert api.find(a_config_map()) is None


def test_apply_does_not_take_fields_of_others(api: ServedApi, run: Run, tmp_path: Path) -> None:
    theirs = {
        "manager": "kubectl",
        "operation": "Apply",
        "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:color": {}}},
    }
    api.put(
        an_object(
            "ConfigMap", "settings", data={"color": "red"}, metadata={"managedFields": [theirs]}
        )
    )
    path = tmp_path / "cm.yaml"
    path.write_text(CONFIG.partition("---")[0])
    code, _, err = run("apply", "-f", str(path))
    assert code == 1
    assert 'conflict with "kubectl"' in err
    assert "--force-conflicts" in err
    assert run("apply", "-f", str(path), "--force-conflicts")[:2] == (
        0,
        "configmap/settings configured\n",
    )


@pytest.mark.parametrize(
    ("text", "words", "code", "why"),
    [
        pytest.param(
            CONFIG.replace("settings", "settings\n  namespace: other"),
            ["-n", "team"],
            2,
            'the namespace from the provided object "other" does not match',
            id="two namespaces",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n",
            [],
            1,
            'The Pod "x" is invalid: spec.containers: Required value',
            id="what the server refuses",
        ),
        pytest.param("", ["-f", "/nonexistent"], 1, "no such file", id="a missing file"),
    ],
)
def test_how_apply_ends(
    text: str, words: list[str], code: int, why: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(text or CONFIG)
    ended, out, err = run("apply", "-f", str(path), *words)
    assert (ended, out) == (code, "")
    assert why in err


# --- delete ---


def test_delete_waits_until_it_is_gone(api: ServedApi, run: Run, capsys: Capture) -> None:
    kept = a_config_map(metadata={"finalizers": ["example.com/slow"]})
    api.put(kept)
    ended: list[int] = []
    words = ["delete", "cm/settings", f"--kubeconfig={api.kubeconfig}"]
    thread = threading.Thread(target=lambda: ended.append(main(words)))
    thread.start()
    api.wait_for(lambda: "deletionTimestamp" in (api.find(kept) or {"metadata": {}})["metadata"])
    assert ended == []
    api.remove(kept)
    thread.join(timeout=10)
    assert (ended, capsys.readouterr().out) == ([0], 'configmap "settings" deleted\n')


def test_delete_by_label_by_file_and_all(api: ServedApi, run: Run, tmp_path: Path) -> None:
    api.put(*(a_config_map(name, metadata={"labels": {"app": name[0]}}) for name in ("a1", "a2")))
    api.put(a_config_map("b1"), a_config_map("settings"), plain_pod())
    assert run("delete", "cm", "-l", "app=a")[1] == (
        'configmap "a1" deleted\nconfigmap "a2" deleted\n'
    )
    path = tmp_path / "cm.yaml"
    path.write_text(CONFIG.partition("---")[0])
    assert run("delete", "-f", str(path))[1] == 'configmap "settings" deleted\n'
    code, out, err = run("delete", "pods", "--all", "--force")
    assert (code, out) == (0, 'pod "plain" force deleted\n')
    assert err.startswith("Warning: Immediate deletion does not wait")
    assert run("delete", "cm", "--all", "--wait=false")[1] == 'configmap "b1" deleted\n'


@pytest.mark.parametrize(
    ("words", "grace"),
    [
        pytest.param([], 30, id="the Pod's own"),
        pytest.param(["--grace-period=5"], 5, id="as told"),
        pytest.param(["--now"], 1, id="now is a second"),
        pytest.param(["--grace-period=0"], 1, id="none at all needs force"),
    ],
)
def test_grace(words: list[str], grace: int, api: ServedApi, run: Run) -> None:
    pod = plain_pod(spec={"nodeName": "n1", "terminationGracePeriodSeconds": 30})
    pod["status"]["phase"] = "Running"
    api.put(pod)
    assert run("delete", "pod", "plain", "--wait=false", *words)[0] == 0
    stored = api.find(pod)
    assert stored is not None
    assert stored["metadata"]["deletionGracePeriodSeconds"] == grace


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        pytest.param(["cm"], 2, "no name was specified", id="a kind alone"),
        pytest.param(["cm", "x", "--all"], 2, "not both", id="a name and all"),
        pytest.param(["cm", "x", "--now", "--grace-period=3"], 2, "together", id="two graces"),
        pytest.param(["cm", "x"], 1, 'configmaps "x" not found', id="a missing object"),
        pytest.param(["cm", "x", "--ignore-not-found"], 0, "", id="that may be missing"),
    ],
)
def test_how_delete_ends(words: list[str], code: int, why: str, run: Run) -> None:
    ended, out, err = run("delete", *words)
    assert (ended, out, why in err) == (code, "", True)


# --- logs ---


def two_containers() -> Json:
    containers = [{"name": "app", "image": "x"}, {"name": "side", "image": "x"}]
    return plain_pod("web", spec={"containers": containers})


def with_init() -> Json:
    pod = two_containers()
    pod["metadata"]["labels"] = {"app": "web"}
    pod["spec"]["initContainers"] = [{"name": "first", "image": "x"}]
    return pod


@pytest.mark.parametrize(
    ("words", "out", "err"),
    [
        pytest.param(
            ["web"],
            "web: container=app\né end",
            'Defaulted container "app" out of: app, side, first (init)\n',
            id="the first container, and it says so",
        ),
        pytest.param(
            ["pod/web", "side", "-p", "--tail=3", "--since=2m", "--timestamps", "--limit-bytes=9"],
            "web: container=side limitBytes=9 previous=true sinceSeconds=120 tailLines=3 "
            "timestamps=true\né end",
            "",
            id="every option",
        ),
        pytest.param(
            ["web", "--all-containers", "--prefix"],
            "[pod/web/first] web: container=first\n[pod/web/first] é end\n"
            "[pod/web/app] web: container=app\n[pod/web/app] é end\n"
            "[pod/web/side] web: container=side\n[pod/web/side] é end\n",
            "",
            id="all containers with a prefix",
        ),
        pytest.param(
            ["-l", "app=web", "-c", "app"], "web: container=app tailLines=10\né end", "", id="label"
        ),
    ],
)
def test_logs(words: list[str], out: str, err: str, api: ServedApi, run: Run) -> None:
    api.put(with_init())
    assert run("logs", *words) == (0, out, err)


def test_logs_of_several_containers_are_followed_at_once(api: ServedApi, run: Run) -> None:
    api.put(two_containers())
    code, out, _ = run("logs", "-f", "--all-containers", "--prefix", "web")
    assert (code, sorted(out.splitlines())) == (
        0,
        [
            "[pod/web/app] web: container=app follow=true",
            "[pod/web/app] é end",
            "[pod/web/side] web: container=side follow=true",
            "[pod/web/side] é end",
        ],
    )


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["nope"], 1, 'pods "nope" not found'),
        ([], 2, "say which Pod"),
        (["cm/x"], 2, "those of Pods"),
    ],
)
def test_how_logs_end(words: list[str], code: int, why: str, run: Run) -> None:
    ended, out, err = run("logs", *words)
    assert (ended, out, why in err) == (code, "", True)


# --- events, top ---


def test_events_that_follow_are_shown(api: ServedApi) -> None:
    pod = plain_pod()
    api.put(an_event(pod, 1))
    command = [sys.executable, "-m", "minikubelet", "events", "-w", "--types=warning"]
    with subprocess.Popen(
        [*command, f"--kubeconfig={api.kubeconfig}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            heading = process.stdout.readline()
            api.put(an_event(pod, 2), an_event(pod, 3, type="Warning", reason="Unhealthy"))
            line = process.stdout.readline()
        finally:
            process.kill()
    assert heading.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert line.split()[1:4] == ["Warning", "Unhealthy", "Pod/plain"]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        pytest.param(
            ["pod"],
            [
                "NAME    CPU(cores)   MEMORY(bytes)   ",
                "small   2m           3Mi             ",
                "big     251m         11Mi            ",
            ],
            id="pods",
        ),
        pytest.param(
            ["pod", "--sort-by=memory", "--no-headers"],
            ["big     251m   11Mi   ", "small   2m     3Mi    "],
            id="sorted",
        ),
        pytest.param(
            ["pod", "--containers"],
            [
                "POD     NAME   CPU(cores)   MEMORY(bytes)   ",
                "small   app    2m           3Mi             ",
                "big     app    250m         10Mi            ",
                "big     side   1m           1Mi             ",
            ],
            id="containers",
        ),
        pytest.param(
            ["node"],
            [
                "NAME   CPU(cores)   CPU(%)   MEMORY(bytes)   MEMORY(%)   ",
                "n1     500m         25%      256Mi           25%         ",
            ],
            id="the node",
        ),
    ],
)
def test_top(words: list[str], lines: list[str], api: ServedApi, run: Run) -> None:
    api.put(a_node())
    code, out, _ = run("top", *words)
    assert code == 0
    assert out.splitlines() == lines


# --- kubeconfig, completion ---


def test_kubeconfig(api: ServedApi, capsys: Capture) -> None:
    option = f"--kubeconfig={api.kubeconfig}"
    assert [main(["kubeconfig", option, *words]) for words in ([], ["--export"], ["--raw"])] == [
        0
    ] * 3
    text = api.kubeconfig.read_text()
    assert capsys.readouterr().out == (
        f"{api.kubeconfig}\nexport KUBECONFIG={api.kubeconfig}\n{text}"
    )


def test_completion_in_bash(api: ServedApi, capsys: Capture) -> None:
    api.put(a_config_map("settings"), a_config_map("other"))
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = """
minikubelet() { "$PYTHON" -m minikubelet "$@"; }
for words in "minikubelet desc" "minikubelet get conf" "minikubelet get cm s"; do
  COMP_WORDS=($words) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _minikubelet && echo "${COMPREPLY[@]}"
done
"""
    env = {"PYTHON": sys.executable, "KUBECONFIG": str(api.kubeconfig), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", script + ask], capture_output=True, text=True, timeout=30, env=env
    )
    assert (done.stdout, done.stderr) == ("describe\nconfigmaps\nsettings\n", "")
