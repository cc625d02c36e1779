"""What a worker tells of its pod: statuses, and what the runtime reports.

Role: computes the status and hands it on when it is another (sections 16 to 18 of the lifecycle
spec).
Invariants: a status is kept before it is shown, so that a daemon which is killed in between shows
it again, and never an older one; a listener that fails gets it again.
"""

from __future__ import annotations

from collections.abc import Callable

from minikubelet.journal import KillFailed
from minikubelet.manifest.pod import Pod
from minikubelet.node.bell import Bell
from minikubelet.node.journal_records import runtime_record, status_records
from minikubelet.node.pod_state import PodState
from minikubelet.node.services import NodeServices
from minikubelet.node.worker_life import WorkerLife
from minikubelet.pod.final_status import final_status
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.status import compute_status
from minikubelet.runtime.processes import LogLostEvent, StopStepEvent

OVERDUE_SHARE, LEAST_OVERDUE_SECONDS = 1.5, 10.0
"""How much of its grace period a stop may take before that is told (L-250)."""


class PodPublisher:
    def __init__(
        self,
        state: PodState,
        life: WorkerLife,
        services: NodeServices,
        on_status: Callable[[Pod, PodStatus], None],
        *,
        keep: Callable[[], None],
        told: Callable[[], None],
        volumes_ready: Callable[[], bool],
    ) -> None:
        """`keep` writes the record; `told` comes after each status."""
        self._state = state
        self._life = life
        self._services = services
        self._clock = services.clock
        self._on_status = on_status
        self._keep = keep
        self._told = told
        self._volumes_ready = volumes_ready

    def repeat(self) -> None:
        """What an earlier daemon kept it may not have shown, or told, any more."""
        status = self._life.status
        if status is not None:
            self._on_status(self._state.pod, status)
            if not self._life.status_told:
                self._record(None, status)

    def publish(self) -> PodStatus:
        """Compute the status and tell what changed."""
        before, life = self._life.status, self._life
        status = compute_status(
            self._state.pod,
            self._state.observed(),
            before,
            self._clock.now(),
            host_ip=self._services.node.ip,
            pod_ip=self._services.node.ip,
            volumes_ready=self._volumes_ready(),
            terminated=life.terminated,
            override=life.stopping.override,
        )
        if status != before:
            self._announce(status)
        return status

    async def follow(self, bell: Bell) -> None:
        """Publish at each ring while the pod stops: readiness goes on being probed (L-184, P-166).
        Until cancelled."""

        def never() -> bool:
            self.publish()
            return False

        await bell.wait_for(never)

    def finish(self) -> None:
        """Nothing is left of the pod: what its status does not know by now, it never will."""
        assert self._life.status is not None, "the pod was terminated"
        status = final_status(self._state.pod, self._life.status, self._clock.now())
        if status != self._life.status:
            self._announce(status)
        self._life.finished = True

    async def tell_when_overdue(self, grace_period_seconds: float) -> None:
        """L-250; cancelled when the pod has stopped in time."""
        seconds = max(OVERDUE_SHARE * grace_period_seconds, LEAST_OVERDUE_SECONDS)
        await self._clock.sleep(seconds)
        self._services.journal.append(
            KillFailed(
                at=self._clock.now(),
                pod=self._state.ref,
                reason="ExceededGracePeriod",
                message="Container runtime did not kill the pod within specified grace period.",
            )
        )

    def report(self, event: StopStepEvent | LogLostEvent) -> None:
        run = self._state.run_of(event.container_id)
        if run is not None:
            path = self._state.field_path(run.name)
            record = runtime_record(event, self._state.ref, run.name, path, self._clock.now())
            self._services.journal.append(record)

    def _announce(self, status: PodStatus) -> None:
        before, self._life.status = self._life.status, status
        self._life.status_told = False
        self._keep()
        try:
            self._on_status(self._state.pod, status)
        except Exception:
            self._life.status = before
            raise
        self._record(before, status)
        self._told()

    def _record(self, before: PodStatus | None, status: PodStatus) -> None:
        for record in status_records(before, status, self._state.ref, self._clock.now()):
            self._state.tell(record)
        self._life.status_told = True
