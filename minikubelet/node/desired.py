"""What the sources want: pods as they were given, and what the store says of them.

Role: the values between the sources (static directory, API) and the node agent.
Invariants: pure; `document` is shared and never changed.
"""

from __future__ import annotations

from enum import StrEnum

from minikubelet.manifest.decode_values import JSONObject, objects, time_or_none, value_or
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod
from minikubelet.pod.pod_status import PodCondition, PodPhase, PodStatus
from minikubelet.value_class import dataclass


class PodSourceName(StrEnum):
    FILE = "file"
    API = "api"


@dataclass(frozen=True, slots=True)
class DesiredPod:
    """One pod that a source wants to run here.

    `pod.metadata` says whether and how it is to be deleted.
    """

    pod: Pod
    document: Json
    source: PodSourceName
    scheduled_to: str = ""
    """The node's name when the pod was bound here, which counts as scheduling (L-74)."""

    @property
    def uid(self) -> str:
        return self.pod.metadata.uid

    @property
    def is_static(self) -> bool:
        return self.source is PodSourceName.FILE

    @property
    def full_name(self) -> str:
        """Static pods of one full name never overlap (L-24)."""
        return f"{self.pod.metadata.name}_{self.pod.metadata.namespace}"

    @property
    def deleting(self) -> bool:
        return self.pod.metadata.deletion_timestamp is not None

    @property
    def status(self) -> PodStatus | None:
        """As stored; None when there is none."""
        return stored_status(self.document)


def stored_status(document: Json) -> PodStatus | None:
    """What the agent reads back of a stored status: not the containers'."""
    status: Json = value_or(document, "status", {})
    if not status:
        return None
    return PodStatus(
        phase=_phase(value_or(status, "phase", "")),
        reason=value_or(status, "reason", ""),
        message=value_or(status, "message", ""),
        conditions=objects(status, "conditions", _condition),
        start_time=time_or_none(status, "startTime"),
    )


def _phase(text: str) -> PodPhase:
    return next((phase for phase in PodPhase if phase == text), PodPhase.PENDING)


def _condition(document: JSONObject) -> PodCondition:
    return PodCondition(
        type=value_or(document, "type", ""),
        status=value_or(document, "status", ""),
        reason=value_or(document, "reason", ""),
        message=value_or(document, "message", ""),
        last_transition_time=time_or_none(document, "lastTransitionTime"),
        observed_generation=document.get("observedGeneration"),
    )
