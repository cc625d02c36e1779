"""`PodStatus` as the JSON object of `pod.status`, key for key as a kubelet writes it.

Role: presence and omission follow Go's `omitempty`: empty text, zero counts and empty lists are
left out where the API type says so, unset times are null, `state` and `lastState` are always there.
Upstream: kubernetes staging/src/k8s.io/api/core/v1/types.go. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from minikubelet.manifest.pod import Container, Pod, VolumeMount
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodCondition,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)

JSON = dict[str, Any]


def encode_status(pod: Pod, status: PodStatus) -> JSON:
    """The object for `status`; `pod` gives what container statuses echo of the spec (L-212)."""
    out: JSON = {
        "observedGeneration": status.observed_generation,
        "phase": str(status.phase),
        "conditions": [_condition(condition) for condition in status.conditions],
        "message": status.message,
        "reason": status.reason,
        "hostIP": status.host_ip,
        "hostIPs": _ips(status.host_ip),
        "podIP": status.pod_ip,
        "podIPs": _ips(status.pod_ip),
        "startTime": encode_time(status.start_time),
        "initContainerStatuses": [
            _container_status(pod, entry) for entry in status.init_container_statuses
        ],
        "containerStatuses": [_container_status(pod, entry) for entry in status.container_statuses],
        "ephemeralContainerStatuses": [
            _ephemeral_status(pod, entry) for entry in status.ephemeral_container_statuses
        ],
        "qosClass": str(status.qos_class) if status.qos_class else "",
    }
    return _without_empty(out)


def encode_time(time: datetime | None) -> str | None:
    """RFC 3339 in whole seconds (L-211)."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_empty(out: JSON) -> JSON:
    """Go's `omitempty` for text, numbers, lists, maps and pointers."""
    return {key: value for key, value in out.items() if value not in (None, "", 0, [], {})}


def _ips(ip: str) -> list[JSON]:
    return [{"ip": ip}] if ip else []


def _condition(condition: PodCondition) -> JSON:
    return {
        "type": condition.type,
        **_without_empty({"observedGeneration": condition.observed_generation}),
        "status": condition.status,
        "lastProbeTime": None,
        "lastTransitionTime": encode_time(condition.last_transition_time),
        **_without_empty({"reason": condition.reason, "message": condition.message}),
    }


def _container_status(pod: Pod, status: ContainerStatus) -> JSON:
    container = next((c for c in pod.all_containers() if c.name == status.name), Container())
    out: JSON = {
        "name": status.name,
        "state": _state(status.state),
        "lastState": _state(status.last_state) if status.last_state else {},
        "ready": status.ready,
        "restartCount": status.restart_count,
        "image": status.image,
        "imageID": "",
        **_without_empty({"containerID": status.container_id}),
        "started": status.started,
    }
    if status.container_id:
        requests, limits = dict(container.resources.requests), dict(container.resources.limits)
        out |= _without_empty({"allocatedResources": requests})
        out["resources"] = _without_empty({"limits": limits, "requests": requests})
    return out | _without_empty({"volumeMounts": [_mount(m) for m in container.volume_mounts]})


def _ephemeral_status(pod: Pod, status: ContainerStatus) -> JSON:
    """Nobody looks whether it is started."""
    out = _container_status(pod, status)
    del out["started"]
    return out


def _state(state: ContainerState) -> JSON:
    match state:
        case Waiting(reason, message):
            return {"waiting": _without_empty({"reason": reason, "message": message})}
        case Running(started_at):
            return {"running": {"startedAt": encode_time(started_at)}}
        case Terminated():
            return {
                "terminated": {
                    "exitCode": state.exit_code,
                    **_without_empty(
                        {"signal": state.signal, "reason": state.reason, "message": state.message}
                    ),
                    "startedAt": encode_time(state.started_at),
                    "finishedAt": encode_time(state.finished_at),
                    **_without_empty({"containerID": state.container_id}),
                }
            }


def _mount(mount: VolumeMount) -> JSON:
    out: JSON = {"name": mount.name, "mountPath": mount.mount_path}
    if mount.read_only:
        recursive = "Enabled" if mount.recursive_read_only == "Enabled" else "Disabled"
        out |= {"readOnly": True, "recursiveReadOnly": recursive}
    return out
