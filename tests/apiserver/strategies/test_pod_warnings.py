"""What a new Pod is warned of: the `Warning: …` lines of kubectl (K-47)."""

from __future__ import annotations

import pytest

from minikubelet.apiserver.strategies.pod_warnings import pod_warnings
from minikubelet.manifest.json_tree import Json
from tests.apiserver.api import CORE, a_pod, serving_api

PODS = f"{CORE}/pods"
SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"


def a_container(**members: object) -> Json:
    return {"name": "app", "image": "busybox:1", **members}


@pytest.mark.parametrize(
    ("pod", "warnings"),
    [
        pytest.param(a_pod(), [], id="nothing"),
        pytest.param(
            a_pod("a.b"),
            [
                "metadata.name: this is used in the Pod's hostname, which can result in surprising "
                "behavior; a DNS label is recommended: [must not contain dots]"
            ],
            id="a name with dots",
        ),
        pytest.param(
            a_pod(nodeSelector={"beta.kubernetes.io/os": "linux", "a": "b"}),
            [
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
                '"kubernetes.io/os" instead'
            ],
            id="an old label of nodes",
        ),
        pytest.param(
            a_pod(topologySpreadConstraints=[{"topologyKey": "beta.kubernetes.io/arch"}]),
            [
                "spec.topologySpreadConstraints[0].topologyKey: beta.kubernetes.io/arch is "
                'deprecated since v1.14; use "kubernetes.io/arch" instead',
                "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in "
                "matching no pod",
            ],
            id="spreading",
        ),
        pytest.param(
            a_pod(metadata={"annotations": {SECCOMP: "x", "a": "b"}}),
            [
                f"metadata.annotations[{SECCOMP}]: non-functional in v1.27+; use the "
                '"seccompProfile" field instead'
            ],
            id="an annotation of old",
        ),
        pytest.param(
            a_pod(
                metadata={"annotations": {SECCOMP: "x"}},
                securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
            ),
            [],
            id="the annotation beside its field",
        ),
        pytest.param(
            a_pod(
                hostAliases=[{"ip": "1.2.3.4"}, {"ip": "1.2.3.4"}],
                imagePullSecrets=[{}, {"name": "a"}, {"name": "a"}],
            ),
            [
                'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
                'spec.imagePullSecrets[2].name: duplicate name "a"',
                'spec.imagePullSecrets[0].name: invalid empty name ""',
            ],
            id="items given twice",
        ),
        pytest.param(
            a_pod(containers=[a_container(resources={"requests": {"memory": "100m"}})]),
            [
                'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is '
                "invalid, must be an integer"
            ],
            id="a part of a byte",
        ),
        pytest.param(
            a_pod(
                containers=[
                    a_container(
                        env=[
                            {"name": "A", "value": "1"},
                            {"name": "A", "value": "$(A)2"},
                            {"name": "A", "value": "3"},
                            {"name": "B"},
                        ]
                    )
                ]
            ),
            [
                'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped '
                "when using apply"
            ],
            id="a variable again",
        ),
        pytest.param(
            a_pod(
                initContainers=[a_container(ports=[{"containerPort": 80}])],
                containers=[
                    a_container(
                        ports=[
                            {"containerPort": 80},
                            {"containerPort": 80, "protocol": "UDP"},
                            {"containerPort": 81, "hostIP": "127.0.0.1"},
                            {"containerPort": 82, "hostPort": 82},
                            {"containerPort": 82, "hostPort": 82, "hostIP": "127.0.0.1"},
                            {"containerPort": 82},
                        ]
                    )
                ],
            ),
            [
                "spec.containers[0].ports[0]: duplicate port definition with "
                "spec.initContainers[0].ports[0]",
                "spec.containers[0].ports[2]: hostIP set without hostPort: {Name: HostPort:0 "
                "ContainerPort:81 Protocol:TCP HostIP:127.0.0.1}",
                "spec.containers[0].ports[4]: dangerously ambiguous port definition with "
                "spec.containers[0].ports[3]",
                "spec.containers[0].ports[5]: overlapping port definition with "
                "spec.containers[0].ports[3]",
                "spec.containers[0].ports[5]: overlapping port definition with "
                "spec.containers[0].ports[4]",
            ],
            id="ports",
        ),
        pytest.param(
            a_pod(terminationGracePeriodSeconds=-1),
            [
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
                "will be treated as 1"
            ],
            id="a negative grace period",
        ),
    ],
)
def test_warnings(pod: Json, warnings: list[str]) -> None:
    assert list(pod_warnings(pod)) == warnings


async def test_they_are_told_when_the_pod_is_made() -> None:
    async with serving_api() as api:
        made = await api("POST", PODS, a_pod("a.b"))
        assert (made.status, len(made.warnings)) == (201, 1)
        changed = await api.patch(f"{PODS}/a.b", {"metadata": {"labels": {"a": "b"}}})
        assert changed.warnings == ()
