"""The QoS class (L-258)."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import Container, Pod, ResourceRequirements
from minikubelet.pod.pod_status import QOSClass
from minikubelet.pod.qos import compute_qos_class
from tests.pod.builders import a_container, a_pod, a_sidecar

BOTH = {"cpu": "100m", "memory": "64Mi"}


def with_resources(
    requests: dict[str, str], limits: dict[str, str], name: str = "app"
) -> Container:
    return a_container(name, resources=ResourceRequirements(limits=limits, requests=requests))


FULL = with_resources(BOTH, BOTH)


@pytest.mark.parametrize(
    ("pod", "qos"),
    [
        pytest.param(a_pod(), QOSClass.BEST_EFFORT, id="nothing is asked for"),
        pytest.param(
            a_pod(with_resources({"cpu": "0"}, {"memory": "0"})),
            QOSClass.BEST_EFFORT,
            id="zero is nothing",
        ),
        pytest.param(
            a_pod(with_resources({"ephemeral-storage": "1Gi"}, {})),
            QOSClass.BEST_EFFORT,
            id="only cpu and memory count",
        ),
        pytest.param(a_pod(FULL), QOSClass.GUARANTEED, id="requests equal limits"),
        pytest.param(
            a_pod(with_resources({"cpu": "0.1", "memory": "65536Ki"}, BOTH)),
            QOSClass.GUARANTEED,
            id="equal amounts, written differently",
        ),
        pytest.param(
            a_pod(with_resources({"cpu": "50m", "memory": "64Mi"}, BOTH)),
            QOSClass.BURSTABLE,
            id="a smaller request",
        ),
        pytest.param(
            a_pod(with_resources({"memory": "64Mi"}, {"memory": "64Mi"})),
            QOSClass.BURSTABLE,
            id="only one of the two limits",
        ),
        pytest.param(
            a_pod(with_resources({"cpu": "50m"}, {})), QOSClass.BURSTABLE, id="only a request"
        ),
        pytest.param(
            a_pod(FULL, a_container("b")),
            QOSClass.BURSTABLE,
            id="a container without limits",
        ),
        pytest.param(
            a_pod(FULL, init=[a_sidecar(resources=FULL.resources)]),
            QOSClass.GUARANTEED,
            id="init containers and sidecars count, here with limits",
        ),
        pytest.param(
            a_pod(FULL, init=[a_container("i")]),
            QOSClass.BURSTABLE,
            id="init containers count, here without limits",
        ),
        pytest.param(
            a_pod(resources=ResourceRequirements(limits=BOTH, requests=BOTH)),
            QOSClass.GUARANTEED,
            id="the pod's own resources count instead",
        ),
    ],
)
def test_qos_class(pod: Pod, qos: QOSClass) -> None:
    assert compute_qos_class(pod) is qos
