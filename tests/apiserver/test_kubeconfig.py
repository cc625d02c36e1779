"""The kubeconfig that the daemon writes, also into a file that has other things in it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from minikubelet.apiserver.kubeconfig import (
    merged_kubeconfig,
    render_kubeconfig,
    write_kubeconfig,
)

OURS = render_kubeconfig("https://127.0.0.1:1", b"PEM", "secret")
CONTEXT = {"cluster": "minikubelet", "user": "minikubelet"}
THEIRS = """\
apiVersion: v1
kind: Config
current-context: work
preferences: {colors: true}
clusters: [{name: work, cluster: {server: "https://work:6443"}}]
users: [{name: me, user: {token: mine}}]
contexts: [{name: work, context: {cluster: work, user: me}}]
"""


def test_kubeconfig(tmp_path: Path) -> None:  # K-2, K-3
    path = tmp_path / "new" / "kubeconfig"
    write_kubeconfig(path, OURS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["kubeconfig"]
    assert path.read_text() == OURS
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": "UEVN",
    }
    assert config["users"] == [{"name": "minikubelet", "user": {"token": "secret"}}]
    context = {"cluster": "minikubelet", "user": "minikubelet"}
    assert config["contexts"] == [{"name": "minikubelet", "context": context}]
    assert config["current-context"] == "minikubelet"


def named(config: dict[str, Any], plural: str) -> dict[str, Any]:
    return {entry["name"]: entry for entry in config[plural]}


def test_other_clusters_stay() -> None:
    merged = yaml.safe_load(merged_kubeconfig(THEIRS, OURS))
    theirs, ours = yaml.safe_load(THEIRS), yaml.safe_load(OURS)
    for plural in ("clusters", "users", "contexts"):
        assert named(merged, plural) == named(theirs, plural) | named(ours, plural)
    assert merged["preferences"] == {"colors": True}
    assert merged["current-context"] == "minikubelet"


def test_what_the_user_chose_stays() -> None:
    config = yaml.safe_load(merged_kubeconfig(THEIRS, OURS))
    config["current-context"] = "work"
    config["contexts"][1]["context"]["namespace"] = "tests"
    edited = yaml.safe_dump(config)
    assert merged_kubeconfig(edited, OURS) == edited, "nothing is new"
    moved = render_kubeconfig("https://127.0.0.1:2", b"OTHER", "new")
    merged = yaml.safe_load(merged_kubeconfig(edited, moved))
    assert merged["current-context"] == "work"
    assert merged["contexts"][1]["context"] == {**CONTEXT, "namespace": "tests"}
    assert named(merged, "users")["minikubelet"]["user"] == {"token": "new"}
    assert named(merged, "clusters")["minikubelet"]["cluster"]["server"] == "https://127.0.0.1:2"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_becomes_ours(text: str) -> None:
    assert merged_kubeconfig(text, OURS) == OURS


@pytest.mark.parametrize(
    "text", ["a: [", "- a", "kind: Pod", "clusters: a", "users: [1]", "\0\0\0", "\x1b["]
)
def test_what_is_no_kubeconfig_is_kept_aside(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    write_kubeconfig(path, OURS)
    assert path.read_text() == OURS
    assert (tmp_path / "kubeconfig.old").read_text() == text
    assert "kept aside" in caplog.text


def test_bytes_that_are_no_text_are_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(b"\xff\xfe")
    write_kubeconfig(path, OURS)
    assert (tmp_path / "kubeconfig.old").read_bytes() == b"\xff\xfe"
