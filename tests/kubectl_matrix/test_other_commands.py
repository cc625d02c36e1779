"""The commands that are used now and then: set, scale, rollout, kustomize, wait for creation and
deletion, subresources, parts of lists, proxy, dumps (wire, sections 10 and 17).

Most pods here wait at a scheduling gate: these commands need objects, not processes.
"""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import Kubectl, each_kubectl, oldest_and_newest
from tests.kubectl_matrix.manifests import pod, text

pytestmark = [pytest.mark.timeout(120)]
each_version = pytest.mark.parametrize("version", each_kubectl())
first_and_last_version = pytest.mark.parametrize("version", oldest_and_newest())


def gated(name: str) -> dict[str, Any]:
    return pod(name, schedulingGates=[{"name": "example.com/wait"}])


def minor(version: str) -> int:
    return int(version.partition(".")[2])


@each_version
def test_set_and_subresources(kubectl: Kubectl) -> None:
    kubectl.ok("create", "-f", "-", stdin=text(gated("web")))
    assert kubectl.ok("set", "image", "pod/web", "app=busybox:2") == "pod/web image updated\n"
    refused = kubectl("set", "env", "pod/web", "A=b")
    assert (refused.returncode, "pod updates may not change" in refused.stderr) == (1, True)
    status = ("--subresource=status", "--type=merge", "-p", '{"status":{"message":"by hand"}}')
    assert kubectl.ok("patch", "pod", "web", *status) == "pod/web patched\n"
    path = "jsonpath={.status.message},{.spec.containers[0].image}"
    shown = kubectl.ok("get", "pod", "web", "--subresource=status", "-o", path)
    assert shown == "by hand,busybox:2"
    kubectl.ok("create", "service", "clusterip", "s", "--tcp=80:8080")
    assert kubectl.ok("set", "selector", "service", "s", "a=b") == "service/s selector updated\n"
    exposed = kubectl.ok("expose", "pod", "web", "--port=80", "--name=e")
    assert exposed == "service/e exposed\n"
    rows = kubectl.ok("get", "svc")
    assert re.search(r"^e +ClusterIP +10\.96\.\d+\.\d+ +<none> +80/TCP +\d+s$", rows, re.M)
    if minor(version_of(kubectl)) >= 32:  # `--subresource=resize` came with 1.32
        limits = '{"spec":{"containers":[{"name":"app","resources":{"limits":{"cpu":"1"}}}]}}'
        resized = kubectl("patch", "pod", "web", "--subresource=resize", "-p", limits)
        assert "Pod QOS Class may not change" in resized.stderr  # L-256


def version_of(kubectl: Kubectl) -> str:
    return kubectl.path.name.removeprefix("kubectl.")


@first_and_last_version
def test_kinds_that_are_not_run(kubectl: Kubectl) -> None:  # wire, section 4
    """They are empty, and say so."""
    kubectl.ok("create", "-f", "-", stdin=text(gated("web")))
    for command, told in (
        (("scale", "deploy/d", "--replicas=2"), "no objects passed to scale"),
        (("rollout", "status", "deploy/d"), 'deployments.apps "d" not found'),
        (("rollout", "restart", "pod/web"), "pods"),
        (("rollout", "status", "pod/web"), "no status viewer has been implemented for Pod"),
        (("rollout", "undo", "sts/s"), 'statefulsets.apps "s" not found'),
        (("create", "deployment", "d", "--image=x"), "does not run deployments.apps yet"),
        (("create", "job", "j", "--image=x"), "does not run jobs.batch yet"),
    ):
        ran = kubectl(*command)
        assert (ran.returncode, told in ran.stderr) == (1, True), (command, ran.stderr)
    everything = kubectl("get", "deploy,rs,sts,ds,jobs,cj,rc,pdb,ep,endpointslices,leases")
    assert everything.returncode == 0, everything.stderr


@each_version
def test_kustomize_and_parts_of_lists(kubectl: Kubectl, tmp_path: Path) -> None:
    generators = "".join(f"- name: m{n}\n  literals: [k={n}]\n" for n in range(3))
    options = "generatorOptions: {disableNameSuffixHash: true}\n"
    (tmp_path / "kustomization.yaml").write_text(f"{options}configMapGenerator:\n{generators}")
    made = kubectl.ok("apply", "-k", str(tmp_path))
    assert made == "".join(f"configmap/m{n} created\n" for n in range(3))
    again = kubectl.ok("apply", "-k", str(tmp_path), "--server-side")
    assert again.count("serverside-applied") == 3
    rows = kubectl.ok("get", "configmaps", "--chunk-size=1", "--no-headers")  # K-27
    assert re.findall(r"^(\w+) ", rows, re.M) == ["m0", "m1", "m2"]
    names = kubectl.ok("get", "configmaps", "--chunk-size=2", "-o", "name").split()
    assert names == ["configmap/m0", "configmap/m1", "configmap/m2"]
    (tmp_path / "kustomization.yaml").write_text(f"{options}configMapGenerator:\n- name: m0\n")
    difference = kubectl("diff", "--server-side", "-k", str(tmp_path))
    assert difference.returncode == 1, difference.stderr
    assert kubectl.ok("delete", "configmaps", "--all").count("deleted") == 3


@each_version
@pytest.mark.parametrize("watch_list", [False, True])
def test_waiting(kubectl: Kubectl, version: str, watch_list: bool) -> None:  # K-42, K-55
    if watch_list:
        if minor(version) < 30:
            pytest.skip("this version knows no WatchList")
        env = {**kubectl.env, "KUBE_FEATURE_WatchListClient": "true"}
        kubectl = replace(kubectl, env=env)
    kubectl.ok("create", "-f", "-", stdin=text(gated("web")))
    phase = "--for=jsonpath={.status.phase}=Pending"
    assert kubectl.ok("wait", phase, "pod/web", "--timeout=10s") == "pod/web condition met\n"
    late = kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=300ms")
    assert (late.returncode, "timed out waiting" in late.stderr) == (1, True)
    if minor(version) >= 31:
        assert kubectl.ok("wait", "--for=create", "pod/web", "--timeout=10s")
    with subprocess.Popen(
        kubectl.command("wait", "--for=delete", "pod/web", "--timeout=20s"), env=dict(kubectl.env)
    ) as waiting:
        kubectl.ok("delete", "pod", "web", "--timeout=10s")
        assert waiting.wait(20) == 0
    assert kubectl("wait", "--for=delete", "pod/web", "--timeout=5s").returncode == 0


@first_and_last_version
def test_proxy_and_dump(kubectl: Kubectl, namespace: str) -> None:
    kubectl.ok("create", "-f", "-", stdin=text(gated("web")))
    with subprocess.Popen(
        kubectl.command("proxy", "--port=0"), stdout=subprocess.PIPE, env=dict(kubectl.env)
    ) as proxy:
        assert proxy.stdout is not None
        try:
            told = proxy.stdout.readline().decode()
            port = int(re.findall(r":(\d+)$", told.strip())[0])
            url = f"http://127.0.0.1:{port}/api/v1/namespaces/{namespace}/pods/web"
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert json.load(answer)["metadata"]["name"] == "web"
        finally:
            proxy.terminate()
    dump = kubectl.ok("cluster-info", "dump", f"--namespaces={namespace}", "-o", "json")
    assert '"kind": "PodList"' in dump
    assert '"name": "web"' in dump


_MADE: dict[str, Any] = {}
_CREATED = (
    "configmap c --from-literal=k=v",
    "secret generic g --from-literal=p=w",
    "service nodeport n --tcp=80:web --node-port=30111",
    "serviceaccount a",
)


@each_version
def test_bodies_of_all_versions_make_the_same(kubectl: Kubectl) -> None:  # K-93 … K-97
    """JSON up to 1.31, protobuf from 1.32 on."""
    for words in _CREATED:
        shown = kubectl.ok("create", *words.split(), "--dry-run=server", "-o", "json")
        document = json.loads(shown)
        for name in ("uid", "creationTimestamp", "namespace"):
            document["metadata"].pop(name, None)
        for name in ("clusterIP", "clusterIPs"):  # made of the namespace
            document.get("spec", {}).pop(name, None)
        assert document == _MADE.setdefault(words, document)
