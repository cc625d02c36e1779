"""The quality-of-service class of a pod (L-258, L-259).

Upstream: kubernetes pkg/apis/core/v1/helper/qos, ComputePodQOS. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from minikubelet.manifest.pod import Pod
from minikubelet.manifest.quantity import parse_quantity
from minikubelet.pod.pod_status import QOSClass

_COUNTED = frozenset({"cpu", "memory"})


def compute_qos_class(pod: Pod) -> QOSClass:
    """The class by requests and limits of cpu and memory.

    `spec.resources`, if set, counts instead of the containers'. Defaults are expected to be filled
    in: a limit alone is also a request (L-29).
    """
    if pod.spec.resources is not None:
        parts = [pod.spec.resources]
    else:
        parts = [container.resources for container in pod.containers()]
    requests = _sums(part.requests for part in parts)
    limits = _sums(part.limits for part in parts)
    if not requests and not limits:
        return QOSClass.BEST_EFFORT
    limited = all(_counted(part.limits).keys() == _COUNTED for part in parts)
    return QOSClass.GUARANTEED if limited and requests == limits else QOSClass.BURSTABLE


def _sums(parts: Iterable[Mapping[str, str]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for part in parts:
        sums.update(_counted(part))
    return sums


def _counted(resources: Mapping[str, str]) -> Mapping[str, int]:
    """The cpu and memory that are above zero, in nano units."""
    amounts = {name: parse_quantity(resources[name]).nano for name in _COUNTED & resources.keys()}
    return {name: amount for name, amount in amounts.items() if amount > 0}
