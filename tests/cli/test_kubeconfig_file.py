"""Which server a command talks to."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
import yaml

from minikubelet.apiserver.kubeconfig import render_kubeconfig
from minikubelet.cli.kubeconfig_file import (
    Cluster,
    KubeconfigError,
    chosen_path,
    find_cluster,
    read_cluster,
)

OWN = render_kubeconfig("https://127.0.0.1:7443", b"-----CERT-----\n", "the-token")


def test_the_daemons_own_form_is_read_as_yaml_would() -> None:
    path = Path("/x/kubeconfig")
    # Other quotes: the same content, in a form that only a YAML reader understands.
    general = yaml.safe_dump(yaml.safe_load(OWN))
    expected = Cluster(
        server="https://127.0.0.1:7443",
        source=str(path),
        authority="-----CERT-----\n",
        token="the-token",
    )
    assert (read_cluster(OWN, path), read_cluster(general, path)) == (expected, expected)


def test_the_current_context_decides(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    (tmp_path / "client.crt").write_bytes(b"CERT")
    config = {
        "current-context": "two",
        "contexts": [
            {"name": "one", "context": {"cluster": "a"}},
            {"name": "two", "context": {"cluster": "b", "user": "u", "namespace": "team"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "http://a"}},
            {"name": "b", "cluster": {"server": "https://b", "insecure-skip-tls-verify": True}},
        ],
        "users": [
            {
                "name": "u",
                "user": {
                    "tokenFile": "token",
                    "client-certificate": "client.crt",
                    "client-key-data": b64encode(b"KEY").decode(),
                },
            }
        ],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    assert find_cluster(str(path), {}) == Cluster(
        server="https://b",
        source=str(path),
        namespace="team",
        token="from-a-file",
        client_certificate=b"CERT",
        client_key=b"KEY",
        insecure=True,
    )


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [
        pytest.param("/a", "/b", "/a", id="the option wins"),
        pytest.param(None, "/nonexistent:/etc/passwd", "/etc/passwd", id="the first that exists"),
        pytest.param(None, "/nonexistent:/b", "/nonexistent", id="none exists: the first"),
    ],
)
def test_which_file(option: str | None, variable: str, expected: str) -> None:
    assert chosen_path(option, {"KUBECONFIG": variable}) == Path(expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "is not YAML"),
        ("[]", "is not a kubeconfig"),
        ("current-context: x", "has no context 'x'"),
        ("kind: Pod", "is no kubeconfig with a current-context"),
        (OWN.replace("server: https", "other: https"), "names no server"),
        (OWN.replace("certificate-authority-data: ", "certificate-authority-data: !"), "base64"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(KubeconfigError, match=why):
        read_cluster(text, Path("/x"))


def kubeconfig(cluster: object, user: object = None) -> str:
    return yaml.safe_dump(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
    )


@pytest.mark.parametrize(
    ("cluster", "server"),
    [
        ({"server": "localhost:8080"}, "http://localhost:8080"),
        ({"server": "127.0.0.1", "insecure-skip-tls-verify": True}, "https://127.0.0.1"),
        ({"server": "https://[::1]:7443/prefix"}, "https://[::1]:7443/prefix"),
    ],
)
def test_an_address_without_its_scheme_is_understood_as_by_kubectl(
    cluster: dict[str, object], server: str
) -> None:
    assert read_cluster(kubeconfig(cluster), Path("/x")).server == server


SERVER = {"server": "https://a"}
NO_TEXT = b64encode(b"\xff\xfe").decode()


@pytest.mark.parametrize(
    ("cluster", "user", "why"),
    [
        pytest.param({"server": "ftp://a"}, {}, "no address of http or https: ftp://a", id="ftp"),
        pytest.param({"server": "https://a:x"}, {}, "no address", id="a port that is none"),
        pytest.param({"server": "https://a:99999"}, {}, "no address", id="a port too high"),
        pytest.param({"server": "https://[::1"}, {}, "no address", id="half an address"),
        pytest.param("a", {}, "cluster 'c' is not a mapping", id="a cluster that is a text"),
        pytest.param(SERVER, ["a"], "user 'u' is not a mapping", id="a user that is a list"),
        pytest.param(
            {**SERVER, "certificate-authority-data": NO_TEXT}, {}, "is no text", id="not PEM"
        ),
        pytest.param(
            {**SERVER, "certificate-authority-data": "ä"}, {}, "not base64", id="not even ASCII"
        ),
        pytest.param(SERVER, {"token": "a\r\nB: c"}, "cannot be sent", id="a token of two lines"),
        pytest.param(SERVER, {"token": "ä"}, "cannot be sent", id="a token with an umlaut"),
        pytest.param(SERVER, {"tokenFile": "/bin/sh"}, "token that is no text", id="a program"),
    ],
)
def test_what_cannot_be_used_is_said(cluster: object, user: object, why: str) -> None:
    with pytest.raises(KubeconfigError, match=why):
        read_cluster(kubeconfig(cluster, user), Path("/x"))


def test_without_any_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)  # root may have a daemon on this machine
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    with pytest.raises(KubeconfigError, match="Start one with `minikubelet daemon`"):
        find_cluster(None, home)
