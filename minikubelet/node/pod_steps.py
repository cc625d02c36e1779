"""Carry out what was decided for a pod.

Role: kills begin at once and beside everything else; starts and the stop of the whole pod are done
one after the other, in the order of the decision (L-101, L-102).
Invariants: one sequence at a time; it ends early when the pod is to stop (L-78).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import is_sidecar
from minikubelet.node.container_start import ContainerStarter
from minikubelet.node.pod_memory import PodMemory
from minikubelet.node.pod_state import PodState
from minikubelet.node.pod_stop import PodStopper
from minikubelet.node.retries import Retries
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import Spawn
from minikubelet.pod.actions import (
    HoldContainer,
    KillContainer,
    KillPod,
    PodActions,
    RestartAllContainers,
    StartContainer,
)
from minikubelet.pod.termination import effective_grace
from minikubelet.runtime.launch import LaunchSpec

RESTART_ALL_GRACE_SECONDS = 2.0

Step = StartContainer | KillPod | RestartAllContainers


class PodSteps:
    """`publish` shows the status as it is, between a failure and the wait that follows it;
    `changed` is told when there is something new to decide; `stopping`: the pod is to stop."""

    def __init__(
        self,
        state: PodState,
        services: NodeServices,
        starter: ContainerStarter,
        stopper: PodStopper,
        retries: Retries,
        memory: PodMemory,
        *,
        spawn: Spawn,
        publish: Callable[[], object],
        changed: Callable[[], None],
        stopping: Callable[[], bool],
    ) -> None:
        self.running = False
        """Whether a sequence is under way."""
        self._state = state
        self._services = services
        self._starter = starter
        self._stopper = stopper
        self._retries = retries
        self._memory = memory
        self._spawn = spawn
        self._publish = publish
        self._changed = changed
        self._stopping = stopping

    def begin(self, actions: PodActions) -> bool:
        """Begin with all of it; True when a start is newly held back, which shows in the status."""
        steps: list[Step] = []
        held = False
        for action in actions.now:
            match action:
                case HoldContainer():
                    held |= self._state.held(action)
                case KillContainer():
                    if not self._stopper.is_stopping(action.container_id):
                        self._spawn(self._stopper.stop(action))
                case StartContainer() | KillPod() | RestartAllContainers():
                    steps.append(action)
                case _:
                    assert_never(action)
        if steps:
            self.running = True
            self._spawn(self._run(steps))
        return held

    def resume(self) -> None:
        """Go on with the starts that were under way, their postStart hooks included."""
        if self._state.launching:
            self.running = True
            self._spawn(self._finish_starts(tuple(self._state.launching.values())))
        for run in self._state.starting():
            self._spawn(self._resume_start(run.name, run.container_id))

    async def _run(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                if self._stopping():
                    return
                match step:
                    case StartContainer(name):
                        if not await self._start(name):
                            return
                    case KillPod(kills, cause):
                        grace = effective_grace(self._state.pod)
                        by_name = {kill.name: kill for kill in kills}
                        await self._stopper.stop_all(cause, grace, by_name)
                    case RestartAllContainers():
                        await self._restart_all()
                    case _:
                        assert_never(step)
        finally:
            self.running = False
            self._changed()

    async def _start(self, name: str) -> bool:
        """Start one container; False when the step ends here: a failed init container (L-103)."""
        container = self._state.pod.container(name)
        init = self._state.pod.is_init(name)
        if not self._state.sandbox_ready:
            self._state.renew_sandbox()
        started = await self._starter.start(container)
        failure = self._state.start_failures.get(name)
        if started:
            self._retries.started(name)
        elif (
            failure is not None and (waiting := self._retries.after(container, failure)) != failure
        ):
            self._publish()
            self._state.wait_with(name, waiting)
        self._changed()
        return started or not init or is_sidecar(container, init=init)

    async def _finish_starts(self, specs: Sequence[LaunchSpec]) -> None:
        try:
            for spec in specs:
                await self._starter.finish(spec)
        finally:
            self.running = False
            self._changed()

    async def _resume_start(self, name: str, container_id: str) -> None:
        await self._starter.resume(name, container_id)
        self._changed()

    async def _restart_all(self) -> None:
        await self._stopper.kill_all(KillCause.RESTART_ALL, "killing", RESTART_ALL_GRACE_SECONDS)
        gone = self._state.forget_all_runs()
        self._memory.flush()
        for run in gone:
            await self._services.files.drop_instance(
                self._state.pod, run.name, run.container_id, run.restart_count
            )
