"""The last status of a pod, when its termination is complete (L-240).

Upstream: kubernetes pkg/kubelet/status, TerminatePod. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from minikubelet.manifest.pod import Pod, is_sidecar
from minikubelet.pod.conditions import forced_unready, stamped
from minikubelet.pod.container_status import (
    CONTAINER_STATUS_UNKNOWN,
    KILLED_EXIT_CODE,
    NOT_LOCATED_ON_TERMINATION,
)
from minikubelet.pod.phase import is_static
from minikubelet.pod.pod_status import (
    ContainerStatus,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)


def final_status(pod: Pod, status: PodStatus, now: datetime) -> PodStatus:
    """The status of a pod whose termination is complete, from its last one (L-240).

    What should have ended and is not known to have ended counts as failed; so does the pod, except
    that a static one keeps its phase.
    """
    init = status.init_container_statuses
    ever_started = [index for index, entry in enumerate(init) if _ever_started(entry)]
    last = max(ever_started, default=0)
    init = tuple(_ended(entry) if index <= last else entry for index, entry in enumerate(init))
    regular = status.container_statuses
    if _ever_initialized(pod, status):
        regular = tuple(_ended(entry) for entry in regular)
    final = replace(status, init_container_statuses=init, container_statuses=regular)
    if status.phase.terminal or is_static(pod):
        return final
    conditions = forced_unready(status.conditions, PodPhase.FAILED)
    return replace(
        final,
        phase=PodPhase.FAILED,
        conditions=stamped(conditions, status, now, pod.metadata.generation),
    )


def _ended(status: ContainerStatus) -> ContainerStatus:
    if isinstance(status.state, Terminated):
        return status
    state = Terminated(KILLED_EXIT_CODE, CONTAINER_STATUS_UNKNOWN, NOT_LOCATED_ON_TERMINATION)
    return replace(status, state=state, ready=False, started=False)


def _ever_started(status: ContainerStatus) -> bool:
    return not isinstance(status.state, Waiting) or status.last_state is not None


def _ever_initialized(pod: Pod, status: PodStatus) -> bool:
    entries = pod.spec.init_containers
    if not entries or any(_ever_started(entry) for entry in status.container_statuses):
        return True
    last = status.container(entries[-1].name)
    if last is None:
        return False
    if is_sidecar(entries[-1], init=True):
        return isinstance(last.state, Running) and last.started
    ends = (last.state, last.last_state)
    return any(isinstance(end, Terminated) and end.exit_code == 0 for end in ends)
