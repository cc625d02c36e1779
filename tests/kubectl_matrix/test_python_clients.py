"""The Python client libraries list, watch, create, patch and delete (wire, section 15)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import DaemonProcess
from tests.kubectl_matrix.manifests import pod

pytestmark = [pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def _their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They keep certificates and discovery in temporary files; two of them remember their paths
    for as long as the process lives."""
    import kubernetes.config.kube_config
    import kubernetes_asyncio.config.kube_config

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    kubernetes.config.kube_config._cleanup_temp_files()
    kubernetes_asyncio.config.kube_config._cleanup_temp_files()


def test_kubernetes(daemon: DaemonProcess, namespace: str) -> None:
    import kubernetes
    from kubernetes import watch

    with kubernetes.config.new_client_from_config(str(daemon.kubeconfig)) as client:
        core = kubernetes.client.CoreV1Api(client)
        created = core.create_namespaced_pod(namespace, pod("py"))
        assert created.metadata.name == "py"
        phases = []
        stream = watch.Watch()
        for event in stream.stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
            phases.append(event["object"].status.phase)
            if phases[-1] == "Running":
                stream.stop()
        assert phases[0] in ("Pending", "Running")
        labels = {"metadata": {"labels": {"by": "python"}}}
        assert core.patch_namespaced_pod("py", namespace, labels).metadata.labels["by"] == "python"
        assert [p.metadata.name for p in core.list_namespaced_pod(namespace).items] == ["py"]
        assert core.list_node().items[0].status.node_info.kubelet_version
        gone = core.delete_namespaced_pod("py", namespace, grace_period_seconds=1)
        assert gone.metadata.deletion_timestamp is not None
        for event in watch.Watch().stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
            if event["type"] == "DELETED":
                break
        assert core.list_namespaced_pod(namespace).items == []
        dynamic = kubernetes.dynamic.DynamicClient(client)
        config_maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
        body = {"metadata": {"name": "d"}, "data": {"k": "v"}}
        config_maps.create(body=body, namespace=namespace)
        assert config_maps.get(name="d", namespace=namespace).data["k"] == "v"
        config_maps.create(body={"metadata": {"name": "e"}}, namespace=namespace)
        first = core.list_namespaced_config_map(namespace, limit=1)  # K-27
        token = first.metadata._continue
        rest = core.list_namespaced_config_map(namespace, limit=1, _continue=token)
        assert [part.items[0].metadata.name for part in (first, rest)] == ["d", "e"]
        read = core.read_namespaced_config_map("d", namespace)  # its times come back as +00:00
        read.data = {"k": "w"}
        assert core.replace_namespaced_config_map("d", namespace, read).data == {"k": "w"}
        assert core.delete_namespaced_config_map("d", namespace)["status"] == "Success"


async def test_kubernetes_asyncio(daemon: DaemonProcess, namespace: str) -> None:
    from kubernetes_asyncio import client, config, watch

    configuration = client.Configuration()
    await config.load_kube_config(
        str(daemon.kubeconfig), client_configuration=configuration, persist_config=False
    )
    async with client.ApiClient(configuration) as api, asyncio.timeout(30):
        core = client.CoreV1Api(api)
        await core.create_namespaced_pod(namespace, pod("aio"))
        async with watch.Watch().stream(core.list_namespaced_pod, namespace) as stream:
            async for event in stream:
                if event["object"].status.phase == "Running":
                    break
        patch = {"metadata": {"annotations": {"by": "aio"}}}
        patched = await core.patch_namespaced_pod("aio", namespace, patch)
        assert patched.metadata.annotations["by"] == "aio"
        await core.delete_namespaced_pod("aio", namespace, grace_period_seconds=0)
        assert (await core.list_namespaced_pod(namespace)).items == []


async def test_kr8s(daemon: DaemonProcess, namespace: str) -> None:
    from kr8s.asyncio import api
    from kr8s.asyncio.objects import Pod

    async with asyncio.timeout(30):
        cluster: Any = await api(kubeconfig=str(daemon.kubeconfig), namespace=namespace)
        manifest = pod("kr")
        manifest["metadata"]["namespace"] = namespace
        made = await Pod(manifest, api=cluster)
        await made.create()
        await made.wait("condition=Ready")
        await made.patch({"metadata": {"labels": {"by": "kr8s"}}})
        names = [found.name async for found in cluster.get("pods", namespace=namespace)]
        assert names == ["kr"]
        assert (await Pod.get("kr", namespace=namespace, api=cluster)).labels["by"] == "kr8s"
        assert "one" in [line async for line in made.logs()]
        await made.delete(force=True)
        assert not await made.exists()
