"""kubectl writes: create, apply, patches, labels, delete, drain (wire, sections 17.2-17.4)."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from tests.kubectl import Kubectl, each_kubectl
from tests.kubectl_matrix.manifests import pod, text

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("version", each_kubectl())]


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def data_of(kubectl: Kubectl, name: str) -> dict[str, str]:
    document = json.loads(kubectl.ok("get", "configmap", name, "-o", "json"))
    data: dict[str, str] = document["data"]
    return data


def test_create_and_apply(kubectl: Kubectl) -> None:
    assert kubectl.ok("create", "-f", "-", stdin=text(config_map("a", k="1"))) == (
        "configmap/a created\n"
    )
    again = kubectl("create", "-f", "-", stdin=text(config_map("a", k="1")))
    assert again.returncode == 1
    assert "Error from server (AlreadyExists)" in again.stderr
    apply = ("apply", "-f", "-")
    assert kubectl.ok(*apply, stdin=text(config_map("b", k="1"))) == "configmap/b created\n"
    assert kubectl.ok(*apply, stdin=text(config_map("b", k="1"))) == "configmap/b unchanged\n"
    assert kubectl.ok(*apply, stdin=text(config_map("b", k="2"))) == "configmap/b configured\n"
    assert data_of(kubectl, "b") == {"k": "2"}
    dry = kubectl.ok(*apply, "--dry-run=server", stdin=text(config_map("b", k="3")))
    assert dry == "configmap/b configured (server dry run)\n"
    assert data_of(kubectl, "b") == {"k": "2"}
    difference = kubectl("diff", "-f", "-", stdin=text(config_map("b", k="4")))
    assert difference.returncode == 1
    assert '+  k: "4"' in difference.stdout
    replaced = kubectl.ok("replace", "-f", "-", stdin=text(config_map("b", other="5")))
    assert replaced == "configmap/b replaced\n"
    assert data_of(kubectl, "b") == {"other": "5"}


def test_server_side_apply(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    first = kubectl.ok(*apply, stdin=text(config_map("s", k="1", gone="x")))
    assert first == "configmap/s serverside-applied\n"
    kubectl.ok(*apply, stdin=text(config_map("s", k="2")))
    assert data_of(kubectl, "s") == {"k": "2"}
    other = kubectl(*apply, "--field-manager=other", stdin=text(config_map("s", k="3")))
    assert other.returncode == 1
    assert "conflict" in other.stderr
    kubectl.ok(
        *apply, "--field-manager=other", "--force-conflicts", stdin=text(config_map("s", k="3"))
    )
    assert data_of(kubectl, "s") == {"k": "3"}


def test_bad_manifests(kubectl: Kubectl) -> None:
    unknown = pod("x")
    unknown["spec"]["containers"][0]["bogus"] = 1
    refused = kubectl("create", "-f", "-", stdin=text(unknown))
    assert refused.returncode == 1
    assert 'unknown field "spec.containers[0].bogus"' in refused.stderr  # K-47
    invalid = pod("x")
    invalid["spec"]["restartPolicy"] = "Sometimes"
    refused = kubectl("create", "-f", "-", stdin=text(invalid))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        'The Pod "x" is invalid: spec.restartPolicy: Unsupported value'
    )
    nowhere = kubectl("create", "-n", "nowhere", "-f", "-", stdin=text(config_map("a")))
    assert (nowhere.returncode, 'namespaces "nowhere" not found' in nowhere.stderr) == (1, True)
    missing = kubectl(
        "create",
        "-f",
        "-",
        stdin='{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},'
        '"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},'
        '"spec":{"containers":[{"name":"c","image":"busybox"}]}}}}',
    )
    assert missing.returncode == 1
    assert "Error from server" in missing.stderr


def test_create_with_words(kubectl: Kubectl, version: str) -> None:
    """From 1.32 on the bodies of these are protobuf."""
    kubectl.ok("create", "configmap", "words", "--from-literal=k=v")
    assert data_of(kubectl, "words") == {"k": "v"}
    kubectl.ok("create", "secret", "generic", "hidden", "--from-literal=p=w")
    document = json.loads(kubectl.ok("get", "secret", "hidden", "-o", "json"))
    assert (document["data"], document["type"]) == ({"p": "dw=="}, "Opaque")
    name = f"made-{version.replace('.', '-')}"
    assert kubectl.ok("create", "namespace", name) == f"namespace/{name} created\n"
    assert kubectl.ok("delete", "namespace", name) == f'namespace "{name}" deleted\n'
    assert kubectl("get", "namespace", name).returncode == 1
    assert kubectl.ok("create", "serviceaccount", "robot") == "serviceaccount/robot created\n"


def test_patches_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl.ok("create", "-f", "-", stdin=text(config_map("p", k="1", l="2")))
    kubectl.ok("patch", "configmap", "p", "-p", '{"data":{"k":"s"}}')
    kubectl.ok("patch", "configmap", "p", "--type=merge", "-p", '{"data":{"l":null}}')
    operations = (
        '[{"op":"test","path":"/data/k","value":"s"},{"op":"add","path":"/data/n","value":"j"}]'
    )
    kubectl.ok("patch", "configmap", "p", "--type=json", "-p", operations)
    assert data_of(kubectl, "p") == {"k": "s", "n": "j"}
    assert kubectl.ok("patch", "configmap", "p", "-p", '{"data":{"k":"s"}}') == (
        "configmap/p patched (no change)\n"
    )  # K-36
    assert kubectl.ok("label", "configmap", "p", "tier=web") == "configmap/p labeled\n"
    assert kubectl("label", "configmap", "p", "tier=db").returncode == 1
    kubectl.ok("label", "configmap", "p", "tier=db", "--overwrite")
    kubectl.ok("annotate", "configmap", "p", "note=x")
    meta = json.loads(kubectl.ok("get", "configmap", "p", "-o", "json"))["metadata"]
    assert (meta["labels"], meta["annotations"]) == ({"tier": "db"}, {"note": "x"})
    kubectl.ok("label", "configmap", "p", "tier-")
    assert kubectl.ok("get", "configmap", "-l", "tier", "-o", "name") == ""


def test_edit(kubectl: Kubectl) -> None:
    kubectl.ok("create", "-f", "-", stdin=text(config_map("e", k="before")))
    env = {**kubectl.env, "KUBE_EDITOR": "sed -i s/before/after/"}
    edited = dataclasses.replace(kubectl, env=env).ok("edit", "configmap", "e")
    assert edited == "configmap/e edited\n"
    assert data_of(kubectl, "e") == {"k": "after"}


def test_a_pod_may_not_change_everywhere(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web")))
    other = pod("web")
    other["spec"]["containers"][0]["command"] = ["sleep", "1"]
    refused = kubectl("apply", "-f", "-", stdin=text(other))
    assert refused.returncode == 1
    assert "pod updates may not change fields other than" in refused.stderr  # L-68


def test_delete(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=text(*(pod(f"d{n}") for n in range(4))))
    names = [f"pod/d{n}" for n in range(4)]
    kubectl.ok("wait", "--for=condition=Ready", *names, "--timeout=20s")
    assert kubectl.ok("delete", "pod", "d0", "--now").startswith('pod "d0" ')
    dry = kubectl.ok("delete", "pod", "d1", "--dry-run=server")
    assert re.match(r'pod "d1" deleted.*\(server dry run\)\n', dry)
    kubectl.ok("delete", "pod", "d1", "--wait=false", "--grace-period=1")
    kubectl.ok("wait", "--for=delete", "pod/d1", "--timeout=20s")
    forced = kubectl("delete", "pod", "d2", "--force", "--grace-period=0")
    assert forced.returncode == 0
    assert "d2" in forced.stdout
    kubectl.ok("delete", "pods", "--all", "--cascade=foreground", "--timeout=20s")
    assert kubectl.ok("get", "pods", "-o", "name") == ""
    gone = kubectl("delete", "pod", "d0")
    assert (gone.returncode, gone.stderr) == (
        1,
        'Error from server (NotFound): pods "d0" not found\n',
    )
    assert kubectl("delete", "pod", "d0", "--ignore-not-found").returncode == 0


def test_cordon_drain_and_taint(kubectl: Kubectl) -> None:
    node = kubectl.ok("get", "nodes", "-o", "name").strip()
    kubectl.ok("apply", "-f", "-", stdin=text(pod("web")))
    kubectl.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
    try:
        assert kubectl.ok("cordon", node).endswith("cordoned\n")
        assert "SchedulingDisabled" in kubectl.ok("get", node)
        drained = kubectl.ok("drain", node.removeprefix("node/"), "--force", "--timeout=20s")
        assert "pod/web evicted" in drained
        assert kubectl.ok("get", "pods", "-o", "name") == ""
    finally:
        assert kubectl.ok("uncordon", node).endswith("uncordoned\n")
    kubectl.ok("taint", "node", node.removeprefix("node/"), "k=v:PreferNoSchedule")
    kubectl.ok("taint", "node", node.removeprefix("node/"), "k-")
