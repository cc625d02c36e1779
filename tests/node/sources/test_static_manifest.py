"""One file of the static directory → a static pod or the line that says why not."""

from __future__ import annotations

import json

import pytest

from minikubelet.node.sources.static_manifest import (
    StaticManifestError,
    read_static_manifest,
)

POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: app, image: busybox, command: [run]}
"""


def read(text: str, path: str = "/m/web.yaml", node: str = "node") -> dict[str, object]:
    return read_static_manifest(text.encode(), path, node).document


def error_of(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(StaticManifestError) as raised:
        read_static_manifest(data, "/m/web.yaml", "node")
    return str(raised.value)


def test_what_is_set_on_a_static_pod() -> None:  # L-10 … L-13
    manifest = read_static_manifest(POD.encode(), "/m/web.yaml", "node")
    meta, spec = manifest.document["metadata"], manifest.document["spec"]
    uid = meta["uid"]
    assert len(uid) == 32
    assert set(uid) <= set("0123456789abcdef")
    assert (meta["name"], meta["namespace"]) == ("web-node", "default")
    assert meta["annotations"] == {
        "kubernetes.io/config.hash": uid,
        "kubernetes.io/config.source": "file",
    }
    assert spec["nodeName"] == "node"
    assert spec["tolerations"] == [{"operator": "Exists", "effect": "NoExecute"}]
    assert manifest.document["status"] == {"phase": "Pending"}
    assert spec["terminationGracePeriodSeconds"] == 30
    assert manifest.pod.metadata.uid == uid


def uid_of(text: str, path: str = "/m/web.yaml", node: str = "node") -> str:
    return read_static_manifest(text.encode(), path, node).pod.metadata.uid


def test_the_uid_follows_content_node_and_path() -> None:  # L-10
    uid = uid_of(POD)
    assert uid_of(POD) == uid
    assert uid_of("# a comment\n" + POD) == uid
    assert uid_of(POD.replace("kind: Pod", "kind: Pod\n")) == uid
    assert uid_of(POD.replace("[run]", "[ran]")) != uid
    assert uid_of(POD, path="/m/other.yaml") != uid
    assert uid_of(POD, node="other") != uid
    fixed = POD.replace("{name: web}", "{name: web, uid: my-uid}")
    assert uid_of(fixed) == uid_of(fixed.replace("[run]", "[ran]")) == "my-uid"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("---\n" + POD, id="a first separator"),
        pytest.param("# comment\n---\n" + POD, id="a comment before it"),
        pytest.param(POD + "---\nkind: Nonsense\n", id="only the first document counts"),
        pytest.param(POD + "---\n{{{{", id="not even broken ones behind it"),
    ],
)
def test_only_the_first_document_counts(text: str) -> None:  # L-8
    assert uid_of(text) == uid_of(POD)


def test_json_is_read_too() -> None:
    container = {"name": "app", "image": "busybox", "command": ["run"]}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [container]},
    }
    assert uid_of(json.dumps(document)) == uid_of(POD)


def test_unknown_and_repeated_fields_are_warnings() -> None:  # L-8
    text = POD.replace("image: busybox", "image: busybox, imge: x, image: alpine")
    manifest = read_static_manifest(text.encode(), "/m/web.yaml", "node")
    assert manifest.pod.spec.containers[0].image == "alpine"
    assert any("unknown field" in warning for warning in manifest.warnings)
    assert any("repeated" in warning for warning in manifest.warnings)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param(
            POD.replace("{name: web}", "{}"),
            "/m/web.yaml: invalid pod: name is needed for the pod",
            id="no name",
        ),
        pytest.param(
            "---\n---\n" + POD,
            "/m/web.yaml: couldn't parse as pod(its first document is empty), "
            "please check config file",
            id="an empty first document is not skipped",
        ),
        pytest.param(
            "",
            "/m/web.yaml: couldn't parse as pod(its first document is empty), "
            "please check config file",
            id="an empty file",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n",
            "/m/web.yaml: couldn't parse as pod(one Pod is wanted, not ConfigMap), "
            "please check config file",
            id="another kind",
        ),
    ],
)
def test_what_is_no_pod(text: str, error: str) -> None:  # L-8, L-9
    assert error_of(text) == error


def test_a_pod_that_breaks_the_rules_is_refused_with_all_of_them() -> None:  # L-15
    text = POD.replace("name: app", "name: App_").replace("image: busybox, ", "")
    error = error_of(text)
    assert error.startswith("/m/web.yaml: invalid pod: [spec.containers[0].name: Invalid value: ")
    assert "spec.containers[0].image: Required value" in error
    assert error.endswith("]")


def test_a_uid_that_names_other_directories_is_refused() -> None:
    assert "metadata.uid" in error_of(POD.replace("{name: web}", "{name: web, uid: ../../x}"))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"{", b"a: b: c", b"- x", b"\0"])
def test_garbage_is_refused_with_a_reason(data: bytes) -> None:
    error = error_of(data)
    assert error.startswith("/m/web.yaml: couldn't parse as pod(")
    assert error.endswith("), please check config file")


def test_a_huge_file_is_refused() -> None:  # L-7
    assert error_of(b"#" * (10 * 1024 * 1024 + 1)) == "/m/web.yaml: larger than 10 MiB"


VOLUME = "  volumes:\n  - name: v\n    "


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (POD + "  serviceAccountName: x\n", "serviceaccounts"),
        (POD + "  imagePullSecrets: [{name: s}]\n", "secrets"),
        (POD + VOLUME + "secret: {secretName: s}\n", "secrets"),
        (POD + VOLUME + "configMap: {name: c}\n", "configmaps"),
        (POD + VOLUME + "projected: {sources: [{configMap: {name: c}}]}\n", "configmaps"),
        (
            POD.replace("[run]", "[run], envFrom: [{configMapRef: {name: c}}]"),
            "configmaps",
        ),
        (
            POD.replace(
                "[run]", "[run], env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"
            ),
            "secrets",
        ),
        (
            POD + VOLUME + "projected: {sources: [{serviceAccountToken: {path: t}}]}\n",
            "serviceaccounts (via projected volumes)",
        ),
        (
            POD + VOLUME + "persistentVolumeClaim: {claimName: c}\n",
            "persistentvolumeclaims",
        ),
    ],
)
def test_static_pods_use_no_objects_of_the_api(text: str, what: str) -> None:  # L-16
    assert error_of(text) == f"/m/web.yaml: static pods may not reference {what}"


def test_volumes_of_their_own_are_fine() -> None:  # L-16
    for volume in ("emptyDir: {}", "hostPath: {path: /tmp}", "downwardAPI: {items: []}"):
        assert uid_of(POD + VOLUME + volume + "\n")
