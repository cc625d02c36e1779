"""oom_score_adj of containers."""

from __future__ import annotations

import pytest

from minikubelet.manifest.pod import ResourceRequirements
from minikubelet.pod.oom import oom_score_adj
from minikubelet.pod.pod_status import QOSClass
from tests.pod.builders import a_container, a_pod, a_sidecar

NODE_MEMORY = 1000 * 2**20


def asking(memory: str) -> ResourceRequirements:
    return ResourceRequirements(requests={"memory": memory} if memory else {})


# L-117
@pytest.mark.parametrize(
    ("qos", "memory", "score"),
    [
        pytest.param(QOSClass.GUARANTEED, "100Mi", -997, id="guaranteed"),
        pytest.param(QOSClass.BEST_EFFORT, "", 1000, id="best effort"),
        pytest.param(QOSClass.BURSTABLE, "100Mi", 900, id="a tenth of the node"),
        pytest.param(QOSClass.BURSTABLE, "999Mi", 3, id="almost all: above a guaranteed one"),
        pytest.param(QOSClass.BURSTABLE, "2000Mi", 3, id="more than there is"),
        pytest.param(QOSClass.BURSTABLE, "", 999, id="nothing: below best effort"),
        pytest.param(QOSClass.BURSTABLE, "1", 999, id="a byte"),
        pytest.param(QOSClass.BURSTABLE, "2.5Mi", 998, id="a part of a thousandth counts down"),
    ],
)
def test_score(qos: QOSClass, memory: str, score: int) -> None:
    container = a_container(resources=asking(memory))
    assert oom_score_adj(a_pod(container), container, qos, NODE_MEMORY) == score


# L-117
@pytest.mark.parametrize(
    ("sidecar", "regular", "score"),
    [
        pytest.param("", ("100Mi", "300Mi"), 900, id="no higher than the smallest regular one"),
        pytest.param("200Mi", ("100Mi",), 800, id="its own request when that protects it more"),
    ],
)
def test_a_sidecar_does_not_go_before_whom_it_serves(
    sidecar: str, regular: tuple[str, ...], score: int
) -> None:
    side = a_sidecar(resources=asking(sidecar))
    containers = [a_container(f"c{n}", resources=asking(m)) for n, m in enumerate(regular)]
    pod = a_pod(*containers, init=[side])
    assert oom_score_adj(pod, side, QOSClass.BURSTABLE, NODE_MEMORY) == score
