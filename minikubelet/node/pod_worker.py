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
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

from minikubelet.journal import DeadlineExceeded, KillFailed, PodAccepted, PodEvicted
from minikubelet.kill_cause import KillCause
from minikubelet.log import get_logger
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod, is_sidecar
from minikubelet.node.back_offs import back_off_key
from minikubelet.node.bell import Bell
from minikubelet.node.container_start import ContainerStarter
from minikubelet.node.hooks import HookRunner
from minikubelet.node.journal_records import runtime_record, status_records
from minikubelet.node.pod_memory import PodMemory
from minikubelet.node.pod_probes import PodProbes
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.pod_restore import restore, settle, state_members
from minikubelet.node.pod_state import PodState
from minikubelet.node.pod_stop import PodStopper
from minikubelet.node.pod_volumes import PodVolumes
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.retries import Retries
from minikubelet.node.services import NodeServices
from minikubelet.node.stop_request import StopRequest
from minikubelet.pod.actions import (
    HoldContainer,
    KillContainer,
    KillPod,
    RestartAllContainers,
    StartContainer,
    compute_pod_actions,
)
from minikubelet.pod.conditions import with_foreign_conditions
from minikubelet.pod.final_status import final_status
from minikubelet.pod.observed import RunState
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.status import StatusOverride, compute_status
from minikubelet.pod.termination import MINIMUM_POD_GRACE_SECONDS, effective_grace
from minikubelet.runtime.processes import (
    ContainerEvent,
    ContainerExitedEvent,
    LogLostEvent,
    ShimLostEvent,
    StopStepEvent,
)

RESTART_ALL_GRACE_SECONDS = 2.0
EVICTION_GRACE_SECONDS = 1.0
CRASHES_IN_STOP = 3
"""After as many a pod that cannot be stopped in order is left to its shims."""

TOLD_BEFORE_SECONDS = 5.0
"""So long after a restart a fact may be one that the earlier daemon has told already."""
OVERDUE_SHARE, LEAST_OVERDUE_SECONDS = 1.5, 10.0
"""How much of its grace period a stop may take before that is told (L-250)."""

__all__ = ["PodWorker", "StopRequest"]

log = get_logger(__name__)

Step = StartContainer | KillPod | RestartAllContainers
_FINISHED = StopRequest(KillCause.POD_FINISHED)


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
        self.status: PodStatus | None = None
        self.finished = False
        self._services = services
        self._clock = services.clock
        self._on_status = on_status
        self._document = document
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
        self._stop_request: StopRequest | None = None
        self._stop_asked = 0.0
        self._began: float | None = None
        self._accepted = False
        self._terminated = False
        self._crashes_in_stop = 0
        self._retries = Retries(services.clock, services.rng)
        self._memory = PodMemory(self.state.ref, services.keeper, services.clock, self._record_now)
        if restored is not None:
            self._restore(restored)
        self._assemble()

    def _restore(self, restored: RestoredPod) -> None:
        record, now = restored.record, self._clock.monotonic()
        self.status = record.status
        self.finished = record.finished
        self._accepted = record.accepted
        self._terminated = record.terminated
        self._stop_request = record.stop_request
        restore(self.state, restored)
        if restored.same_boot:
            self._began, self._stop_asked = record.began, record.stop_asked
            self._retries.pulls.update(record.pulls)
        else:
            self._stop_asked = now
            if record.status is not None and record.status.start_time is not None:
                age = self._clock.now() - record.status.start_time
                self._began = now - age.total_seconds()
        if restored.document is not None:
            for name in _other_definitions(decode_pod(restored.document), self.pod):
                self._definition_changed(name)

    def _assemble(self) -> None:
        """Make what lives with the tasks of one `run()`: what a crash leaves of it is of no use."""
        self._step_running = False
        services = self._services
        hooks = HookRunner(
            services.runtime, services.clock, services.node.ip, services.hook_request
        )
        self._volumes = PodVolumes(
            self.pod, self.state.ref, services, spawn=self._spawn, changed=self.wake
        )
        self._probes = PodProbes(
            self.state, services, spawn=self._spawn, changed=self.wake, status=lambda: self.status
        )
        self._stopper = PodStopper(
            self.state, services, hooks, self._bell, self._spawn, keep=self._memory.changed
        )
        self._starter = ContainerStarter(
            self.state,
            services,
            hooks,
            self._bell,
            changed=self.wake,
            stopper=self._stopper,
            terminating=lambda: self._stop_request is not None,
            keep=self._memory.write,
        )

    # --- from outside

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._dirty = True
        self._bell.ring()
        self._memory.changed()

    def update(
        self, pod: Pod, status: PodStatus | None = None, *, document: Json | None = None
    ) -> None:
        """A new version of the same pod. Of `status` the conditions of others count (L-234)."""
        for name in _other_definitions(self.pod, pod):
            self._definition_changed(name)
        if pod.metadata.labels != self.pod.metadata.labels or (
            pod.metadata.annotations != self.pod.metadata.annotations
        ):
            self._volumes.objects_changed()
        self.pod = self.state.pod = self._volumes.pod = pod
        if status is not None and self.status is not None:
            self.status = with_foreign_conditions(self.status, status.conditions)
        if document is not None:
            self._document = document
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
                self._record(event)
            case _:
                assert_never(event)
        self._probes.wake()
        self.wake()

    def request_stop(self, request: StopRequest) -> None:
        """Stop the pod. A repeated request can only shorten the grace period (L-79)."""
        first, grace = self._stop_request, request.grace_period_seconds
        if first is None:
            self._stop_request, self._stop_asked = request, self._clock.monotonic()
        else:
            self._stop_request = first.shortened(grace)
        if grace is not None:
            self._stopper.shorten(grace)
        self.wake()

    # --- life

    async def run(self) -> None:
        """Until the pod is finished, nothing of it runs, and its volumes are gone."""
        if self.finished:
            return
        if self._ran:
            self._assemble()
        self._ran = True
        if self._began is None:
            self._began = self._clock.monotonic()
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
            self._finish()
        finally:
            self._memory.flush()

    def _resume(self) -> None:
        """Take up what an earlier daemon, or a `run()` that crashed, was in the middle of."""
        restored, self._restored = self._restored, None
        if restored is not None:
            settle(self.state, restored)
            for container_id in self.state.container_ids():
                self._services.runtime.release(container_id)
            until = self._clock.monotonic() + TOLD_BEFORE_SECONDS
            self._clock.call_at(until, self.state.nothing_told_before)
        for container_id in tuple(self.state.stops):
            if self._stop_request is None:
                self._spawn(self._stopper.resume(container_id))
        for run in self.state.starting():
            if run.state is not RunState.CREATED:
                self._spawn(self._resume_start(run.name, run.container_id))

    async def _resume_start(self, name: str, container_id: str) -> None:
        await self._starter.resume(name, container_id)
        self._probes.wake()
        self.wake()

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
            accepted=self._accepted,
            began=self._began,
            status=self.status,
            pulls=dict(self._retries.pulls),
            stop_request=self._stop_request,
            stop_asked=self._stop_asked,
            terminated=self._terminated,
            finished=self.finished,
            **state_members(self.state),
        )

    def _definition_changed(self, name: str) -> None:
        self._retries.started(name)
        self.state.definition_changed(name)

    def _accept(self) -> None:
        """Tell of the pod once, when no gate holds it (L-73, L-74)."""
        if self._accepted or (self._scheduled_to and self.pod.spec.scheduling_gates):
            return
        self._accepted = True
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

        False gives the pod up: it is to be killed at once, or has crashed again and again since it
        was to stop.
        """
        asked, until = self._stop_request, self._clock.monotonic() + seconds
        if asked is not None:
            self._crashes_in_stop += 1
            if asked.grace_period_seconds == 0 or self._crashes_in_stop >= CRASHES_IN_STOP:
                return False
        await self._bell.wait_for(lambda: self._stop_request is not asked, lambda: until)
        return True

    async def _sync_until_finished(self) -> None:
        while True:
            self._dirty = False
            self._accept()
            status = self._publish()
            if self._stop_request is not None or status.phase.terminal:
                return
            self._wake_at = self._sync()
            await self._bell.wait_for(lambda: self._dirty, lambda: self._wake_at)

    def _sync(self) -> float | None:
        """One pass over everything; the answer (monotonic) is when to look again if nothing happens
        before."""
        now = self._clock.monotonic()
        deadline = self._deadline()
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
            if not self._step_running:
                wakes.append(self._decide(now))
        return min((wake for wake in wakes if wake is not None), default=None)

    def _decide(self, now: float) -> float | None:
        actions = compute_pod_actions(
            self.pod, self.state.observed(), self.state.back_offs.entries(self.pod), now
        )
        steps: list[Step] = []
        for action in actions.now:
            match action:
                case HoldContainer():
                    if self.state.held(action):
                        self._dirty = True
                case KillContainer():
                    if not self._stopper.is_stopping(action.container_id):
                        self._spawn(self._stopper.stop(action))
                case StartContainer() | KillPod() | RestartAllContainers():
                    steps.append(action)
                case _:
                    assert_never(action)
        if steps:
            self._step_running = True
            self._spawn(self._run_steps(steps))
        return actions.wake_at

    async def _run_steps(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                if self._stop_request is not None:
                    return
                match step:
                    case StartContainer(name):
                        if not await self._start(name):
                            return
                    case KillPod(kills, cause):
                        grace = effective_grace(self.pod)
                        by_name = {kill.name: kill for kill in kills}
                        await self._stopper.stop_all(cause, grace, by_name)
                    case RestartAllContainers():
                        await self._restart_all()
                    case _:
                        assert_never(step)
        finally:
            self._step_running = False
            self.wake()

    async def _start(self, name: str) -> bool:
        """Start one container; False when the step ends here: a failed init container (L-103)."""
        container = self.pod.container(name)
        init = self.pod.is_init(name)
        if not self.state.sandbox_ready:
            self.state.renew_sandbox()
        started = await self._starter.start(container)
        failure = self.state.start_failure(name)
        if started:
            self._retries.started(name)
        elif (
            failure is not None and (waiting := self._retries.after(container, failure)) != failure
        ):
            self._publish()
            self.state.wait_with(name, waiting)
        self._probes.wake()
        self.wake()
        return started or not init or is_sidecar(container, init=init)

    async def _restart_all(self) -> None:
        await self._stopper.kill_all(KillCause.RESTART_ALL, "killing", RESTART_ALL_GRACE_SECONDS)
        gone = self.state.forget_all_runs()
        self._memory.flush()
        for run in gone:
            await self._services.files.drop_instance(
                self.pod, run.name, run.container_id, run.restart_count
            )

    async def _terminate(self) -> None:
        """L-238: stop everything, then publish what is final."""
        self._probes.stop_liveness_and_startup()
        overdue = self._spawn(self._tell_when_overdue(self._grace()))
        while self._step_running or self.state.running():
            request, grace = self._stop_request or _FINISHED, self._grace()
            await self._stopper.stop_all(request.cause, grace, {})
            await self._bell.wait_for(lambda: not self._step_running or bool(self.state.running()))
        overdue.cancel()
        self._probes.stop()
        self._terminated = True
        self._publish()
        self._memory.changed()

    def _grace(self) -> float:
        """How long the containers have from now on; what of it passed while a daemon was not there
        has passed."""
        grace = (self._stop_request or _FINISHED).grace_period_seconds
        if grace is None or grace > 0:
            grace = effective_grace(self.pod, grace)
        if grace > 0 and self.state.adopted and self._stop_asked:
            spent = self._clock.monotonic() - self._stop_asked
            grace = max(grace - spent, MINIMUM_POD_GRACE_SECONDS)
        return grace

    async def _tell_when_overdue(self, grace_period_seconds: float) -> None:
        """L-250."""
        seconds = max(OVERDUE_SHARE * grace_period_seconds, LEAST_OVERDUE_SECONDS)
        await self._clock.sleep(seconds)
        message = "Container runtime did not kill the pod within specified grace period."
        reason = "ExceededGracePeriod"
        self._services.journal.append(
            KillFailed(at=self._clock.now(), pod=self.state.ref, reason=reason, message=message)
        )

    # --- deadlines and evictions

    def _deadline(self) -> float | None:
        seconds = self.pod.spec.active_deadline_seconds
        return None if seconds is None or self._began is None else self._began + seconds

    def _exceed_deadline(self) -> None:
        message = "Pod was active on the node longer than the specified deadline"
        self.state.tell(DeadlineExceeded(at=self._clock.now(), pod=self.state.ref, message=message))
        override = StatusOverride(PodPhase.FAILED, "DeadlineExceeded", message)
        self.request_stop(StopRequest(KillCause.DEADLINE, override=override))

    def _evict(self, message: str) -> None:
        self.state.tell(PodEvicted(at=self._clock.now(), pod=self.state.ref, message=message))
        override = StatusOverride(PodPhase.FAILED, "Evicted", message)
        self.request_stop(StopRequest(KillCause.EVICTED, EVICTION_GRACE_SECONDS, override))

    # --- telling

    def _publish(self) -> PodStatus:
        """Compute the status and tell what changed (section 16 to 18 of the lifecycle spec)."""
        before = self.status
        now = self._clock.now()
        status = compute_status(
            self.pod,
            self.state.observed(),
            before,
            now,
            host_ip=self._services.node.ip,
            pod_ip=self._services.node.ip,
            terminated=self._terminated,
            override=self._stop_request.override if self._stop_request else None,
        )
        if status != before:
            self._announce(status)
        return status

    def _announce(self, status: PodStatus) -> None:
        """Hand it over before it counts as known: a listener that fails gets it again."""
        before = self.status
        self._on_status(self.pod, status)
        self.status = status
        for record in status_records(before, status, self.state.ref, self._clock.now()):
            self.state.tell(record)
        self._probes.wake()

    def _finish(self) -> None:
        """Nothing is left of the pod: what its status does not know by now, it never will."""
        assert self.status is not None, "the pod was terminated"
        status = final_status(self.pod, self.status, self._clock.now())
        if status != self.status:
            self._announce(status)
        self.finished = True

    def _record(self, event: StopStepEvent | LogLostEvent) -> None:
        run = self.state.run_of(event.container_id)
        if run is not None:
            path = self.state.field_path(run.name)
            self._services.journal.append(
                runtime_record(event, self.state.ref, run.name, path, self._clock.now())
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside the loop, as a task of this worker; it is cancelled when the pod is
        finished."""
        assert self._group is not None, "the worker runs"
        task = self._group.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _other_definitions(before: Pod, after: Pod) -> list[str]:
    """The containers whose image or resources are others (L-173)."""
    keys = {container.name: back_off_key(container) for container in before.containers()}
    return [c.name for c in after.containers() if keys.get(c.name) != back_off_key(c)]
