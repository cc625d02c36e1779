"""Whether a restart of all containers is under way (L-166).

Upstream: kubernetes pkg/kubelet/container/helpers.go, ShouldAllContainersRestart. Pure.
"""

from __future__ import annotations

from minikubelet.manifest.pod import Container, Pod
from minikubelet.pod.observed import ObservedPod
from minikubelet.pod.pod_status import PodStatus, Terminated
from minikubelet.pod.restarts import RestartDecision, restart_all_trigger, restart_decision

RESTARTING_ALL_CONTAINERS = "RestartingAllContainers"
"""Reason of the containers that were removed."""
ALL_CONTAINERS_RESTARTING = "AllContainersRestarting"
"""Type of the pod's condition."""


def is_restarting_all(pod: Pod, observed: ObservedPod, previous: PodStatus | None) -> bool:
    """Whether a restart of all containers is under way: asked for, or everything just removed.

    The instance whose exit asked for it is removed last, so while any is left it is one of them
    (L-166).
    """
    if restart_all_trigger(pod, observed) is not None:
        return True
    if previous is None or any(observed.runs.values()):
        return False
    condition = previous.condition(ALL_CONTAINERS_RESTARTING)
    if condition is not None and condition.status == "True":
        return True
    return any(_asked_restart_all(pod, container, previous) for container in pod.containers())


def _asked_restart_all(pod: Pod, container: Container, previous: PodStatus) -> bool:
    status = previous.container(container.name)
    if status is None or not isinstance(status.state, Terminated):
        return False
    init = pod.is_init(container.name)
    decision = restart_decision(pod, container, init=init, exit_code=status.state.exit_code)
    return decision is RestartDecision.RESTART_ALL
