"""The real kubectl, oldest and newest, against the API server alone: pods stay Pending."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minikubelet.clock import SystemClock
from tests.apiserver.api import Api, a_pod, serving_api
from tests.kubectl import MISSING, Kubectl, kubectl_for, kubectls, oldest_and_newest

pytestmark = pytest.mark.kubectl
both = pytest.mark.parametrize("version", oldest_and_newest())


@dataclass(frozen=True, slots=True)
class Cluster:
    api: Api
    kubectl: Kubectl

    async def ok(self, *args: str, stdin: str = "") -> str:
        return await asyncio.to_thread(self.kubectl.ok, *args, stdin=stdin)

    async def run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(self.kubectl, *args, stdin=stdin)


@pytest.fixture
def version() -> str:
    return list(kubectls())[-1] if kubectls() else pytest.skip(MISSING)


@pytest.fixture
async def cluster(version: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with serving_api(clock=SystemClock(), pki_dir=tmp_path / "pki") as api:
        assert api.kubeconfig is not None
        yield Cluster(api, kubectl_for(version, api.kubeconfig, tmp_path / "cache"))


@both
async def test_config_maps_from_creation_to_deletion(cluster: Cluster) -> None:
    created = await cluster.ok("create", "configmap", "settings", "--from-literal=color=blue")
    assert created == "configmap/settings created\n"
    lines = (await cluster.ok("get", "cm")).splitlines()
    assert lines[0].split() == ["NAME", "DATA", "AGE"]
    assert lines[1].split()[:2] == ["settings", "1"]
    again = await cluster.run("create", "configmap", "settings")
    assert (again.returncode, again.stderr) == (
        1,
        'error: failed to create configmap: configmaps "settings" already exists\n',
    )
    assert await cluster.ok("delete", "cm", "settings") == 'configmap "settings" deleted\n'
    missing = await cluster.run("get", "cm", "settings")
    assert missing.stderr == 'Error from server (NotFound): configmaps "settings" not found\n'


@both
async def test_apply_diff_edit_and_patch(cluster: Cluster) -> None:
    pod = a_pod(metadata={"labels": {"app": "web"}})
    assert await cluster.ok("apply", "-f", "-", stdin=json.dumps(pod)) == "pod/web created\n"
    assert await cluster.ok("apply", "-f", "-", stdin=json.dumps(pod)) == "pod/web unchanged\n"
    pod["metadata"]["labels"]["app"] = "shop"
    diff = await cluster.run("diff", "-f", "-", stdin=json.dumps(pod))
    assert diff.returncode == 1, diff.stderr
    assert {"-    app: web", "+    app: shop"} <= set(diff.stdout.splitlines())
    assert await cluster.ok("apply", "-f", "-", stdin=json.dumps(pod)) == "pod/web configured\n"
    editor = f'{sys.executable} -c "import sys,pathlib; p=pathlib.Path(sys.argv[1]); p.write_text('
    editor += "p.read_text().replace('app: shop','app: edited'))\""
    cluster.kubectl.env["KUBE_EDITOR"] = editor  # type: ignore[index]
    assert await cluster.ok("edit", "pod", "web") == "pod/web edited\n"
    image = '{"spec":{"containers":[{"name":"app","image":"busybox:2"}]}}'
    assert await cluster.ok("patch", "pod", "web", "-p", image) == "pod/web patched\n"
    label = '[{"op":"add","path":"/metadata/labels/more","value":"x"}]'
    await cluster.ok("patch", "pod", "web", "--type=json", "-p", label)
    out = "jsonpath={.metadata.labels} {.spec.containers[0].image}"
    shown = await cluster.ok("get", "pod", "web", "-o", out)
    assert shown == '{"app":"edited","more":"x"} busybox:2'
    refused = await cluster.run("patch", "pod", "web", "-p", '{"spec":{"hostname":"x"}}')
    assert refused.stderr.startswith(
        'The Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than `'
    )


async def test_server_side_apply(cluster: Cluster) -> None:
    args = ("apply", "--server-side", "-f", "-")
    pod = json.dumps(a_pod())
    assert await cluster.ok(*args, stdin=pod) == "pod/web serverside-applied\n"
    assert await cluster.ok(*args, stdin=pod) == "pod/web serverside-applied\n"
    other = await cluster.run(*args, "--field-manager=other", stdin=pod.replace("x:1", "x:2"))
    assert 'conflict with "kubectl": .spec.containers[name="app"].image' in other.stderr
    forced = (*args, "--field-manager=other", "--force-conflicts")
    await cluster.ok(*forced, stdin=pod.replace("x:1", "x:2"))


async def test_apply_on_the_server_after_apply_on_the_client(cluster: Cluster) -> None:
    pod = json.dumps(a_pod())
    await cluster.ok("apply", "-f", "-", stdin=pod)
    await cluster.ok("apply", "--server-side", "-f", "-", stdin=pod.replace("x:1", "x:2"))
    await cluster.ok("apply", "--server-side", "-f", "-", stdin=pod.replace("x:1", "x:3"))
    image = await cluster.ok("get", "pod", "web", "-o", "jsonpath={.spec.containers[0].image}")
    assert image == "busybox:3"


async def test_invalid_manifests(cluster: Cluster) -> None:  # K-47, L-38
    containers = [{"name": "app", "image": "x", "comand": ["a"]}]
    strict = await cluster.run("create", "-f", "-", stdin=json.dumps(a_pod(containers=containers)))
    assert strict.stderr == (
        'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot '
        'be handled as a Pod: strict decoding error: unknown field "spec.containers[0].comand"\n'
    )
    bad = a_pod(containers=[{"name": "app"}], restartPolicy="Never", activeDeadlineSeconds=0)
    invalid = await cluster.run("create", "-f", "-", stdin=json.dumps(bad))
    assert invalid.stderr.splitlines() == [
        'The Pod "web" is invalid: ',
        "* spec.containers[0].image: Required value",
        "* spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, "
        "inclusive",
    ]


@both
async def test_watch_wait_and_delete(cluster: Cluster) -> None:
    await cluster.ok("run", "web", "--image=busybox:1")
    watching = await asyncio.create_subprocess_exec(
        *cluster.kubectl.command("get", "pods", "-w", "-o", "name"),
        stdout=subprocess.PIPE,
        env=dict(cluster.kubectl.env),
    )
    assert watching.stdout is not None
    assert await watching.stdout.readline() == b"pod/web\n"
    await cluster.ok("run", "other", "--image=busybox:1")
    assert await watching.stdout.readline() == b"pod/other\n"
    waiting = asyncio.ensure_future(
        cluster.ok("wait", "--for=jsonpath={.status.phase}=Running", "pod/web", "--timeout=20s")
    )
    status = {"status": {"phase": "Running"}}
    answer = await cluster.api.patch("/api/v1/namespaces/default/pods/web/status", status)
    assert answer.status == 200
    assert await waiting == "pod/web condition met\n"
    deleted = await cluster.ok("delete", "pod", "web", "other", "--wait=true")
    assert deleted.splitlines() == ['pod "web" deleted', 'pod "other" deleted']
    await cluster.api.server.stop()
    assert await asyncio.wait_for(watching.wait(), 10) == 0


async def test_namespaces_and_kinds_that_are_not_run(cluster: Cluster) -> None:
    assert await cluster.ok("create", "namespace", "team") == "namespace/team created\n"
    assert await cluster.ok("delete", "namespace", "team") == 'namespace "team" deleted\n'
    everything = await cluster.run("get", "all")
    assert everything.returncode == 0
    assert everything.stderr == "No resources found in default namespace.\n"
    refused = await cluster.run("create", "deployment", "d", "--image=x")
    assert "minikubelet does not run deployments.apps yet" in refused.stderr
