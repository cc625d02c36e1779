"""`minikubelet logs`, `events`, `top`, `kubeconfig` and `completion`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from minikubelet.cli.main import main
from minikubelet.manifest.json_tree import Json
from tests.cli.api_objects import a_config_map, a_node, an_event, plain_pod
from tests.cli.api_server import ServedApi

Capture = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


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
    api.put(a_config_map("settings"), a_config_map("other"), plain_pod("web"))
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = """
minikubelet() { "$PYTHON" -m minikubelet "$@"; }
for words in "minikubelet desc" "minikubelet get conf" "minikubelet get cm s" \
    "minikubelet exec w" "minikubelet port-forward w" "minikubelet probe w" "minikubelet cp w"; do
  COMP_WORDS=($words) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _minikubelet && echo "${COMPREPLY[@]}"
done
"""
    env = {"PYTHON": sys.executable, "KUBECONFIG": str(api.kubeconfig), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", script + ask], capture_output=True, text=True, timeout=30, env=env
    )
    assert (done.stdout, done.stderr) == (
        "describe\nconfigmaps\nsettings\nweb\nweb\nweb\nweb:\n",
        "",
    )
