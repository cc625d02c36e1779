"""The worker of one pod: observe, decide, act, wait.

Role: the only writer of a pod's state. It asks the pure functions of `pod/` what to do and does it;
no rule of Kubernetes is in here.
Invariants: level-triggered (a doubled or lost wake-up does no harm); once a stop was asked for,
nothing is started (L-247); `run()` ends when no process of the pod is left and its volumes are
gone. What must outlive the daemon stands in the record (`pod_record.py`); a worker that is made
from one goes on where the earlier one was interrupted.
Upstream: kubernetes pkg/kubelet, pod_workers.go and syncPod. Differs: a container is stopped beside
the step that starts others, so a long grace period of one does not delay the restart of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, assert_never

from minikubelet.journal import DeadlineExceeded, PodAccepted, PodEvicted
from minikubelet.kill_cause import KillCause
from minikubelet.log import get_logger
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod
from minikubelet.node.back_offs import back_off_key
from minikubelet.node.bell import Bell
from minikubelet.node.change_records import adoption_records, update_records
from minikubelet.node.pod_keeper import definition_of
from minikubelet.node.pod_memory import PodMemory
from minikubelet.node.pod_parts import assemble
from minikubelet.node.pod_publisher import PodPublisher
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.pod_restore import restore, settle, state_members
from minikubelet.node.pod_state import PodState
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.retries import Retries
from minikubelet.node.services import NodeServices
from minikubelet.node.stop_request import StopRequest
from minikubelet.node.worker_life import WorkerLife
from minikubelet.pod.actions import compute_pod_actions
from minikubelet.pod.conditions import with_foreign_conditions
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.status import StatusOverride
from minikubelet.runtime.processes import (
    ContainerEvent,
    ContainerExitedEvent,
    LogLostEvent,
    ShimLostEvent,
    StopStepEvent,
)

EVICTION_GRACE_SECONDS = 1.0
CRASHES_IN_STOP = 3
"""After as many a pod that cannot be stopped in order is left to its shims."""

TOLD_BEFORE_SECONDS = 5.0
"""So long after a restart a fact may be one that the earlier daemon has told already."""
__all__ = ["PodWorker", "StopRequest"]

log = get_logger(__name__)


class PodWorker:
    def __init__(
        self,
        pod: Pod,
        services: NodeServices,
        on_status: Callable[[Pod, PodStatus], None],
        *,
        document: Json | None = None,
        source: str = "",
        scheduled_to: str = "",
        restored: RestoredPod | None = None,
    ) -> None:
        """`document` and `source` are kept for a next daemon; `scheduled_to` names the node of a
        pod of the API; `restored` is what an earlier daemon left of this pod."""
        self.pod = pod
        self._life = WorkerLife()
        self._services = services
        self._clock = services.clock
        self._document = None if document is None else definition_of(document)
        self._source = source
        self._scheduled_to = scheduled_to
        self._restored = restored
        told = services.told if restored is not None else None
        self.state = PodState(pod, services.journal, services.clock, told)
        self._bell = Bell(services.clock)
        self._dirty = True
        self._ran = False
        self._group: asyncio.TaskGroup | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._wake_at: float | None = None
        self._crashes_in_stop = 0
        self._retries = Retries(services.clock, services.rng)
        self._memory = PodMemory(self.state.ref, services.keeper, services.clock, self._record_now)
        self._publisher = PodPublisher(
            self.state,
            self._life,
            services,
            on_status,
            keep=self._memory.flush,
            told=lambda: self._probes.wake(),
            volumes_ready=lambda: self._volumes.ready,
        )
        if restored is not None:
            self._restore(restored)
        self._assemble()

    @property
    def status(self) -> PodStatus | None:
        """As published last."""
        return self._life.status

    @property
    def finished(self) -> bool:
        """Nothing is left of the pod, and its status is final (L-83)."""
        return self._life.finished

    def _restore(self, restored: RestoredPod) -> None:
        restore(self.state, restored)
        self._life.restore(restored, self._clock)
        if restored.same_boot:
            self._retries.pulls.update(restored.record.pulls)
        if restored.document is not None:
            self._forget_failures(decode_pod(restored.document), self.pod)

    def _assemble(self) -> None:
        parts = assemble(
            self.state,
            self._services,
            self._life,
            self._retries,
            self._memory,
            self._bell,
            spawn=self._spawn,
            publish=self._publisher.publish,
            wake=self.wake,
            look_again=self._look_again,
        )
        self._volumes, self._probes = parts.volumes, parts.probes
        self._stopper, self._steps = parts.stopper, parts.steps

    # --- from outside

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._dirty = True
        self._bell.ring()
        self._memory.changed()

    def _look_again(self) -> None:
        self._probes.wake()
        self.wake()

    def update(
        self, pod: Pod, status: PodStatus | None = None, *, document: Json | None = None
    ) -> None:
        """A new version of the same pod. Of `status` the conditions of others count (L-234)."""
        self._forget_failures(self.pod, pod)
        for record in update_records(self.pod, pod, self.state.ref, self._clock.now()):
            self._services.journal.append(record)
        if pod.metadata.labels != self.pod.metadata.labels or (
            pod.metadata.annotations != self.pod.metadata.annotations
        ):
            self._volumes.objects_changed()
        self.pod = self.state.pod = self._volumes.pod = pod
        if status is not None and self.status is not None:
            self._life.status = with_foreign_conditions(self.status, status.conditions)
        if document is not None and definition_of(document) != self._document:
            self._document = definition_of(document)
            self._keep_pod()
        self.wake()

    def objects_changed(self) -> None:
        """A ConfigMap or Secret that the pod uses is another now."""
        self._volumes.objects_changed()
        self.state.retry_now()
        self.wake()

    def handle(self, event: ContainerEvent) -> None:
        """A fact from the runtime about one of this pod's containers."""
        match event:
            case ContainerExitedEvent(container_id, record):
                self.state.exited(container_id, record)
            case ShimLostEvent(container_id, survivors):
                self.state.lost(container_id, survivors)
            case StopStepEvent() | LogLostEvent():
                self._publisher.report(event)
            case _:
                assert_never(event)
        self._look_again()

    def request_stop(self, request: StopRequest) -> None:
        """Stop the pod. A repeated request can only shorten the grace period (L-79)."""
        self._life.ask_to_stop(request, self._clock.monotonic())
        if request.grace_period_seconds is not None:
            self._stopper.shorten(request.grace_period_seconds)
        self.wake()

    # --- life

    async def run(self) -> None:
        """Until the pod is finished, nothing of it runs, and its volumes are gone."""
        if self._restored is not None:
            self._publisher.repeat()
        if self.finished:
            return
        if self._ran:
            self._assemble()
        self._ran = True
        if self._life.began is None:
            self._life.began = self._clock.monotonic()
            self._keep_pod()
            self._memory.flush()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._resume()
                await self._sync_until_finished()
                await self._terminate()
                for task in tuple(self._background):
                    task.cancel()
            await self._tear_down()
            self._publisher.finish()
        finally:
            self._memory.flush()

    def _resume(self) -> None:
        """Take up what an earlier daemon, or a `run()` that crashed, was in the middle of."""
        restored, self._restored = self._restored, None
        if restored is not None:
            settle(self.state, restored)
            for record in adoption_records(self.state, restored, self._clock.now()):
                self._services.journal.append(record)
            for container_id in self.state.container_ids():
                self._services.runtime.release(container_id)
            until = self._clock.monotonic() + TOLD_BEFORE_SECONDS
            self._clock.call_at(until, self.state.nothing_told_before)
        if self._life.stop_request is None:
            for container_id in tuple(self.state.stops):
                self._spawn(self._stopper.resume(container_id))
        self._steps.resume()

    def _keep_pod(self) -> None:
        if self._document is None:
            return
        try:
            self._services.keeper.save_pod(self.state.ref.uid, self._document, self._source)
        except OSError as error:
            log.error("cannot keep a pod", pod=self.state.ref, error=error)

    def _record_now(self) -> PodRecord:
        return PodRecord(
            uid=self.state.ref.uid,
            boot_id=self._services.boot_id,
            pulls=dict(self._retries.pulls),
            **self._life.members(),
            **state_members(self.state),
        )

    def _forget_failures(self, before: Pod, after: Pod) -> None:
        """Where image or resources are others, nothing is in the way of the next start (L-173)."""
        keys = {container.name: back_off_key(container) for container in before.containers()}
        for container in after.containers():
            if keys.get(container.name) != back_off_key(container):
                self._retries.started(container.name)
                self.state.start_failures.pop(container.name, None)

    def _accept(self) -> None:
        """Tell of the pod once, when no gate holds it (L-73, L-74)."""
        if self._life.accepted or (self._scheduled_to and self.pod.spec.scheduling_gates):
            return
        self._life.accepted = True
        self.state.tell(
            PodAccepted(at=self._clock.now(), pod=self.state.ref, scheduled_to=self._scheduled_to)
        )

    async def _tear_down(self) -> None:
        try:
            await self._services.files.tear_down(self.pod)
        except OSError as error:
            # The pod is over all the same; what is left goes with its directory.
            log.warning("cannot remove volumes", pod=self.state.ref, error=error)

    async def after_crash(self, seconds: float) -> bool:
        """Wait before the next `run()`, no longer than until a stop is asked for.

        False gives the pod up: it is to be killed at once, or crashes again and again as it stops.
        """
        asked, until = self._life.stop_request, self._clock.monotonic() + seconds
        if asked is not None:
            self._crashes_in_stop += 1
            if asked.grace_period_seconds == 0 or self._crashes_in_stop >= CRASHES_IN_STOP:
                return False
        await self._bell.wait_for(lambda: self._life.stop_request is not asked, lambda: until)
        return True

    async def _sync_until_finished(self) -> None:
        while True:
            self._dirty = False
            self._accept()
            status = self._publisher.publish()
            if self._life.stop_request is not None or status.phase.terminal:
                return
            self._wake_at = self._sync()
            await self._bell.wait_for(lambda: self._dirty, lambda: self._wake_at)

    def _sync(self) -> float | None:
        """One pass over everything; the answer (monotonic) is when to look again if nothing happens
        before."""
        now = self._clock.monotonic()
        deadline = self._life.deadline(self.pod)
        if deadline is not None and now >= deadline:
            self._exceed_deadline()
            return now
        if self.pod.spec.scheduling_gates:
            return deadline
        wakes = [deadline, self._volumes.check(now)]
        if self._volumes.eviction is not None:
            self._evict(self._volumes.eviction)
            return now
        if self._volumes.ready:
            self._probes.ensure()
            if not self._steps.running:
                wakes.append(self._decide(now))
        return min((wake for wake in wakes if wake is not None), default=None)

    def _decide(self, now: float) -> float | None:
        actions = compute_pod_actions(
            self.pod, self.state.observed(), self.state.back_offs.entries(self.pod), now
        )
        if self._steps.begin(actions):
            self._dirty = True
        return actions.wake_at

    async def _terminate(self) -> None:
        """L-238: stop everything, then publish what is final."""
        self._probes.stop_liveness_and_startup()
        life = self._life
        overdue = self._spawn(self._publisher.tell_when_overdue(life.grace_seconds(self.pod)))
        following = self._spawn(self._publisher.follow(self._bell))
        while self._steps.running or self.state.running():
            grace = life.grace_seconds(self.pod)
            await self._stopper.stop_all(life.stopping.cause, grace, {})
            await self._bell.wait_for(lambda: not self._steps.running or bool(self.state.running()))
        overdue.cancel()
        following.cancel()
        self._probes.stop()
        life.terminated = True
        self._publisher.publish()
        self._memory.changed()

    # --- deadlines and evictions

    def _exceed_deadline(self) -> None:
        message = "Pod was active on the node longer than the specified deadline"
        self.state.tell(DeadlineExceeded(at=self._clock.now(), pod=self.state.ref, message=message))
        override = StatusOverride(PodPhase.FAILED, "DeadlineExceeded", message)
        self.request_stop(StopRequest(KillCause.DEADLINE, override=override))

    def _evict(self, message: str) -> None:
        self.state.tell(PodEvicted(at=self._clock.now(), pod=self.state.ref, message=message))
        override = StatusOverride(PodPhase.FAILED, "Evicted", message)
        self.request_stop(StopRequest(KillCause.EVICTED, EVICTION_GRACE_SECONDS, override))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside the loop, as a task of this worker; it is cancelled when the pod is
        finished."""
        assert self._group is not None, "the worker runs"
        task = self._group.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
