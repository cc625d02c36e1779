"""Our commands print what the real kubectl prints, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minikubelet.cli.main import main
from tests.cli.api_objects import (
    events_of_rich,
    failed_pod,
    leaving_pod,
    others,
    plain_pod,
    rich_pod,
)
from tests.cli.api_server import ServedApi, an_object, api_server
from tests.kubectl import MISSING, Kubectl, kubectl_for, kubectls

_VERSION = "1.33"
"""Whose layout it is; others differ in details."""

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(_VERSION not in kubectls(), reason=f"{MISSING} ({_VERSION})"),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    with api_server(tmp_path_factory.mktemp("api")) as served:
        served.put(rich_pod(), plain_pod(), leaving_pod(), failed_pod())
        served.put(*events_of_rich(), *others(), _texts())
        served.put(_lease())
        served.make_old(("", "namespaces"), ("", "serviceaccounts"))
        yield served


@pytest.fixture(scope="module")
def kubectl(api: ServedApi, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return kubectl_for(_VERSION, api.kubeconfig, tmp_path_factory.mktemp("cache"))


_COMMANDS = [
    "get pods",
    "get pods -o wide",
    "get pods -A --show-labels",
    "get pods --no-headers",
    "get pods --sort-by=.metadata.name",
    "get pods,cm",
    "get pods,nosuch",
    "get all",
    "get pod/rich cm/settings",
    "get pods -l app=none",
    "get pod nope plain",
    "get nodes -o wide",
    "get events",
    "get secrets,svc,sa,ns",
    "get deploy",
    "get sa,ns -A",
    "get ns,sa -A",
    "get pod -o wide rich -n default plain",
    "get pod rich -o yaml",
    "get cm settings texts -o yaml",
    "get cm texts -o json",
    "get pods -o json",
    "get pods -o name",
    "get pods -o jsonpath={.items[*].metadata.name}",
    "get pods -o jsonpath={range.items[*]}{.metadata.name}{end}",
    "get pod rich -o jsonpath={.spec.containers[?(@.name=='app')].ports[0].containerPort}",
    "get pods -L app,example.com/tier --show-labels",
    "get pods -L app -L nosuch",
    "get pods -o jsonpath-as-json={.items[*].metadata.name}",
    "get pod rich -o jsonpath-as-json={.metadata.name}{.spec.containers[*].name}",
    "get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,IP:{.status.podIP}",
    "get pods -o custom-columns=A:metadata.labels,B:.spec.containers[*].image --no-headers",
    "get pods -o custom-columns=SPEC:.spec.containers[0],S:.status.containerStatuses[0].state",
    'get pods -o custom-columns=READY:.status.conditions[?(@.type=="Ready")].status,X:,Y:.y',
    "get pods -o custom-columns=N:.metadata.name --sort-by=.metadata.name",
    "get pods -o custom-columns=G:.spec.terminationGracePeriodSeconds,F:.spec.enableServiceLinks",
    "get pod nope rich -o custom-columns=N:.metadata.name",
    "get pod nope -o custom-columns=N:.metadata.name",
    "get pods -l app=none -o custom-columns=N:.metadata.name",
    "get cm texts -o custom-columns=DATA:.data,N:.metadata.name",
    "get cm -o custom-columns=N:.metadata.name,T:.data.t35,U:.data.t30,V:.data.t29",
    "get pods,cm -o custom-columns=K:.kind,N:.metadata.name",
    "get pods -o custom-columns=C:.spec.containers[7].name",
    "get pods -o custom-columns=oops",
    "get pods -o custom-columns=A:{.x",
    "get pods -o custom-columns=",
    "get pods -o custom-columns",
    "get pods -o custom-columns-file=/no/such/file",
    "get pods --chunk-size=2",
    "get pod rich --subresource=status",
    "get pods,cm --show-kind",
    "get pods --show-kind -o name",
    "get pod rich --show-kind",
    "get --raw /api/v1/namespaces/default/configmaps/settings",
    "describe pod rich",
    "describe pods",
    "describe pod pl",
    "describe pod nope",
    "describe cm settings",
    "describe secret keys",
    "describe svc front",
    "describe node n1",
    "describe ns default",
    "describe sa default",
    "events",
    "describe events",
    "describe lease",
    "events -A",
    "events --for pod/rich",
    "events --for pod/plain",
    "events --types=Warning",
    "get nosuch",
]


_ATTEMPTS = 3
"""Ages are in seconds, and one may pass between the two."""


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_same_output(
    command: str, api: ServedApi, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    _compare(command.split(" "), api, kubectl, capsys)


@pytest.mark.parametrize(
    "options", ["", "-o name", "-o custom-columns=N:.metadata.name", "-o yaml"]
)
@pytest.mark.parametrize("documents", [1, 3])
def test_the_same_objects_by_a_manifest(
    options: str,
    documents: int,
    tmp_path: Path,
    api: ServedApi,
    kubectl: Kubectl,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "objects.yaml"
    named = (("Pod", "rich"), ("ConfigMap", "settings"), ("Pod", "nope"))[:documents]
    spec = "spec: {containers: [{name: a, image: b}]}\n"
    path.write_text(
        "---\n".join(
            f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
            + (spec if kind == "Pod" else "")
            for kind, name in named
        )
    )
    _compare(["get", "-f", str(path), *options.split()], api, kubectl, capsys)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("custom-columns-file", "NAME   IP\nmetadata.name\t{.status.podIP}\nmore\n"),
        ("custom-columns-file", "NAME IP\n.metadata.name\n"),
        ("custom-columns-file", "NAME IP"),
        ("custom-columns-file", "NAME IP\n"),
        ("custom-columns-file", ""),
        ("jsonpath-file", "{range .items[*]}{.metadata.name}{end}\n"),
    ],
)
def test_the_same_output_by_a_file(
    form: str,
    text: str,
    tmp_path: Path,
    api: ServedApi,
    kubectl: Kubectl,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "template"
    path.write_text(text)
    _compare(["get", "pods", "-o", f"{form}={path}"], api, kubectl, capsys)


def _compare(
    words: list[str], api: ServedApi, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(_ATTEMPTS):
        theirs = kubectl(*words)
        code = main([*words, f"--kubeconfig={api.kubeconfig}"])
        ours = capsys.readouterr()
        if (ours.out, ours.err) == (theirs.stdout, theirs.stderr):
            break
    assert ours.out == theirs.stdout
    assert ours.err == theirs.stderr
    assert code == theirs.returncode


def test_the_default_kubeconfig_is_found(api: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"/nonexistent:{api.kubeconfig}")
    assert main(["get", "ns"]) == 0


def _lease() -> dict[str, object]:
    """A kind that kubectl describes field by field."""
    spec = {"holderIdentity": "n1", "leaseDurationSeconds": 40, "renewTime": "2026-01-01T00:00:00Z"}
    metadata = {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}
    version = "coordination.k8s.io/v1"
    return an_object("Lease", "n1", version, spec=spec, metadata=metadata)


def _texts() -> dict[str, object]:
    """Values that YAML has to quote, fold or escape."""
    texts = [
        "", " ", "true", "no", "null", "~", "1", "1.0", "1e3", "0x1F", "0o17", "012", "2026-01-01",
        "a: b", "a #b", "#a", "- a", "@a", "`a", "'a'", '"a"', "a\tb", "é", "\x01", "<a&b>",
        "one\ntwo", "one\n", "\n", " one\ntwo", "word " * 30, "=", "y", "1_000", ".5", "12:30:45",
        "[a", "{a", "*a", "!a", "%a", "|", ">", "?", "? a", "a:", ":a", "trailing ",
    ]  # fmt: skip
    keys = ["a1", "a10", "a2", "A", "a-b", "a.b", "a_b"]
    data = {f"t{index}": text for index, text in enumerate(texts)} | dict.fromkeys(keys, "x")
    return an_object("ConfigMap", "texts", data=data)
