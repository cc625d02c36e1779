"""What the node agent knows of its pods: what is wanted, and what has become of it.

Role: the books of `agent.py`; decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from minikubelet.journal import PhaseChanged, PodRef
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.pod import Pod
from minikubelet.node.admission import Rejection
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.pod_worker import PodWorker
from minikubelet.node.recovery import RestoredPod
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.qos import compute_qos_class
from minikubelet.value_class import dataclass

_NEVER = datetime.max.replace(tzinfo=UTC)


class Wanted:
    """The pods of all sources; of each, in the order in which they came."""

    def __init__(self, sources: Collection[PodSourceName]) -> None:
        self._missing = set(sources)
        self._pods: dict[str, DesiredPod] = {}

    @property
    def complete(self) -> bool:
        """Whether every source has reported once."""
        return not self._missing

    def get(self, uid: str) -> DesiredPod | None:
        return self._pods.get(uid)

    def all(self) -> list[DesiredPod]:
        """By creation time; those without one, and equal ones, as they came (L-24, L-26)."""
        return sorted(
            self._pods.values(), key=lambda d: d.pod.metadata.creation_timestamp or _NEVER
        )

    def set(self, desired: DesiredPod) -> None:
        self._pods[desired.uid] = desired

    def drop(self, source: PodSourceName, uid: str) -> None:
        known = self._pods.get(uid)
        if known is not None and known.source is source:
            del self._pods[uid]

    def set_all(self, source: PodSourceName, pods: Iterable[DesiredPod]) -> None:
        pods = tuple(pods)
        wanted = {desired.uid for desired in pods}
        for uid, known in tuple(self._pods.items()):
            if known.source is source and uid not in wanted:
                del self._pods[uid]
        for desired in pods:
            self._pods[desired.uid] = desired
        self.ready(source)

    def ready(self, source: PodSourceName) -> None:
        self._missing.discard(source)


@dataclass(slots=True)
class AgentPod:
    """One UID. Without a worker nothing of it runs or will: it was refused, or had ended."""

    desired: DesiredPod
    worker: PodWorker | None = None
    running: bool = False
    """Whether the worker's task goes on."""
    removed: bool = False
    """The source does not have it any more; the same UID may come again (L-25)."""
    stop_asked: bool = False
    unsent: bool = False
    """Whether the stored status may hold conditions that the worker could not take yet."""

    @property
    def over(self) -> bool:
        return not self.running

    @property
    def active(self) -> bool:
        """Not over, and not in a terminal phase: it uses the node."""
        if not self.running or self.worker is None:
            return False
        status = self.worker.status
        return status is None or not status.phase.terminal

    @property
    def has_news_for_worker(self) -> bool:
        """Conditions of others came before the worker had a status to put them into."""
        return self.unsent and self.worker is not None and self.worker.status is not None

    def tell_worker(self) -> None:
        """Give the worker the pod as it is now."""
        assert self.worker is not None, "it has one"
        self.unsent = self.worker.status is None
        desired = self.desired
        self.worker.update(desired.pod, desired.status, document=desired.document)


def ended_with_the_node(restored: RestoredPod) -> bool:
    """A static pod that was stopped together with the daemon runs again with the next (L-249)."""
    stop = restored.record.stop_request
    return (
        restored.record.finished
        and restored.source == PodSourceName.FILE
        and stop is not None
        and stop.cause is KillCause.SHUTDOWN
    )


def as_restored(restored: RestoredPod) -> DesiredPod | None:
    """The pod as the earlier daemon had it; None when that was not to be read."""
    if restored.document is None:
        return None
    pod = decode_pod(restored.document)
    return DesiredPod(pod, restored.document, PodSourceName(restored.source))


def rejected_status(pod: Pod, rejection: Rejection, now: datetime) -> PodStatus:
    """Of a pod that the node does not take (L-69)."""
    return PodStatus(
        phase=PodPhase.FAILED,
        reason=rejection.reason,
        message=rejection.status_message,
        start_time=now,
        qos_class=compute_qos_class(pod),
        observed_generation=pod.metadata.generation,
    )


def rejection_record(pod: Pod, rejection: Rejection, now: datetime) -> PhaseChanged:
    """What the journal is told; its Event is the warning of L-69."""
    return PhaseChanged(
        at=now,
        pod=PodRef.of(pod.metadata),
        old=PodPhase.PENDING,
        new=PodPhase.FAILED,
        reason=rejection.reason,
        message=rejection.status_message,
    )
