"""Tables: columns and cells of kinds, the parts of an answer (wire spec, section 9)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.apiserver.tables import IncludeObject, table
from minikubelet.manifest.json_tree import Json
from minikubelet.store.kinds import RESOURCES, Resource, resource_of
from tests.apiserver.tables import (
    AGE,
    CREATED,
    NOW,
    an_object,
    cells,
    entry,
    the_table,
)


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        pytest.param(
            "Pod",
            an_object(
                spec={"containers": [{}, {}], "nodeName": "n1"},
                status={
                    "phase": "Running",
                    "podIP": "127.0.0.1",
                    "podIPs": [{"ip": "127.0.0.1"}],
                    "containerStatuses": [
                        entry(
                            "a",
                            restartCount=2,
                            lastState={"terminated": {"finishedAt": "2026-01-01T11:59:50.5Z"}},
                        ),
                        entry("b", ready=False),
                    ],
                },
            ),
            {
                "NAME": "x",
                "READY": "1/2",
                "STATUS": "Running",
                "RESTARTS": "2 (9s ago)",
                "AGE": AGE,
                "IP+": "127.0.0.1",
                "NODE+": "n1",
                "NOMINATED NODE+": "<none>",
                "READINESS GATES+": "<none>",
            },
            id="a pod with a restart",
        ),
        pytest.param(
            "Node",
            an_object(
                metadata={
                    "labels": {
                        "node-role.kubernetes.io/worker": "",
                        "node-role.kubernetes.io/edge": "",
                        "kubernetes.io/role": "old",
                    }
                },
                spec={"unschedulable": True},
                status={
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [
                        {"type": "Hostname", "address": "h"},
                        {"type": "InternalIP", "address": "127.0.0.1"},
                    ],
                    "nodeInfo": {
                        "kubeletVersion": "v1.33.0",
                        "osImage": "Linux",
                        "kernelVersion": "6.1",
                    },
                },
            ),
            {
                "NAME": "x",
                "STATUS": "Ready,SchedulingDisabled",
                "ROLES": "edge,old,worker",
                "AGE": AGE,
                "VERSION": "v1.33.0",
                "INTERNAL-IP+": "127.0.0.1",
                "EXTERNAL-IP+": "<none>",
                "OS-IMAGE+": "Linux",
                "KERNEL-VERSION+": "6.1",
                "CONTAINER-RUNTIME+": "<unknown>",
            },
            id="a cordoned node",
        ),
        pytest.param(
            "Event",
            an_object(
                type="Warning",
                reason="BackOff",
                message="Back-off restarting\n",
                count=3,
                firstTimestamp="2026-01-01T11:59:00Z",
                lastTimestamp="2026-01-01T11:59:58Z",
                source={"component": "kubelet", "host": "n1"},
                involvedObject={
                    "kind": "Pod",
                    "name": "web",
                    "fieldPath": "spec.containers{app}",
                },
            ),
            {
                "LAST SEEN": "2s",
                "TYPE": "Warning",
                "REASON": "BackOff",
                "OBJECT": "pod/web",
                "SUBOBJECT+": "spec.containers{app}",
                "SOURCE+": "kubelet, n1",
                "MESSAGE": "Back-off restarting",
                "FIRST SEEN+": "60s",
                "COUNT+": 3,
                "NAME+": "x",
            },
            id="an event of the kubelet",
        ),
        pytest.param(
            "Event",
            an_object(
                type="Normal",
                reason="Started",
                note="Container started",
                eventTime="2026-01-01T11:59:00.000000Z",
                series={"count": 4, "lastObservedTime": "2026-01-01T11:59:59.000000Z"},
                reportingController="kubelet",
                regarding={"kind": "Node"},
            ),
            {
                "LAST SEEN": "1s",
                "TYPE": "Normal",
                "REASON": "Started",
                "OBJECT": "node",
                "SUBOBJECT+": "",
                "SOURCE+": "kubelet",
                "MESSAGE": "Container started",
                "FIRST SEEN+": "60s",
                "COUNT+": 4,
                "NAME+": "x",
            },
            id="an event of events.k8s.io that is a series",
        ),
        pytest.param(
            "Service",
            an_object(
                spec={
                    "type": "NodePort",
                    "clusterIP": "10.96.0.9",
                    "selector": {"b": "2", "a": "1"},
                    "ports": [
                        {"port": 80, "protocol": "TCP"},
                        {"port": 443, "nodePort": 30443, "protocol": "TCP"},
                    ],
                }
            ),
            {
                "NAME": "x",
                "TYPE": "NodePort",
                "CLUSTER-IP": "10.96.0.9",
                "EXTERNAL-IP": "<none>",
                "PORT(S)": "80/TCP,443:30443/TCP",
                "AGE": AGE,
                "SELECTOR+": "a=1,b=2",
            },
            id="a service with a node port",
        ),
        pytest.param(
            "Endpoints",
            an_object(
                subsets=[
                    {
                        "addresses": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
                        "ports": [{"port": 80}, {"port": 443}],
                    }
                ]
            ),
            {
                "NAME": "x",
                "ENDPOINTS": "10.0.0.1:80,[fd00::1]:80,10.0.0.1:443 + 1 more...",
                "AGE": AGE,
            },
            id="endpoints beyond three are counted",
        ),
        pytest.param(
            "EndpointSlice",
            an_object(addressType="IPv4", ports=[{"port": 80}], endpoints=[]),
            {
                "NAME": "x",
                "ADDRESSTYPE": "IPv4",
                "PORTS": "80",
                "ENDPOINTS": "<unset>",
                "AGE": AGE,
            },
            id="a slice without endpoints",
        ),
        pytest.param(
            "ConfigMap",
            an_object(data={"a": "1"}, binaryData={"b": ""}),
            {"NAME": "x", "DATA": 2, "AGE": AGE},
            id="a config map counts both kinds of data",
        ),
        pytest.param(
            "Secret",
            an_object(type="kubernetes.io/tls", data={"a": "", "b": ""}),
            {"NAME": "x", "TYPE": "kubernetes.io/tls", "DATA": 2, "AGE": AGE},
            id="a secret",
        ),
        pytest.param(
            "ServiceAccount",
            an_object(secrets=[{"name": "s"}]),
            {"NAME": "x", "SECRETS": 1, "AGE": AGE},
            id="a service account",
        ),
        pytest.param(
            "Namespace",
            an_object(status={"phase": "Terminating"}),
            {"NAME": "x", "STATUS": "Terminating", "AGE": AGE},
            id="a namespace",
        ),
        pytest.param(
            "PodMetrics",
            an_object(),
            {"NAME": "x", "CREATED AT": CREATED},
            id="a kind without columns of its own",
        ),
    ],
)
def test_cells(name: str, document: Json, expected: dict[str, Any]) -> None:
    assert cells(name, document) == expected


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        pytest.param({"phase": "Failed", "reason": "Evicted"}, "Evicted", id="reason over phase"),
        pytest.param({"phase": "Odd"}, "Odd", id="a phase that a client made up"),
        pytest.param(
            {
                "phase": "Pending",
                "initContainerStatuses": [
                    entry("i1", state={"terminated": {"exitCode": 0}}),
                    entry("i2", state={"terminated": {"exitCode": 137, "signal": 9}}),
                ],
            },
            "Init:Signal:9",
            id="an init container killed by a signal",
        ),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [entry("a", state={"terminated": {"exitCode": 3}})],
            },
            "ExitCode:3",
            id="an exit code without a reason",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [entry("a", state={})]},
            "Pending",
            id="a container without a state says nothing",
        ),
    ],
)
def test_status_of_a_pod(status: Json, shown: str) -> None:
    document = an_object(spec={"containers": [{}], "initContainers": [{}, {}]}, status=status)
    assert cells("Pod", document)["STATUS"] == shown


def test_the_envelope() -> None:
    found = the_table("ConfigMap", an_object(), version="v1beta1")
    assert {key: found[key] for key in ("kind", "apiVersion", "metadata")} == {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1beta1",
        "metadata": {"resourceVersion": "7"},
    }
    name, data, _ = found["columnDefinitions"]
    assert (name["name"], name["type"], name["format"], name["priority"]) == (
        "Name",
        "string",
        "name",
        0,
    )
    assert set(data) == {"name", "type", "format", "description", "priority"}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        pytest.param(
            "Metadata",
            {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": an_object()["metadata"],
            },
            id="metadata by default",
        ),
        pytest.param("Object", an_object(data={"a": "1"}), id="the object when asked for"),
        pytest.param("None", None, id="nothing when asked for"),
    ],
)
def test_included_object(include: IncludeObject, expected: Json | None) -> None:  # K-60
    found = the_table("ConfigMap", an_object(data={"a": "1"}), include=include)
    assert found["rows"][0]["object"] == expected


@pytest.mark.parametrize(
    ("phase", "reasons"), [("Running", []), ("Succeeded", ["Succeeded"]), ("Failed", ["Failed"])]
)
def test_finished_pods_are_completed(phase: str, reasons: list[str]) -> None:  # K-63
    row = the_table("Pod", an_object(status={"phase": phase}))["rows"][0]
    found = [(c["type"], c["status"], c["reason"]) for c in row.get("conditions", ())]
    assert found == [("Completed", "True", reason) for reason in reasons]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: f"{r.group_resource} {r.version}")
def test_every_kind_has_a_row_for_a_bare_object(resource: Resource) -> None:  # K-61
    found = table(resource, [{}], include="None", now=NOW, list_metadata={})
    assert len(found["rows"][0]["cells"]) == len(found["columnDefinitions"])
    assert [d["name"] for d in found["columnDefinitions"] if not d["description"]] == []


def test_wide_columns_of_a_pod_are_marked() -> None:
    resource = resource_of("v1", "Pod")
    assert resource is not None
    found = table(resource, [], include="None", now=NOW, list_metadata={})
    assert [c["priority"] for c in found["columnDefinitions"]] == [0, 0, 0, 0, 0, 1, 1, 1, 1]
