"""What happens to the fields of a Pod: each has one row, and users hear of those without effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Positions
from minikubelet.manifest.schema import load_schema
from minikubelet.manifest.support import expand, findings_of, support_of
from minikubelet.manifest.support_rows import ROWS, Row, Support

Json = dict[str, Any]
Names = tuple[str, ...]

SECTIONS = {"metadata": "meta.ObjectMeta", "spec": "core.PodSpec", "status": "core.PodStatus"}


def leaves(message: str, names: Names, inside: tuple[str, ...] = ()) -> Iterator[Names]:
    """Every field of a message that has no fields of its own, maps among them."""
    for name, field in load_schema().fields(message).items():
        path = (*names, name)
        if field.is_message and field.type not in inside and not field.shape.endswith("{}"):
            yield from leaves(field.type, path, (*inside, message))
        else:
            yield path


LEAVES = [leaf for section, message in SECTIONS.items() for leaf in leaves(message, (section,))]
MAPS_OF_RESOURCES = ("limits", "requests")


def test_there_are_hundreds_of_fields() -> None:
    assert len(LEAVES) > 600


def test_every_field_has_a_row() -> None:
    assert [".".join(leaf) for leaf in LEAVES if support_of(leaf) is None] == []


def test_every_row_has_a_field() -> None:
    used = {id(support_of(leaf)) for leaf in LEAVES}
    idle = [row for row in ROWS if id(row) not in used]
    # What is left are rows for single resources: they name keys of a map, not fields.
    keys = [names for row in idle for names in expand(row.path)]
    assert {names[-2] for names in keys} == set(MAPS_OF_RESOURCES)
    assert {names[-1] for names in keys} == {"cpu", "memory"}


def test_no_path_stands_in_the_table_twice() -> None:
    paths = [names for row in ROWS for names in expand(row.path)]
    assert len(paths) == len(set(paths))


def test_rows_say_what_a_user_needs() -> None:
    for row in ROWS:
        assert bool(row.note) == (row.support is not Support.HONORED), row.path
        assert bool(row.fix) == (row.support is Support.REFUSED), row.path


@pytest.mark.parametrize(
    ("path", "support"),
    [
        pytest.param("spec.containers.livenessProbe.httpGet.path", Support.HONORED, id="a probe"),
        pytest.param("spec.initContainers.image", Support.EMULATED, id="an image"),
        pytest.param("spec.affinity.podAffinity", Support.ACCEPTED, id="a branch as a whole"),
        pytest.param("spec.volumes.nfs.server", Support.REFUSED, id="a network volume"),
        pytest.param("spec.containers.resources.limits.memory", Support.HONORED, id="memory"),
        pytest.param("spec.containers.resources.limits.nvidia.com/gpu", Support.ACCEPTED, id="gpu"),
    ],
)
def test_the_most_specific_row_counts(path: str, support: Support) -> None:
    row = support_of(tuple(path.split(".")))
    assert isinstance(row, Row)
    assert row.support is support


@pytest.mark.parametrize("path", ["spec.nonsense", "nonsense", "spec", "spec.containers"])
def test_what_is_no_field_has_no_row(path: str) -> None:
    assert support_of(tuple(path.split("."))) is None


def found(spec: Json, **sections: Json) -> list[str]:
    document = {"spec": spec, **sections}
    return [str(finding) for finding in findings_of(document, Positions("pod.yaml"))]


def found_in_container(**fields: Any) -> list[str]:
    return found({"containers": [fields]})


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"nodeSelector": {}, "affinity": {}, "tolerations": []}, id="empty fields"),
        pytest.param({"affinity": None}, id="null"),
        pytest.param({"dnsPolicy": "ClusterFirst", "hostUsers": True}, id="values of the default"),
        pytest.param({"schedulerName": "default-scheduler"}, id="the default scheduler"),
        pytest.param({"os": {"name": "linux"}}, id="the system that it is"),
        pytest.param({"volumes": [{"name": "v", "emptyDir": {}}]}, id="an emptyDir"),
        pytest.param(
            {"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]},
            id="the same port on the host",
        ),
        pytest.param(
            {"containers": [{"securityContext": {"privileged": False, "runAsUser": 1}}]},
            id="not privileged",
        ),
        pytest.param(
            {"containers": [{"securityContext": {"allowPrivilegeEscalation": False}}]},
            id="no escalation",
        ),
        pytest.param(
            {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]},
            id="limits that hold",
        ),
    ],
)
def test_nothing_to_say(spec: Json) -> None:
    assert found(spec) == []


NO_ISOLATION = "has no effect: no container isolation: the process runs with the rights of its user"


@pytest.mark.parametrize(
    ("fields", "findings"),
    [
        pytest.param(
            {"securityContext": {"capabilities": {"add": ["A"], "drop": ["ALL"]}}},
            ["pod.yaml: warning: spec.containers[0].securityContext.capabilities: " + NO_ISOLATION],
            id="one warning for a branch",
        ),
        pytest.param(
            {"ports": [{"containerPort": 80, "hostPort": 8080}]},
            [
                "pod.yaml: warning: spec.containers[0].ports[0].hostPort: "
                "no port is mapped: the process has to listen on it itself"
            ],
            id="another port on the host",
        ),
        pytest.param(
            {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}},
            [
                "pod.yaml: warning: spec.containers[0].resources.limits: "
                "has no effect: only cpu and memory count"
            ],
            id="a resource that does not count",
        ),
        pytest.param(
            {"livenessProbe": {"grpc": {"port": 1, "mode": "TLS"}}},
            [
                "pod.yaml: spec.containers[0].livenessProbe.grpc.mode: "
                "not supported: gRPC probes are not encrypted; remove it"
            ],
            id="what would change the meaning of a probe",
        ),
        pytest.param(
            {"lifecycle": {"preStop": {"tcpSocket": {"port": 1, "host": "x"}}}},
            [
                "pod.yaml: warning: spec.containers[0].lifecycle.preStop.tcpSocket: "
                "has no effect: Kubernetes has no such hook: it fails when it is due"
            ],
            id="a hook that Kubernetes does not have",
        ),
    ],
)
def test_findings_of_a_container(fields: Json, findings: list[str]) -> None:
    assert found_in_container(**fields) == findings


@pytest.mark.parametrize(
    ("spec", "findings"),
    [
        pytest.param(
            {"nodeSelector": {"example.com/zone": "a"}},
            [
                "pod.yaml: warning: spec.nodeSelector: "
                "the pod runs here, whatever it says: there is one node"
            ],
            id="a node selector",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            [
                "pod.yaml: spec.volumes[0].persistentVolumeClaim: not supported: "
                "there are no persistent volumes; use a hostPath or emptyDir volume"
            ],
            id="a persistent volume",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "nfs": {}}]},
            [
                "pod.yaml: spec.volumes[0].nfs: not supported: it cannot be mounted; "
                "mount it on the host, and use a hostPath volume"
            ],
            id="also without its fields",
        ),
        pytest.param(
            {
                "volumes": [
                    {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
                ]
            },
            [
                "pod.yaml: warning: spec.volumes[0].projected.sources[0].serviceAccountToken: "
                "has no effect: its file is left out: there are no service account tokens"
            ],
            id="a service account token",  # L-145
        ),
        pytest.param(
            {"volumes": [{"projected": {"sources": [{"clusterTrustBundle": {"path": "t"}}]}}]},
            [
                "pod.yaml: spec.volumes[0].projected.sources[0].clusterTrustBundle: "
                "not supported: there are no certificates of a cluster; "
                "remove it, or project a Secret"
            ],
            id="a certificate of a cluster",
        ),
    ],
)
def test_findings_of_a_pod(spec: Json, findings: list[str]) -> None:
    assert found(spec) == findings


def test_a_finding_has_the_place_of_its_field() -> None:
    positions = Positions("pod.yaml", {(): (1, 1), ("spec", "subdomain"): (7, 3)})
    [finding] = findings_of({"spec": {"subdomain": "x"}}, positions)
    assert (finding.line, finding.column, finding.path) == (
        7,
        3,
        FieldPath().child("spec", "subdomain"),
    )


def test_metadata_and_status_of_another_cluster() -> None:
    metadata = {"name": "p", "labels": {"a": "b"}, "managedFields": [{"manager": "m"}]}
    assert found({}, metadata=metadata, status={"phase": "Running", "podIP": "1"}) == [
        "pod.yaml: warning: metadata.managedFields: has no effect: set by minikubelet itself",
        "pod.yaml: warning: status: has no effect: computed by minikubelet itself",
    ]


NAMES = st.sampled_from(["spec", "containers", "volumes", "nfs", "resources", "limits", "x", ""])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.just("text"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(spec=TREES)
def test_any_document_has_one_finding_per_place(spec: Any) -> None:
    findings = findings_of({"spec": spec}, Positions("pod.yaml"))
    paths = [finding.path for finding in findings]
    assert len(paths) == len(set(paths))
