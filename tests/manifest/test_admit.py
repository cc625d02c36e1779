"""The whole way of an input: identity, defaults, errors, warnings, and what may run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from minikubelet.manifest.admit import Admitted, Identity, admit
from minikubelet.manifest.meta import ConfigMap, ObjectMeta, Secret
from minikubelet.manifest.pod import Container, ContainerPort, Pod, PodSecurityContext, PodSpec
from minikubelet.manifest.read import read_manifest

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
IDENTITY = Identity(lambda: "uid-1", lambda: "x7k2z", CREATED_AT)

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: app
    image: busybox:1
"""


def admit_texts(*texts: str, identity: Identity = IDENTITY) -> Admitted:
    names = [f"{letter}.yaml" for letter in "abcdef"]
    return admit(
        [read_manifest(text, name) for text, name in zip(texts, names, strict=False)], identity
    )


def lines_of(*texts: str) -> list[str]:
    return [str(finding) for finding in admit_texts(*texts).findings]


def test_a_pod_gets_what_creation_gives() -> None:  # L-12, L-27 … L-29, L-33
    [manifest] = admit_texts(POD).pods
    assert manifest.pod == Pod(
        ObjectMeta(
            name="web",
            namespace="default",
            uid="uid-1",
            generation=1,
            creation_timestamp=CREATED_AT.replace(microsecond=0),
        ),
        PodSpec(containers=(Container("app", "busybox:1"),), security_context=PodSecurityContext()),
    )
    assert manifest.document["metadata"] == {
        "name": "web",
        "namespace": "default",
        "uid": "uid-1",
        "generation": 1,
        "creationTimestamp": "2026-03-04T05:06:07Z",
    }
    assert manifest.document["spec"]["terminationGracePeriodSeconds"] == 30


def test_creation_time_is_utc() -> None:
    identity = Identity(str, str, CREATED_AT.astimezone(timezone(timedelta(hours=2))))
    [manifest] = admit_texts(POD, identity=identity).pods
    assert manifest.document["metadata"]["creationTimestamp"] == "2026-03-04T05:06:07Z"


def test_generated_name() -> None:  # L-34
    [manifest] = admit_texts(POD.replace("name: web", "generateName: web-")).pods
    assert manifest.pod.metadata.name == "web-x7k2z"


def test_an_object_of_another_cluster_starts_anew() -> None:
    metadata = (
        "name: web\n  uid: ../../x\n  generation: 7\n  namespace: prod\n"
        "  deletionTimestamp: '2026-01-01T00:00:00Z'\n  deletionGracePeriodSeconds: 5\n"
    )
    admitted = admit_texts(POD.replace("name: web\n", metadata, 1))
    [manifest] = admitted.pods
    assert manifest.pod.metadata == ObjectMeta(
        name="web",
        namespace="prod",
        uid="uid-1",
        generation=1,
        creation_timestamp=CREATED_AT.replace(microsecond=0),
    )
    assert [str(finding.path) for finding in admitted.findings] == [
        "metadata.uid",
        "metadata.generation",
        "metadata.deletionTimestamp",
        "metadata.deletionGracePeriodSeconds",
    ]


def test_the_written_document_stays_as_it_is() -> None:
    result = read_manifest(POD, "a.yaml")
    admit([result], IDENTITY)
    assert result == read_manifest(POD, "a.yaml")


def test_objects_that_pods_use() -> None:
    text = """\
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: prod}
stringData: {k: v}
"""
    admitted = admit_texts(text, POD)
    assert [(one.metadata.name, one.data) for one in admitted.config_maps] == [("c", {"k": "v"})]
    assert [(one.metadata.namespace, one.data) for one in admitted.secrets] == [
        ("prod", {"k": b"v"})
    ]
    assert (len(admitted.pods), admitted.findings) == (1, ())
    assert isinstance(admitted.config_maps[0], ConfigMap)
    assert isinstance(admitted.secrets[0], Secret)


@pytest.mark.parametrize(
    ("texts", "findings"),
    [
        pytest.param(  # L-35
            (POD.replace("name: app", "name: App").replace("image: busybox:1", "image: ''"),),
            [
                'a.yaml:7: spec.containers[0].name: Invalid value: "App": a lowercase RFC 1123 '
                "label must consist of lower case alphanumeric characters or '-', and must start "
                "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
                "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
                "a.yaml:8: spec.containers[0].image: Required value",
            ],
            id="errors at their lines",
        ),
        pytest.param(  # L-17
            (POD, POD),
            [
                'b.yaml:4: metadata.name: Duplicate value: "web"; '
                "rename it: a.yaml:4 has a Pod of this name"
            ],
            id="a name twice in two files",
        ),
        pytest.param(
            (POD + "  dnsPolicy: None\n",),
            [
                "a.yaml:5: spec.dnsConfig: Required value: "
                "must provide `dnsConfig` when `dnsPolicy` is None",
                "a.yaml:9: warning: spec.dnsPolicy: has no effect: "
                "names are resolved as on the host",
            ],
            id="an absent field, at the place of its parent",
        ),
        pytest.param(
            (POD + "  nodeSelector: {a: b}\n  subdomain: x\n",),
            [
                "a.yaml:9: warning: spec.nodeSelector: the pod runs here, whatever it says: "
                "there is one node",
                "a.yaml:10: warning: spec.subdomain: has no effect: there is no cluster DNS",
            ],
            id="fields that have no effect",
        ),
        pytest.param(
            (POD + "  subdomain: a.b\n",),
            ['a.yaml:9: spec.subdomain: Invalid value: "a.b": must not contain dots'],
            id="an error says more than a warning",
        ),
        pytest.param(  # P-303
            (POD + "    livenessProbe: {httpGet: {port: web}}\n",),
            [
                "a.yaml:9: warning: spec.containers[0].livenessProbe.httpGet.port: no port of "
                'this container is named "web": on a cluster the probe errors each time and '
                "never counts; name it in ports, or give its number"
            ],
            id="a port that nobody declares",
        ),
        pytest.param(
            ("kind: [", POD + "  nonsense: 1\n  subdomain: x\n"),
            [
                "a.yaml:1:8: a value is missing here; close the [ or { above, or add the value",
                "b.yaml:9: spec.nonsense: unknown field",
            ],
            id="what cannot be read",
        ),
    ],
)
def test_findings(texts: tuple[str, ...], findings: list[str]) -> None:
    assert lines_of(*texts) == findings


def test_same_name_in_another_namespace_or_kind() -> None:
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
    other = POD.replace("name: web", "name: web\n  namespace: prod")
    assert lines_of(POD, other, config_map) == []


def test_what_has_an_error_may_not_run() -> None:
    refused = POD + "  volumes: [{name: v, nfs: {server: s, path: /}}]\n"
    admitted = admit_texts(POD.replace("app", "App"), refused.replace("web", "other"))
    assert (admitted.pods, len(admitted.findings)) == ((), 2)


def test_ports_of_the_host_are_defaulted_before_validation() -> None:  # L-30, L-51
    text = POD + "    ports: [{containerPort: 80}]\n  hostNetwork: true\n"
    [manifest] = admit_texts(text).pods
    assert manifest.pod.spec.containers[0].ports == (ContainerPort(80, host_port=80),)
