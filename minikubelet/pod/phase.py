"""The phase of a pod from its container statuses (lifecycle spec, section 17).

Upstream: kubernetes pkg/kubelet, getPhase. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from minikubelet.manifest.pod import Container, Pod, is_sidecar
from minikubelet.pod.pod_status import ContainerStatus, PodPhase, Running, Terminated
from minikubelet.pod.restart_all import RESTARTING_ALL_CONTAINERS
from minikubelet.pod.restarts import RestartDecision, restart_decision
from minikubelet.value_class import dataclass


@dataclass(slots=True)
class _Count:
    pending_init: int = 0
    failed_init: int = 0
    """Init containers that failed and do not run again."""
    pending_sidecars: int = 0
    running: int = 0
    waiting: int = 0
    unknown: int = 0
    stopped: int = 0
    restartable: int = 0
    succeeded: int = 0


def is_static(pod: Pod) -> bool:
    """Whether the pod came from a manifest directory, not through the API (L-14)."""
    source = pod.metadata.annotations.get("kubernetes.io/config.source")
    return source is not None and source != "api"


def compute_phase(
    pod: Pod,
    statuses: Mapping[str, ContainerStatus],
    *,
    regular_started: bool,
    restarting: Set[str] = frozenset(),
    terminated: bool = False,
) -> PodPhase:
    """The phase by the first rule of L-224 that applies.

    `statuses` by container name. `regular_started`: some regular container has started in this
    sandbox. `restarting`: containers that run again whatever their exit code says. `terminated`:
    the pod has been terminated, and nothing starts any more.
    """
    count = _Count()
    for container in pod.spec.init_containers:
        status = statuses.get(container.name)
        if is_sidecar(container, init=True):
            _count_sidecar(count, status)
        else:
            _count_init(count, pod, container, status, restarting)
    for container in pod.spec.containers:
        _count_regular(count, pod, container, statuses.get(container.name), restarting)
    return _phase(count, regular_started, terminated and not is_static(pod))


def _count_init(
    count: _Count,
    pod: Pod,
    container: Container,
    status: ContainerStatus | None,
    restarting: Set[str],
) -> None:
    ended = _last_end(status)
    if ended is None:
        count.pending_init += 1
    elif ended.exit_code != 0 and not _restartable(pod, container, ended, restarting, init=True):
        count.failed_init += 1


def _count_sidecar(count: _Count, status: ContainerStatus | None) -> None:
    if status is None:
        count.unknown += 1
    elif isinstance(status.state, Running):
        count.running += 1
        count.pending_sidecars += not status.started
    elif _last_end(status) is None:
        count.pending_sidecars += 1
        count.waiting += 1


def _count_regular(
    count: _Count,
    pod: Pod,
    container: Container,
    status: ContainerStatus | None,
    restarting: Set[str],
) -> None:
    if status is None:
        count.unknown += 1
    elif isinstance(status.state, Running):
        count.running += 1
    elif (ended := _last_end(status)) is None:
        count.waiting += 1
    else:
        count.stopped += 1
        count.restartable += _restartable(pod, container, ended, restarting, init=False)
        count.succeeded += isinstance(status.state, Terminated) and ended.exit_code == 0


def _last_end(status: ContainerStatus | None) -> Terminated | None:
    """How a container ended that is terminated, or waits after a termination."""
    if status is None or isinstance(status.state, Running):
        return None
    return status.state if isinstance(status.state, Terminated) else status.last_state


def _restartable(
    pod: Pod, container: Container, ended: Terminated, restarting: Set[str], *, init: bool
) -> bool:
    if container.name in restarting or ended.reason == RESTARTING_ALL_CONTAINERS:
        return True
    decision = restart_decision(pod, container, init=init, exit_code=ended.exit_code)
    return decision is not RestartDecision.NO


def _phase(count: _Count, regular_started: bool, terminated: bool) -> PodPhase:
    if count.failed_init:
        return PodPhase.FAILED
    if count.pending_init or (count.pending_sidecars and not regular_started):
        return PodPhase.PENDING
    if count.waiting:
        return PodPhase.PENDING
    if count.unknown:
        return PodPhase.PENDING
    if count.running:
        return PodPhase.RUNNING
    if not count.stopped:
        return PodPhase.PENDING
    if count.restartable and not terminated:
        return PodPhase.RUNNING
    return PodPhase.SUCCEEDED if count.succeeded == count.stopped else PodPhase.FAILED
