"""What may change in a pod that exists (L-68), and containers that join it (L-253)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.apiserver.ephemeral import validate_ephemeral_containers
from minikubelet.apiserver.strategies.pod_update import validate_pod_update
from minikubelet.apiserver.strategies.pods import complete_pod
from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import a_pod

HEAD = (
    "spec: Forbidden: pod updates may not change fields other than "
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)
GATES = [{"name": "a"}]
TOLERATION = {"key": "a", "operator": "Exists", "effect": "NoExecute"}


def pod(image: str = "busybox:1", **spec: Any) -> Json:
    containers = [{"name": "app", "image": image}]
    return complete_pod(a_pod(metadata={"namespace": "default"}, containers=containers, **spec))


def affinity(*keys: str) -> Json:
    term = {"matchExpressions": [{"key": key, "operator": "Exists"} for key in keys]}
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def with_finalizer(document: Json, name: str) -> Json:
    return {**document, "metadata": {**document["metadata"], "finalizers": [name]}}


def marked_as_mirror(document: Json) -> Json:
    annotations = {"kubernetes.io/config.mirror": "x"}
    return {**document, "metadata": {**document["metadata"], "annotations": annotations}}


def errors(new: Json, old: Json) -> list[str]:
    return [str(error) for error in validate_pod_update(new, old)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(pod(), pod("busybox:2"), id="image"),
        pytest.param(pod(), pod(activeDeadlineSeconds=9), id="deadline set"),
        pytest.param(
            pod(activeDeadlineSeconds=9), pod(activeDeadlineSeconds=3), id="deadline lowered"
        ),
        pytest.param(pod(), pod(tolerations=[TOLERATION]), id="toleration added"),
        pytest.param(
            pod(tolerations=[TOLERATION]),
            pod(tolerations=[{**TOLERATION, "tolerationSeconds": 5}]),
            id="toleration seconds",
        ),
        pytest.param(
            pod(terminationGracePeriodSeconds=-5),
            pod(terminationGracePeriodSeconds=1),
            id="negative grace to 1",
        ),
        pytest.param(
            pod(schedulingGates=[{"name": "a"}, {"name": "b"}]),
            pod(schedulingGates=[{"name": "b"}]),
            id="gate lifted",
        ),
        pytest.param(
            pod(schedulingGates=GATES, nodeSelector={"a": "b"}),
            pod(schedulingGates=GATES, nodeSelector={"a": "b", "c": "d"}),
            id="gated: a node label more",
        ),
        pytest.param(
            pod(schedulingGates=GATES),
            pod(schedulingGates=GATES, affinity=affinity("a")),
            id="gated: affinity set",
        ),
        pytest.param(
            pod(schedulingGates=GATES, affinity=affinity("a")),
            pod(schedulingGates=GATES, affinity=affinity("a", "b")),
            id="gated: affinity narrowed",
        ),
    ],
)
def test_allowed(before: Json, after: Json) -> None:
    assert errors(after, before) == []


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        pytest.param(pod(), pod(""), "spec.containers[0].image: Required value", id="no image"),
        pytest.param(
            pod(),
            pod(" x"),
            'spec.containers[0].image: Invalid value: " x": must not have leading or trailing '
            "whitespace",
            id="blank before the image",
        ),
        pytest.param(
            pod(activeDeadlineSeconds=3),
            pod(activeDeadlineSeconds=9),
            "spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous "
            "value",
            id="deadline raised",
        ),
        pytest.param(
            pod(activeDeadlineSeconds=3),
            pod(),
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive "
            "integer to nil value",
            id="deadline removed",
        ),
        pytest.param(
            pod(tolerations=[TOLERATION]),
            pod(tolerations=[]),
            "spec.tolerations: Forbidden: existing toleration can not be modified except its "
            "tolerationSeconds",
            id="toleration removed",
        ),
        pytest.param(
            pod(),
            pod(schedulingGates=[{"name": "a"}]),
            "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new "
            "scheduling gate 'a'",
            id="gate added",
        ),
        pytest.param(
            pod(schedulingGates=GATES, nodeSelector={"a": "b"}),
            pod(schedulingGates=GATES),
            "spec.nodeSelector: Invalid value: {}: only additions to spec.nodeSelector are allowed "
            "(no mutations or deletions)",
            id="gated: node label removed",
        ),
        pytest.param(
            pod(schedulingGates=GATES, affinity=affinity("a")),
            pod(schedulingGates=GATES, affinity=affinity("b")),
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
            'nodeSelectorTerms[0]: Invalid value: {"matchExpressions":[{"key":"b","operator":'
            '"Exists"}]}: only additions are allowed (no mutations or deletions)',
            id="gated: affinity changed",
        ),
        pytest.param(
            pod(),
            with_finalizer(pod(), "hold"),
            'metadata.finalizers[0]: Invalid value: "hold": name is neither a standard finalizer '
            "name nor is it fully qualified",
            id="a finalizer of nobody",
        ),
        pytest.param(
            pod(),
            marked_as_mirror(pod()),
            "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod "
            "annotation",
            id="mirror mark added",
        ),
        pytest.param(
            marked_as_mirror(pod()),
            pod(),
            "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or "
            "update mirror pod annotation",
            id="mirror mark removed",
        ),
        pytest.param(
            pod(),
            pod(initContainers=[{"name": "i", "image": "x"}]),
            "spec.initContainers: Forbidden: pod updates may not add or remove containers",
            id="container added",
        ),
    ],
)
def test_refused(before: Json, after: Json, error: str) -> None:
    assert errors(after, before) == [error]


def test_anything_else_is_refused_with_the_difference() -> None:
    found = errors(pod(hostname="a", activeDeadlineSeconds=5), pod())
    assert found == [
        HEAD + '...\n    "dnsPolicy": "ClusterFirst",\n    "enableServiceLinks": true,\n'
        '+   "hostname": "a",\n    "restartPolicy": "Always",\n'
        '    "schedulerName": "default-scheduler",\n'
    ]
    assert errors(pod(terminationGracePeriodSeconds=1), pod())[0].startswith(HEAD)


def test_a_missing_container_is_told_alone() -> None:
    old = pod()
    new = {**old, "spec": {**old["spec"], "containers": []}}
    assert errors(new, old) == [
        "spec.containers: Required value",
        "spec.containers: Forbidden: pod updates may not add or remove containers",
    ]


def with_ephemeral(*containers: Json, annotations: Json | None = None) -> Json:
    document = pod(ephemeralContainers=list(containers))
    if annotations:
        document["metadata"]["annotations"] = annotations
    return document


DEBUG = {"name": "debug", "image": "busybox"}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param((), ({**DEBUG, "targetContainerName": "app", "stdin": True},), [], id="good"),
        pytest.param((DEBUG,), (DEBUG, {**DEBUG, "name": "more"}), [], id="one more"),
        pytest.param(
            (DEBUG,),
            (),
            [
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers "
                '"debug" may not be removed\n'
            ],
            id="removed",
        ),
        pytest.param(
            (DEBUG,),
            ({**DEBUG, "image": "other:1"},),
            [
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers "
                '"debug" may not be changed\n'
            ],
            id="changed",
        ),
        pytest.param(
            (),
            ({"name": "app", "image": "x"},),
            ['spec.ephemeralContainers[0].name: Duplicate value: "app"'],
            id="a name that is taken",
        ),
        pytest.param(
            (), ({"name": "d"},), ["spec.ephemeralContainers[0].image: Required value"], id="image"
        ),
        pytest.param(
            (),
            ({**DEBUG, "targetContainerName": "x"},),
            ['spec.ephemeralContainers[0].targetContainerName: Not found: "x"'],
            id="unknown target",
        ),
        pytest.param(
            (),
            (
                {
                    **DEBUG,
                    "ports": [{"containerPort": 80}],
                    "livenessProbe": {"tcpSocket": {"port": 80}},
                    "resources": {"limits": {"cpu": "1"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s"}],
                },
            ),
            [
                'spec.ephemeralContainers[0].volumeMounts[0].name: Not found: "v"',
                "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral "
                "Container",
                "spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an "
                "Ephemeral Container",
                "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral "
                "Container",
                "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for "
                "an Ephemeral Container",
            ],
            id="fields of other containers",
        ),
        pytest.param(
            (),
            (
                {
                    "name": "De.bug",
                    "image": " busybox",
                    "env": [{"name": ""}],
                    "terminationMessagePolicy": "x",
                },
            ),
            [
                'spec.ephemeralContainers[0].image: Invalid value: " busybox": must not have '
                "leading or trailing whitespace",
                'spec.ephemeralContainers[0].name: Invalid value: "De.bug": a lowercase RFC 1123 '
                "label must consist of lower case alphanumeric characters or '-', and must start "
                "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
                "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
                'spec.ephemeralContainers[0].terminationMessagePolicy: Unsupported value: "x": '
                'supported values: "File", "FallbackToLogsOnError"',
                "spec.ephemeralContainers[0].env[0].name: Required value",
            ],
            id="the rules of all containers",
        ),
    ],
)
def test_ephemeral_containers(
    before: tuple[Json, ...], after: tuple[Json, ...], found: list[str]
) -> None:
    new, old = with_ephemeral(*after), with_ephemeral(*before)
    assert [str(error) for error in validate_ephemeral_containers(new, old)] == found


def test_static_pods_take_none() -> None:
    old = with_ephemeral(annotations={"kubernetes.io/config.mirror": "x"})
    assert [str(e) for e in validate_ephemeral_containers(with_ephemeral(DEBUG), old)] == [
        ": Forbidden: static pods do not support ephemeral containers"
    ]
