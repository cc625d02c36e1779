"""The Node: what it says, what users keep of it, and how it stays alive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minikubelet.node.host_facts import Pressure, read_host_facts, read_pressure
from minikubelet.node.node_match import Taint
from minikubelet.node.node_object import NodeIdentity, node_document, node_facts
from minikubelet.store.objects import Key
from tests.fakes.daemon import HOST, a_daemon
from tests.pod.builders import at

IDENTITY = NodeIdentity(
    "node", "10.0.0.1", {"disk": "ssd"}, 20, "v1.33.0", "process://1", api_port=7443
)
NODE, LEASE = (
    Key("", "nodes", "", "node"),
    Key("coordination.k8s.io", "leases", "kube-node-lease", "node"),
)


def a_node(**members: Any) -> dict[str, Any]:
    return node_document(IDENTITY, HOST, Pressure(), at(0), uid="u", **members)


def test_what_kubectl_reads_of_a_node() -> None:  # section 8
    node = a_node()
    status = node["status"]
    assert (
        status["capacity"]
        == status["allocatable"]
        == {
            "cpu": "4",
            "memory": "8388608Ki",
            "ephemeral-storage": "104857600Ki",
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
            "pods": "20",
        }
    )
    assert status["addresses"] == [
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "Hostname", "address": "node"},
    ]
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 7443}}
    assert status["nodeInfo"] == {
        "machineID": "m",
        "systemUUID": "s",
        "bootID": "boot-1",
        "kernelVersion": "6.1",
        "osImage": "Debian",
        "containerRuntimeVersion": "process://1",
        "kubeletVersion": "v1.33.0",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]
    assert node["metadata"]["labels"] == {
        "kubernetes.io/hostname": "node",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "disk": "ssd",
    }


def test_what_users_write_into_a_node_stays() -> None:
    node = a_node()
    node["metadata"]["labels"] |= {"team": "a", "kubernetes.io/os": "dos"}
    node["metadata"]["annotations"] = {"note": "x"}
    taint = {"key": "gpu", "effect": "NoSchedule"}
    node["spec"] |= {"unschedulable": True, "taints": [taint]}
    again = node_document(IDENTITY, HOST, Pressure(), at(60), stored=node)
    labels = again["metadata"]["labels"]
    assert (labels["team"], labels["kubernetes.io/os"]) == ("a", "linux")
    assert again["metadata"]["annotations"] == {"note": "x"}
    assert again["spec"] == {"unschedulable": True, "taints": [taint]}
    assert again["metadata"]["uid"] == "u"
    facts = node_facts(IDENTITY, again, HOST)
    assert facts.unschedulable
    assert facts.taints == (Taint("gpu", "", "NoSchedule"),)


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    node = node_document(IDENTITY, HOST, Pressure(), at(60), stored=a_node())
    node = node_document(IDENTITY, HOST, Pressure(memory=True), at(120), stored=node)
    memory, disk = node["status"]["conditions"][:2]
    assert memory["reason"] == "KubeletHasInsufficientMemory"
    assert memory["lastTransitionTime"] == "2026-01-01T00:02:00Z"
    assert disk["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert disk["lastHeartbeatTime"] == "2026-01-01T00:02:00Z"


def test_this_host_has_facts(tmp_path: Path) -> None:
    host = read_host_facts(tmp_path / "not" / "made" / "yet")
    assert host.cpu_count > 0
    assert host.memory_bytes > 0
    assert host.storage_bytes > 0
    assert host.kernel_version
    assert not read_pressure(tmp_path).pid


async def test_events_of_a_node_that_starts() -> None:
    async with a_daemon() as daemon:
        assert daemon.events("node") == [
            "Normal Starting: Starting kubelet.",
            "Normal NodeReady: Node node status is now: NodeReady",
        ]
        daemon.parts.publisher.start()
        assert daemon.events("node")[2:] == ["Normal Starting: Starting kubelet."]


async def test_a_host_that_booted_anew_is_told() -> None:
    def boot(node: dict[str, Any]) -> None:
        node["status"]["nodeInfo"]["bootID"] = "boot-0"

    async with a_daemon() as daemon:
        await daemon.change_node(boot)
        daemon.parts.publisher.start()
        assert daemon.events("node")[-1] == (
            "Warning Rebooted: Node node has been rebooted, boot id: boot-1"
        )


async def test_the_lease_is_renewed_and_the_status_seldom_written() -> None:
    async with a_daemon() as daemon:
        node = daemon.store.get(NODE)
        daemon.parts.publisher.beat(Pressure())
        assert daemon.store.get(NODE) == node
        lease = daemon.store.get(LEASE)
        assert lease is not None
        spec = lease.document["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("node", 40)
        await daemon.clock.advance(10)
        daemon.parts.publisher.beat(Pressure())
        assert daemon.store.get(NODE) == node
        renewed = daemon.store.get(LEASE)
        assert renewed is not None
        assert renewed.document["spec"]["renewTime"] == "2026-01-01T00:00:10.000000Z"
        daemon.parts.publisher.beat(Pressure(disk=True))
        assert daemon.store.get(NODE) != node


async def test_a_deleted_node_comes_back() -> None:
    async with a_daemon() as daemon:
        daemon.store.remove(NODE)
        daemon.parts.publisher.beat(Pressure())
        assert daemon.store.get(NODE) is not None


@pytest.mark.parametrize("seconds", [290, 310])
async def test_the_heartbeat_is_reported_every_five_minutes(seconds: int) -> None:
    async with a_daemon() as daemon:
        node = daemon.store.get(NODE)
        await daemon.clock.advance(seconds)
        daemon.parts.publisher.beat(Pressure())
        assert (daemon.store.get(NODE) == node) == (seconds < 300)
