"""How far the life of a pod has come, apart from its containers.

Role: what a worker knows of the pod as a whole and must outlive the daemon: whether it was told of,
since when it is active, its status, the request to stop it, and whether it is over.
Invariants: there is no way back (L-75); a request to stop is only ever shortened (L-79).
"""

from __future__ import annotations

from typing import Any

from minikubelet.clock import Clock
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.stop_request import StopRequest
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.termination import MINIMUM_POD_GRACE_SECONDS, effective_grace
from minikubelet.value_class import dataclass

_FINISHED = StopRequest(KillCause.POD_FINISHED)


@dataclass(slots=True)
class WorkerLife:
    accepted: bool = False
    began: float | None = None
    """When the pod was first seen: its deadline counts from there (L-251)."""
    status: PodStatus | None = None
    """As published last."""
    status_told: bool = True
    """The journal has what changed with it."""
    stop_request: StopRequest | None = None
    stop_asked: float = 0.0
    grace_spent: float = 0.0
    """So much of the grace period had passed when this daemon took over."""
    terminated: bool = False
    """Nothing of it runs any more (L-238)."""
    finished: bool = False

    def restore(self, restored: RestoredPod, clock: Clock) -> None:
        """Take over what an earlier daemon left."""
        record, now = restored.record, clock.monotonic()
        self.accepted, self.status = record.accepted, record.status
        self.status_told = record.status_told
        self.stop_request, self.stop_asked = record.stop_request, now
        self.terminated, self.finished = record.terminated, record.finished
        if restored.same_boot:
            self.began, self.stop_asked = record.began, record.stop_asked
            self.grace_spent = now - record.stop_asked if record.stop_request else 0.0
        elif record.status is not None and record.status.start_time is not None:
            active = (clock.now() - record.status.start_time).total_seconds()
            # A host whose clock is not set yet must not make the deadline a distant one.
            self.began = now - max(active, 0.0)

    def members(self) -> dict[str, Any]:
        """Of a `PodRecord`."""
        return {
            "accepted": self.accepted,
            "began": self.began,
            "status": self.status,
            "status_told": self.status_told,
            "stop_request": self.stop_request,
            "stop_asked": self.stop_asked,
            "terminated": self.terminated,
            "finished": self.finished,
        }

    def ask_to_stop(self, request: StopRequest, now: float) -> None:
        if self.stop_request is None:
            self.stop_request, self.stop_asked = request, now
        else:
            self.stop_request = self.stop_request.shortened(request.grace_period_seconds)

    @property
    def stopping(self) -> StopRequest:
        """Why the pod is stopped, once it is: without a request it has finished."""
        return self.stop_request or _FINISHED

    def grace_seconds(self, pod: Pod) -> float:
        """What containers have whose stop begins now (L-79)."""
        grace = self.stopping.grace_period_seconds
        if grace is not None and grace <= 0:
            return grace
        grace = effective_grace(pod, grace)
        if self.grace_spent:
            grace = max(grace - self.grace_spent, MINIMUM_POD_GRACE_SECONDS)
        return grace

    def deadline(self, pod: Pod) -> float | None:
        """When the pod has been active for too long (monotonic)."""
        seconds = pod.spec.active_deadline_seconds
        return None if seconds is None or self.began is None else self.began + seconds
