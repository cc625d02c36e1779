"""The node agent: one supervised worker per pod.

Role: compares what the sources want with the workers there are, starts, updates and stops them,
and gives each fact from the runtime to the worker that it concerns.
Invariants: one worker per pod UID; a worker is the only writer of its pod's state; a pod is counted
as missing only when every source has reported; static pods of one full name never overlap (L-24);
level-triggered, a pass can be repeated.
Upstream: kubernetes pkg/kubelet, kubelet_pods.go and pod_workers.go (L-22 … L-26, L-69, L-75).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from minikubelet.clock import Wakeup
from minikubelet.kill_cause import KillCause
from minikubelet.log import get_logger
from minikubelet.manifest.pod import Pod
from minikubelet.node.admission import Rejection
from minikubelet.node.agent_pods import (
    AgentPod,
    Wanted,
    as_restored,
    ended_with_the_node,
    rejected_status,
    rejection_record,
)
from minikubelet.node.bell import Bell
from minikubelet.node.desired import DesiredPod, PodSourceName
from minikubelet.node.pod_worker import PodWorker
from minikubelet.node.port_clashes import declared_ports, port_clash_records
from minikubelet.node.recovery import RestoredPod
from minikubelet.node.services import NodeServices
from minikubelet.node.stop_request import StopRequest
from minikubelet.node.supervise import supervise
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.termination import MINIMUM_KILL_SECONDS
from minikubelet.runtime.processes import ContainerEvent

StatusListener = Callable[[Pod, PodStatus], None]
Admit = Callable[[Pod, Sequence[Pod], bool], Rejection | None]
"""Whether the node takes a pod beside the active ones; True for static pods."""

FIRST_REPORT_SECONDS = 5.0
"""So long restored pods wait for their source; then they go on as they were known."""

log = get_logger(__name__)


def _take_all(pod: Pod, active: Sequence[Pod], static: bool) -> None:
    return None


class NodeAgent:
    """`sources` are those that have to report before a pod counts as missing.

    `on_finished` hears of each pod of which nothing runs any more, or ever will; `on_removed` when
    nobody wants it either; `on_pass` after each look at all pods. A bare agent takes every pod.
    """

    def __init__(
        self,
        services: NodeServices,
        on_status: StatusListener,
        *,
        sources: Collection[PodSourceName] = (),
        admit: Admit = _take_all,
        on_finished: Callable[[DesiredPod], None] = lambda desired: None,
        on_removed: Callable[[DesiredPod], None] = lambda desired: None,
        on_pass: Callable[[], None] = lambda: None,
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._on_status = on_status
        self._admit = admit
        self._on_finished = on_finished
        self._on_removed = on_removed
        self._on_pass = on_pass
        self._wanted = Wanted(sources)
        self._pods: dict[str, AgentPod] = {}
        self._restored: dict[str, RestoredPod] = {}
        self._wakeup = Wakeup(services.clock)
        self._bell = Bell(services.clock)
        self._group: asyncio.TaskGroup | None = None
        self._failing: set[str] = set()
        self._stopping = False
        self._ready = False
        self.looked = asyncio.Event()
        """Set when what an earlier daemon left has been taken up."""

    # --- what there is

    @property
    def workers(self) -> tuple[PodWorker, ...]:
        return tuple(pod.worker for pod in self._pods.values() if pod.worker is not None)

    @property
    def pods(self) -> tuple[DesiredPod, ...]:
        """All that are configured, or stop because they are not any more."""
        return tuple(pod.desired for pod in self._pods.values())

    @property
    def active(self) -> tuple[Pod, ...]:
        """Those that count against the node's resources and ports."""
        return tuple(pod.desired.pod for pod in self._pods.values() if pod.active)

    @property
    def ready(self) -> bool:
        """Whether every source has reported, and what it wants has been looked at."""
        return self._ready

    def worker(self, uid: str) -> PodWorker | None:
        pod = self._pods.get(uid)
        return pod.worker if pod else None

    def is_over(self, uid: str) -> bool:
        """Whether the pod is known, and nothing of it runs or will run."""
        pod = self._pods.get(uid)
        return pod is not None and pod.over

    def known_containers(self) -> dict[str, frozenset[str]]:
        """Ids of the instances whose files are of use, by the UID of each pod that is known."""
        known: dict[str, frozenset[str]] = {d.uid: frozenset() for d in self._wanted.all()}
        known |= {uid: frozenset(pod.instances) for uid, pod in self._restored.items()}
        for uid, pod in self._pods.items():
            ids = pod.worker.state.container_ids() if pod.worker is not None else ()
            known[uid] = frozenset(ids)
        return known

    # --- what the sources say

    def desired(self, source: PodSourceName, pods: Iterable[DesiredPod]) -> None:
        """All pods that a source wants from now on."""
        self._wanted.set_all(source, pods)
        self.wake()

    def set_pod(self, desired: DesiredPod) -> None:
        """A new or changed pod of a source."""
        self._wanted.set(desired)
        self.wake()

    def drop_pod(self, source: PodSourceName, uid: str) -> None:
        """The source does not want the pod any more."""
        self._wanted.drop(source, uid)
        self.wake()

    def source_ready(self, source: PodSourceName) -> None:
        """`set_pod` has been called for everything that the source wants."""
        self._wanted.ready(source)
        self.wake()

    def wake(self) -> None:
        self._wakeup.set()

    # --- what the runtime says

    def handle(self, event: ContainerEvent) -> None:
        """Give a fact from the runtime to the worker of its pod."""
        for worker in self.workers:
            if worker.state.run_of(event.container_id) is not None:
                worker.handle(event)
                return

    # --- life

    async def run_pods(self, pods: Iterable[Pod]) -> None:
        """Run these pods, and what a source brings meanwhile; returns when these are finished and
        nothing of any is left."""
        given = [AgentPod(DesiredPod(pod, {}, PodSourceName.FILE)) for pod in pods]
        for pod in given:
            pod.worker = PodWorker(pod.desired.pod, self._services, self._on_status)
            self._pods[pod.desired.uid] = pod
            self._wanted.set(pod.desired)
        self._tell_port_clashes([pod.desired.pod for pod in given], ())
        async with asyncio.TaskGroup() as group:
            self._group = group
            for pod in given:
                self._spawn(group, pod)
            passes = group.create_task(self._follow_sources(), name="sources")
            await self._bell.wait_for(lambda: not any(pod.running for pod in given))
            passes.cancel()
            self.stop_all(StopRequest(KillCause.SHUTDOWN))

    async def _follow_sources(self) -> None:
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            self._reconcile()

    async def run(self, restored: Iterable[RestoredPod] = ()) -> None:
        """Until cancelled, which leaves the containers to their shims. `restored` are matched with
        what the sources want before anything new starts."""
        self._restored = {pod.uid: pod for pod in restored}
        hold_until = self._clock.monotonic() + FIRST_REPORT_SECONDS
        async with asyncio.TaskGroup() as group:
            self._group = group
            while not self._wanted.complete and self._clock.monotonic() < hold_until:
                self._wakeup.clear()
                await self._wakeup.wait(hold_until)
            while True:
                self._wakeup.clear()
                self._reconcile()
                self._ready = self._wanted.complete
                self.looked.set()
                self._on_pass()
                await self._wakeup.wait()

    def stop_all(self, request: StopRequest) -> None:
        """Stop every pod; nothing is started any more."""
        self._stopping = True
        for worker in self.workers:
            worker.request_stop(request)

    async def wait_stopped(self) -> None:
        """Until no worker runs."""
        await self._bell.wait_for(lambda: not any(pod.running for pod in self._pods.values()))

    # --- one pass (L-22: REMOVE, ADD, UPDATE, DELETE)

    def _reconcile(self) -> None:
        self._failing = {uid for uid in self._failing if self._wanted.get(uid) is not None}
        if self._wanted.complete:
            for pod in tuple(self._pods.values()):
                if self._wanted.get(pod.desired.uid) is None:
                    self._try(pod.desired.uid, partial(self._remove, pod))
        if self._stopping:
            return
        self._resume_restored()
        known = [self._pods[d.uid] for d in self._wanted.all() if d.uid in self._pods]
        for desired in self._wanted.all():
            if desired.uid not in self._pods and not self._must_wait(desired):
                self._try(desired.uid, partial(self._add, desired))
        for pod in known:
            wanted = self._wanted.get(pod.desired.uid)
            if wanted is not None:
                self._try(wanted.uid, partial(self._update, pod, wanted))

    def _try(self, uid: str, step: Callable[[], None]) -> bool:
        """One pod that cannot be dealt with must not take the node down; told once."""
        try:
            step()
        except Exception:
            if uid not in self._failing:
                log.exception("cannot deal with a pod", uid=uid)
            self._failing.add(uid)
            return False
        self._failing.discard(uid)
        return True

    def _remove(self, pod: AgentPod) -> None:
        pod.removed = True
        if pod.over:
            del self._pods[pod.desired.uid]
            self._on_removed(pod.desired)
        elif pod.worker is not None and not pod.stop_asked:
            pod.stop_asked = True
            pod.worker.request_stop(StopRequest(KillCause.DELETED))  # L-244, L-245

    def _resume_restored(self) -> None:
        """Pods of the earlier daemon go on first, also those that nobody wants any more: they are
        stopped in order by the next pass."""
        restored, self._restored = self._restored, {}
        for uid, record in restored.items():
            if not self._try(uid, partial(self._resume, record)):
                self._give_up(record)
        if restored:
            self.wake()

    def _resume(self, restored: RestoredPod) -> None:
        desired = self._wanted.get(restored.uid) or as_restored(restored)
        if desired is None:
            self._give_up(restored)
        elif not ended_with_the_node(restored):
            self._start(desired, restored)

    def _give_up(self, restored: RestoredPod) -> None:
        """Nobody can say what this pod is: what runs of it belongs to no pod (L-246)."""
        log.error("pod cannot be restored", uid=restored.uid, why="its record is damaged")
        for container_id, adopted in restored.instances.items():
            if adopted.alive:
                self._services.runtime.release(container_id)
                self._services.runtime.stop(container_id, MINIMUM_KILL_SECONDS)

    def _must_wait(self, desired: DesiredPod) -> bool:
        """L-24: for another static pod of its full name."""
        return desired.is_static and any(
            pod.desired.is_static and not pod.over and pod.desired.full_name == desired.full_name
            for pod in self._pods.values()
        )

    def _add(self, desired: DesiredPod) -> None:
        status = desired.status
        if status is not None and status.phase.terminal:  # L-84
            self._pods[desired.uid] = AgentPod(desired)
            self._on_finished(desired)
            return
        rejection = None
        if not desired.deleting:
            rejection = self._admit(desired.pod, self.active, desired.is_static)
        if rejection is None:
            self._start(desired)
        else:
            self._pods[desired.uid] = AgentPod(desired)
            self._reject(desired.pod, rejection)

    def _reject(self, pod: Pod, rejection: Rejection) -> None:
        """L-69: no worker, no container, a final status."""
        now = self._clock.now()
        self._services.journal.append(rejection_record(pod, rejection, now))
        self._on_status(pod, rejected_status(pod, rejection, now))

    def _update(self, pod: AgentPod, wanted: DesiredPod) -> None:
        if pod.removed:  # L-25: the same UID again, while it still stopped
            if pod.over:
                del self._pods[pod.desired.uid]
                self._on_removed(pod.desired)
                self._add(wanted)
            return
        before, pod.desired = pod.desired, wanted
        if pod.worker is None or (before is wanted and not pod.has_news_for_worker):
            return
        pod.tell_worker()
        self._delete_if_asked(pod)

    def _delete_if_asked(self, pod: AgentPod) -> None:
        """L-77, L-79: at least a second; a shorter one later counts (L-241)."""
        if pod.worker is None or not pod.desired.deleting or not pod.running:
            return
        grace = pod.desired.pod.metadata.deletion_grace_period_seconds
        seconds = None if grace is None else max(float(grace), 1.0)
        pod.stop_asked = True
        pod.worker.request_stop(StopRequest(KillCause.DELETED, seconds))

    # --- workers

    def _start(self, desired: DesiredPod, restored: RestoredPod | None = None) -> None:
        pod = AgentPod(desired)
        pod.worker = PodWorker(
            desired.pod,
            self._services,
            self._listen,
            document=desired.document,
            source=desired.source,
            scheduled_to=desired.scheduled_to,
            restored=restored,
        )
        self._pods[desired.uid] = pod
        if restored is not None:
            pod.tell_worker()
            if pod.worker.status is not None:
                # The earlier daemon may have had no time to write it.
                self._on_status(desired.pod, pod.worker.status)
        else:
            pod.unsent = desired.status is not None
        assert self._group is not None, "the agent runs"
        self._spawn(self._group, pod)
        self._delete_if_asked(pod)
        if restored is None:
            others = [other for other in self.active if other is not desired.pod]
            self._tell_port_clashes([desired.pod], others)

    def _listen(self, pod: Pod, status: PodStatus) -> None:
        self._on_status(pod, status)
        known = self._pods.get(pod.metadata.uid)
        if known is not None and known.unsent:
            self.wake()

    def _spawn(self, group: asyncio.TaskGroup, pod: AgentPod) -> None:
        assert pod.worker is not None
        pod.running = True
        group.create_task(self._work(pod, pod.worker), name=f"pod {pod.worker.state.ref}")

    async def _work(self, pod: AgentPod, worker: PodWorker) -> None:
        await supervise(f"pod {worker.state.ref}", worker.run, worker.after_crash)
        pod.running = False
        self._on_finished(pod.desired)
        self._bell.ring()
        self.wake()

    def _tell_port_clashes(self, pods: Sequence[Pod], others: Sequence[Pod]) -> None:
        ports = {port for pod in pods for _, port in declared_ports(pod)}
        if not ports:
            return
        # Who holds a port that a pod here declares is that pod: it is named instead.
        own = {port for pod in others for _, port in declared_ports(pod)}
        holders = self._services.port_holders(sorted(ports - own)) if ports - own else {}
        for record in port_clash_records(pods, others, holders, self._clock.now()):
            self._services.journal.append(record)
