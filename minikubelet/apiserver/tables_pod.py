"""The rows of Pods.

Role: what `pod/printer.py` needs of a document and no more, so that a hundred rows cost a
millisecond. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from minikubelet.apiserver.tables_cells import (
    AGE,
    NAME,
    NONE,
    Column,
    age,
    or_none,
    parse_time,
    part,
)
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.meta import ObjectMeta
from minikubelet.manifest.pod import Container, Pod, PodSpec
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from minikubelet.pod.printer import pod_columns, readiness_gates_column

POD_COLUMNS = (
    NAME,
    Column("Ready", "Containers that are ready, of those that should be."),
    Column("Status", "What the Pod, or the container that matters most, is doing."),
    Column("Restarts", "How often containers were started again, and when last."),
    AGE,
    Column("IP", "Address of the Pod.", wide=True),
    Column("Node", "Node that runs the Pod.", wide=True),
    Column("Nominated Node", "Node that makes room for the Pod.", wide=True),
    Column("Readiness Gates", "Gates that are true, of those that the Pod names.", wide=True),
)

_PHASES = {str(phase): phase for phase in PodPhase}
_REGULAR = Container()
_NOT_SET = datetime.min


def pod_cells(document: Json, now: datetime) -> list[Any]:
    metadata, spec, found = (part(document, name) for name in ("metadata", "spec", "status"))
    pod, status = _pod(metadata, spec), _status(found)
    columns = pod_columns(pod, status, now)
    addresses = found.get("podIPs") or ()
    return [
        metadata.get("name", ""),
        columns.ready,
        columns.status,
        columns.restarts,
        age(document, now),
        or_none(addresses[0].get("ip") if addresses else found.get("podIP")),
        or_none(spec.get("nodeName")),
        or_none(found.get("nominatedNodeName")),
        readiness_gates_column(pod, status) if pod.spec.readiness_gates else NONE,
    ]


def pod_row_conditions(document: Json) -> list[Json]:
    """K-63: finished pods say so."""
    phase = part(document, "status").get("phase")
    if phase == PodPhase.SUCCEEDED:
        message = "All containers of the Pod ended with success."
    elif phase == PodPhase.FAILED:
        message = "The Pod ended, and not all of its containers with success."
    else:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


def _pod(metadata: Json, spec: Json) -> Pod:
    gates = spec.get("readinessGates") or ()
    return Pod(
        ObjectMeta(deletion_timestamp=parse_time(metadata.get("deletionTimestamp"))),
        PodSpec(
            containers=(_REGULAR,) * len(spec.get("containers") or ()),
            init_containers=tuple(map(_init_container, spec.get("initContainers") or ())),
            readiness_gates=tuple(gate.get("conditionType", "") for gate in gates),
        ),
    )


def _init_container(container: Mapping[str, Any]) -> Container:
    policy = container.get("restartPolicy") or ""
    return Container(name=container.get("name", ""), restart_policy=policy)


def _status(found: Json) -> PodStatus:
    text = found.get("phase") or ""
    phase, reason = _PHASES.get(text), found.get("reason") or ""
    if phase is None:  # whatever a client wrote is shown
        phase, reason = PodPhase.UNKNOWN, reason or text
    return PodStatus(
        phase=phase,
        reason=reason,
        conditions=tuple(
            PodCondition(c.get("type", ""), c.get("status", ""), c.get("reason") or "")
            for c in found.get("conditions") or ()
        ),
        init_container_statuses=tuple(map(_entry, found.get("initContainerStatuses") or ())),
        container_statuses=tuple(map(_entry, found.get("containerStatuses") or ())),
    )


def _entry(found: Mapping[str, Any]) -> ContainerStatus:
    last = part(found, "lastState").get("terminated")
    return ContainerStatus(
        name=found.get("name", ""),
        state=_state(found.get("state") or {}),
        last_state=_terminated(last) if last else None,
        ready=bool(found.get("ready")),
        started=bool(found.get("started")),
        restart_count=found.get("restartCount") or 0,
    )


def _state(state: Mapping[str, Any]) -> ContainerState:
    if state.get("running") is not None:
        return Running(_NOT_SET)  # no column shows when
    if (ended := state.get("terminated")) is not None:
        return _terminated(ended)
    return Waiting((state.get("waiting") or {}).get("reason") or "")


def _terminated(ended: Mapping[str, Any]) -> Terminated:
    return Terminated(
        ended.get("exitCode") or 0,
        ended.get("reason") or "",
        signal=ended.get("signal") or 0,
        finished_at=parse_time(ended.get("finishedAt")),
    )
