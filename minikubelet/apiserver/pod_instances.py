"""Which instance of a container a request means, by the pod's status.

Role: the kubelet's rules for `kubectl logs` (L-123, L-266, K-65). Pure.
Upstream: pkg/kubelet `validateContainerLogStatus`, pkg/registry/core/pod `LogLocation`.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikubelet.apiserver.responses import bad_request
from minikubelet.manifest.json_tree import Json, object_in, objects_in
from minikubelet.value_class import dataclass

_WAITING_TEXTS = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


@dataclass(frozen=True, slots=True)
class Instance:
    container: str
    container_id: str
    restart_count: int
    running: bool = False


def chosen_container(pod: Json, asked: str) -> str:
    """The container of a request, which may leave it out where there is one only (K-64). Raises
    ApiError 400."""
    name = (object_in(pod, "metadata") or {}).get("name", "")
    regular, init, ephemeral = (
        [str(container.get("name", "")) for container in objects_in(_spec(pod), key)]
        for key in ("containers", "initContainers", "ephemeralContainers")
    )
    if asked:
        if asked not in (*regular, *init, *ephemeral):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(regular) == 1:
        return regular[0]
    message = f"a container name must be specified for pod {name}"
    if regular:
        message += f", choose one of: [{' '.join(regular)}]"
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    if ephemeral:
        message += f" or one of the ephemeral containers: [{' '.join(ephemeral)}]"
    raise bad_request(message)


def find_instance(pod: Json, container: str, *, previous: bool = False) -> Instance:
    """The instance whose log is asked for. Raises ApiError 400 with the kubelet's texts."""
    name = (object_in(pod, "metadata") or {}).get("name", "")
    who = f'container "{container}" in pod "{name}"'
    status = container_status(pod, container)
    if status is None:
        raise bad_request(f"{who} is not available")
    state = object_in(status, "state") or {}
    running, terminated = object_in(state, "running"), object_in(state, "terminated")
    waiting = object_in(state, "waiting")
    last = object_in(object_in(status, "lastState") or {}, "terminated")
    last_id = str((last or {}).get("containerID", ""))
    count = int(status.get("restartCount", 0))
    current = running is not None or terminated is not None
    last_count = max(0, count - 1) if current else count
    if previous:
        if not last_id:
            raise bad_request(f"previous terminated {who} not found")
        return Instance(container, last_id, last_count)
    if running is not None:
        return Instance(container, str(status.get("containerID", "")), count, running=True)
    if terminated is not None:
        if not terminated.get("containerID"):
            raise bad_request(f"{who} is terminated")
        return Instance(container, str(terminated["containerID"]), count)
    if last is not None:
        if not last_id:
            raise bad_request(f"{who} is terminated")
        return Instance(container, last_id, last_count)
    reason = str((waiting or {}).get("reason", ""))
    if not reason:
        raise bad_request(f"{who} is waiting to start - no logs yet")
    raise bad_request(f"{who} is waiting to start: {_WAITING_TEXTS.get(reason, reason)}")


def is_running(pod: Json, instance: Instance) -> bool:
    """Whether the status says that this very instance still runs."""
    status = container_status(pod, instance.container) or {}
    state = object_in(status, "state") or {}
    return state.get("running") is not None and status.get("containerID") == instance.container_id


def container_status(pod: Json, container: str) -> Json | None:
    return next((s for s in container_statuses(pod) if s.get("name") == container), None)


def container_statuses(pod: Json) -> Iterator[Json]:
    """Of all kinds of containers."""
    status = object_in(pod, "status") or {}
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        yield from objects_in(status, key)


def _spec(pod: Json) -> Json:
    return object_in(pod, "spec") or {}
