"""Manifest texts to objects: what is accepted, lists, places, and texts for API clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Position, Severity, has_errors
from minikubelet.manifest.read import ReadResult, read_manifest

ROOT = FieldPath()

PODS = {
    "an HTTP liveness probe with a header": """\
apiVersion: v1
kind: Pod
metadata:
  labels:
    test: liveness
  name: liveness-http
spec:
  containers:
  - name: liveness
    image: registry.k8s.io/e2e-test-images/agnhost:2.40
    args:
    - liveness
    livenessProbe:
      httpGet:
        path: /healthz
        port: 8080
        httpHeaders:
        - name: Custom-Header
          value: Awesome
      initialDelaySeconds: 3
      periodSeconds: 3
""",
    "init containers in flow style": """\
apiVersion: v1
kind: Pod
metadata:
  name: init
spec:
  initContainers:
  - {name: one, image: busybox, command: ['sh', '-c', 'sleep 2; echo one']}
  containers:
  - {name: main, image: busybox, command: ['sh', '-c', 'echo The app is running! && sleep 3600']}
""",
    "nulls, an empty status and a creation time, as kubectl prints them": """\
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  name: web
spec:
  containers:
  - image: nginx
    name: web
    resources: {}
    env: null
  dnsPolicy: ClusterFirst
status: {}
""",
    "every kind of value": """\
apiVersion: v1
kind: Pod
metadata:
  name: all
  creationTimestamp: "2026-01-31T12:00:00Z"
  annotations: {"a.example/b": "1"}
spec:
  nodeSelector: {disk: ssd}
  terminationGracePeriodSeconds: 0
  hostNetwork: off
  containers:
  - name: a
    image: b
    resources:
      limits: {cpu: 0.5, memory: 1Gi}
      requests: {cpu: 1e-1, memory: 1000}
    readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1_0}
  volumes:
  - name: config
    configMap: {name: c, defaultMode: 0o400}
  - name: cache
    emptyDir: {sizeLimit: 1.5Gi}
""",
    "as JSON": '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a"}]}}',
}


@pytest.mark.parametrize("text", PODS.values(), ids=PODS.keys())
def test_pods_as_people_write_them(text: str) -> None:
    result = read_manifest(text, "pod.yaml")
    assert not result.findings
    [pod] = result.objects
    assert (pod.api_version, pod.kind, pod.file) == ("v1", "Pod", "pod.yaml")


def test_several_objects_in_one_text() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
        "---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"
        "---\n"
        '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}\n'
    )
    result = read_manifest(text, "all.yaml")
    assert not result.findings
    assert [(item.kind, item.document["metadata"]["name"]) for item in result.objects] == [
        ("ConfigMap", "c"),
        ("Secret", "s"),
        ("Pod", "p"),
    ]


LIST = """\
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: c}
- apiVersion: v1
  kind: List
  items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: p}
    spec:
      nodename: n
"""


def test_lists_are_taken_apart_and_keep_their_places() -> None:
    result = read_manifest(LIST, "list.yaml")
    [config_map] = result.objects
    assert config_map.positions.at(ROOT.child("metadata", "name")) == Position("list.yaml", 7, 14)
    assert [str(finding) for finding in result.findings] == [
        'list.yaml:15: spec.nodename: unknown field; did you mean "nodeName"?'
    ]


def test_an_empty_list_has_no_objects_and_no_findings() -> None:
    assert read_manifest("apiVersion: v1\nkind: List\nitems: []", "f") == ReadResult((), ())


def test_items_that_are_no_list() -> None:
    [finding] = read_manifest("apiVersion: v1\nkind: List\nitems: {}", "f").findings
    assert str(finding) == "f:3: items: a list is wanted, not a mapping"


def test_one_bad_object_spares_the_others() -> None:
    text = "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nspek: {}\n---\na: ["
    result = read_manifest(text, "f")
    assert len(result.objects) == 1
    assert [finding.line for finding in result.findings] == [6, 8]


def test_unknown_and_repeated_fields_may_be_warnings() -> None:  # L-8
    text = "apiVersion: v1\nkind: Pod\nspec: {tpyo: 1, nodeName: a, nodeName: b}\n"
    result = read_manifest(text, "f", unknown=Severity.WARNING)
    assert [finding.severity for finding in result.findings] == [Severity.WARNING] * 2
    [pod] = result.objects
    assert pod.document["spec"] == {"tpyo": 1, "nodeName": "b"}


def test_mistyped_fields_are_errors_even_then() -> None:
    text = "apiVersion: v1\nkind: Pod\nspec: {nodeName: 5}\n"
    result = read_manifest(text, "f", unknown=Severity.WARNING)
    assert has_errors(result.findings)
    assert not result.objects


@pytest.mark.parametrize(
    ("spec", "upstream"),
    [
        pytest.param(  # K-47
            "containers: [{bogus: 1}]", 'unknown field "spec.containers[0].bogus"', id="unknown"
        ),
        pytest.param("nodeName: a, nodeName: b", 'duplicate field "spec.nodeName"', id="repeated"),
        pytest.param(
            "containers: [{env: [{name: A, value: true}]}]",
            "json: cannot unmarshal bool into Go struct field EnvVar.spec.containers.env.value "
            "of type string",
            id="a boolean for a string",
        ),
        pytest.param(
            "containers: {name: a}",
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers "
            "of type []v1.Container",
            id="an object for a list",
        ),
        pytest.param(
            "containers: [{ports: [{containerPort: 99999999999}]}]",
            "json: cannot unmarshal number 99999999999 into Go struct field "
            "ContainerPort.spec.containers.ports.containerPort of type int32",
            id="a number out of range",
        ),
        pytest.param(
            "overhead: {cpu: 1x}",
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="a quantity",
        ),
    ],
)
def test_what_kubernetes_would_say(spec: str, upstream: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nspec: {{{spec}}}\n"
    [finding] = read_manifest(text, "f").findings
    assert finding.upstream == upstream


def test_positions_reach_whoever_validates_later(tmp_path: Path) -> None:
    [pod] = read_manifest(PODS["init containers in flow style"], "pod.yaml").objects
    missing = ROOT.child("spec", "containers").index(0).child("ports")
    assert pod.positions.at(missing) == Position("pod.yaml", 9, 5)
