"""Who is killed first when the machine runs out of memory (L-117).

Upstream: kubernetes pkg/kubelet/qos, GetContainerOOMScoreAdjust. Pure.
"""

from __future__ import annotations

from minikubelet.manifest.pod import Container, Pod, is_sidecar
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.pod.pod_status import QOSClass

GUARANTEED = -997
BEST_EFFORT = 1000


def oom_score_adj(pod: Pod, container: Container, qos: QOSClass, memory_bytes: int) -> int:
    """`oom_score_adj` of a container's processes; `memory_bytes`, above 0, is the node's."""
    if qos is QOSClass.GUARANTEED:
        return GUARANTEED
    if qos is QOSClass.BEST_EFFORT:
        return BEST_EFFORT
    score = _score(_memory_request(container), memory_bytes)
    if is_sidecar(container, init=pod.is_init(container.name)):
        # A sidecar must not go before the containers that it serves.
        smallest = min(_memory_request(regular) for regular in pod.spec.containers)
        score = min(score, _score(smallest, memory_bytes))
    return min(max(score, BEST_EFFORT + GUARANTEED), BEST_EFFORT - 1)


def _memory_request(container: Container) -> int:
    return parse_quantity(container.resources.requests.get("memory", "0")).value()


def _score(request: int, memory_bytes: int) -> int:
    return BEST_EFFORT - BEST_EFFORT * request // memory_bytes
