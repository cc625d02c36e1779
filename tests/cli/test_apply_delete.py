"""`minikubelet apply` and `delete`."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from minikubelet.cli.main import main
from tests.cli.api_objects import a_config_map, plain_pod
from tests.cli.api_server import ServedApi, an_object

Capture = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


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


def test_warnings_of_the_server_are_told_once(run: Run, tmp_path: Path) -> None:
    pod = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  subdomain: sub
  containers: [{name: app, image: busybox}]
---
"""
    path = tmp_path / "pods.yaml"
    path.write_text(pod.replace("NAME", "one") + pod.replace("NAME", "two"))
    code, out, err = run("apply", "-f", str(path))
    assert (code, out) == (0, "pod/one created\npod/two created\n")
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["Warning"]
    assert "spec.subdomain" in err


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


@pytest.mark.parametrize("words", [["cm", ""], ["cm", "settings", ""], ["cm", "."], ["cm", "a/b"]])
def test_without_a_name_nothing_is_deleted(words: list[str], api: ServedApi, run: Run) -> None:
    api.put(a_config_map())
    assert run("delete", *words)[:2] == (2, "")
    assert api.find(a_config_map()) is not None


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        pytest.param(["cm"], 2, "no name was specified", id="a kind alone"),
        pytest.param(["cm", ""], 2, "resource name may not be empty", id="an empty name"),
        pytest.param(["cm", "x", "--all"], 2, "not both", id="a name and all"),
        pytest.param(["cm", "x", "--now", "--grace-period=3"], 2, "together", id="two graces"),
        pytest.param(["cm", "x"], 1, 'configmaps "x" not found', id="a missing object"),
        pytest.param(["cm", "x", "--ignore-not-found"], 0, "", id="that may be missing"),
    ],
)
def test_how_delete_ends(words: list[str], code: int, why: str, run: Run) -> None:
    ended, out, err = run("delete", *words)
    assert (ended, out, why in err) == (code, "", True)
