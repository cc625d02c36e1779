"""The rows of Pods.

Role: what `pod/printer.py` needs of a document and no more, so that a hundred rows cost a
millisecond. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from minikubelet.apiserver.tables_cells import (
    AGE,
    NAME,
    NONE,
    Column,
    age,
    or_none,
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
from minikubelet.pod.printer import parse_time, pod_columns, readiness_gates_column

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
_RUNNING = Running(datetime.min)
"""No column shows since when."""


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
    init = spec.get("initContainers") or ()
    gates = spec.get("readinessGates") or ()
    return _pod_of(
        metadata.get("deletionTimestamp") or "",
        len(spec.get("containers") or ()),
        tuple((c.get("name", ""), c.get("restartPolicy") or "") for c in init),
        tuple(gate.get("conditionType", "") for gate in gates),
    )


@lru_cache(maxsize=1024)
def _pod_of(
    deleted: str, containers: int, init: tuple[tuple[str, str], ...], gates: tuple[str, ...]
) -> Pod:
    """Pods look alike, and a `PodSpec` has many fields."""
    return Pod(
        ObjectMeta(deletion_timestamp=parse_time(deleted)),
        PodSpec(
            containers=(Container(),) * containers,
            init_containers=tuple(Container(name, restart_policy=policy) for name, policy in init),
            readiness_gates=gates,
        ),
    )


def _status(found: Json) -> PodStatus:
    text = found.get("phase") or ""
    return _status_of(
        text,
        found.get("reason") or "",
        tuple(
            (c.get("type", ""), c.get("status", ""), c.get("reason") or "")
            for c in found.get("conditions") or ()
        ),
        tuple(map(_entry, found.get("initContainerStatuses") or ())),
        tuple(map(_entry, found.get("containerStatuses") or ())),
    )


_Ended = tuple[int, str, int, str]
_State = _Ended | str | None
"""Of a container: how it ended, why it waits, or None while it runs."""
_Entry = tuple[str, _State, _Ended | None, bool, bool, int]


@lru_cache(maxsize=1024)
def _status_of(
    text: str,
    reason: str,
    conditions: tuple[tuple[str, str, str], ...],
    init: tuple[_Entry, ...],
    containers: tuple[_Entry, ...],
) -> PodStatus:
    """Most pods of a list are as they were in the one before."""
    phase = _PHASES.get(text)
    if phase is None:  # whatever a client wrote is shown
        phase, reason = PodPhase.UNKNOWN, reason or text
    return PodStatus(
        phase=phase,
        reason=reason,
        conditions=tuple(PodCondition(*condition) for condition in conditions),
        init_container_statuses=tuple(_container_status(*entry) for entry in init),
        container_statuses=tuple(_container_status(*entry) for entry in containers),
    )


def _entry(found: Mapping[str, Any]) -> _Entry:
    last = (found.get("lastState") or {}).get("terminated")
    return (
        found.get("name", ""),
        _state(found.get("state") or {}),
        _ended(last) if last else None,
        bool(found.get("ready")),
        bool(found.get("started")),
        found.get("restartCount") or 0,
    )


def _state(state: Mapping[str, Any]) -> _State:
    if state.get("running") is not None:
        return None
    if (ended := state.get("terminated")) is not None:
        return _ended(ended)
    return (state.get("waiting") or {}).get("reason") or ""


def _ended(ended: Mapping[str, Any]) -> _Ended:
    return (
        ended.get("exitCode") or 0,
        ended.get("reason") or "",
        ended.get("signal") or 0,
        ended.get("finishedAt") or "",
    )


def _container_status(
    name: str, state: _State, last: _Ended | None, ready: bool, started: bool, restarts: int
) -> ContainerStatus:
    shown: ContainerState = _RUNNING
    if state is not None:
        shown = Waiting(state) if isinstance(state, str) else _terminated(*state)
    return ContainerStatus(
        name=name,
        state=shown,
        last_state=_terminated(*last) if last else None,
        ready=ready,
        started=started,
        restart_count=restarts,
    )


def _terminated(exit_code: int, reason: str, signal: int, finished_at: str) -> Terminated:
    return Terminated(exit_code, reason, signal=signal, finished_at=parse_time(finished_at))
