"""Stop containers of one pod: one for its probe, or all in order.

Role: starts a `ContainerStop` for each, gives it its hook and its turn, and records what happens.
Invariants: at most one stop per instance at any time (L-199).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from minikubelet.journal import StopStep
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, LifecycleHandler
from minikubelet.node.bell import Bell
from minikubelet.node.hooks import HookRunner
from minikubelet.node.pod_records import hook_record
from minikubelet.node.pod_state import PodState
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import ContainerStop, Spawn, StopSteps
from minikubelet.pod.actions import KillContainer
from minikubelet.pod.observed import ContainerRun
from minikubelet.pod.termination import runs_pre_stop, stop_order


class PodStopper:
    def __init__(
        self, state: PodState, services: NodeServices, hooks: HookRunner, bell: Bell, spawn: Spawn
    ) -> None:
        self._state = state
        self._services = services
        self._hooks = hooks
        self._bell = bell
        self._spawn = spawn
        self._stops: dict[str, ContainerStop] = {}

    def is_stopping(self, container_id: str) -> bool:
        return container_id in self._stops

    def shorten(self, grace_period_seconds: float) -> None:
        """Every stop under way has at most this much time left; 0 kills at once."""
        for stop in tuple(self._stops.values()):
            _shorten(stop, grace_period_seconds)

    async def stop_all(
        self, cause: KillCause, grace_period_seconds: float, kills: Mapping[str, KillContainer]
    ) -> None:
        """Stop what runs, all at once but for sidecars, which wait for their turn (L-197). `kills`
        override text and grace by container name; a grace of 0 for all kills at once. Returns when
        everything is gone."""
        running = self._state.running()
        order = stop_order(self._state.pod, frozenset(run.name for run in running))
        async with asyncio.TaskGroup() as group:
            for run in running:
                if (stop := self._stops.get(run.container_id)) is not None:
                    _shorten(stop, grace_period_seconds)
                    continue
                kill = kills.get(run.name) or KillContainer(
                    run.name,
                    run.container_id,
                    cause,
                    f"Stopping container {run.name}",
                    grace_period_seconds,
                )
                turn = self._ids(order.get(run.name, frozenset()))
                at_once = grace_period_seconds <= 0
                group.create_task(self.stop(kill, turn, at_once=at_once))
        await self._all_gone(running)

    async def kill_all(self, cause: KillCause, message: str, grace_period_seconds: float) -> None:
        """Stop what runs at once and without preStop hooks (L-166)."""
        running = self._state.running()
        async with asyncio.TaskGroup() as group:
            for run in running:
                kill = KillContainer(
                    run.name, run.container_id, cause, message, grace_period_seconds
                )
                group.create_task(self.stop(kill, run_pre_stop=False))
        await self._all_gone(running)

    async def stop(
        self,
        kill: KillContainer,
        wait_for: frozenset[str] = frozenset(),
        *,
        run_pre_stop: bool = True,
        at_once: bool = False,
    ) -> None:
        """Stop one instance, after the instances `wait_for`; returns when it is gone. `at_once`
        kills it without hook, turn and TERM."""
        run = self._state.run_of(kill.container_id)
        if (
            run is None
            or self._state.is_gone(kill.container_id)
            or self.is_stopping(kill.container_id)
        ):
            return
        container = self._state.pod.container(kill.name)
        handler = None
        if run_pre_stop and runs_pre_stop(container, kill.grace_period_seconds):
            handler = container.lifecycle.pre_stop if container.lifecycle else None
        self._state.kill_requested(run, kill.cause, kill.message, kill.grace_period_seconds)
        steps = StopSteps(
            gone=lambda: self._state.is_gone(kill.container_id),
            may_signal=lambda: all(self._state.is_gone(other) for other in wait_for),
            pre_stop=None
            if handler is None
            else lambda: self._pre_stop(container, kill.container_id, handler),
            waited=lambda seconds: self._note(run, "wait", seconds),
        )
        stop = ContainerStop(
            kill.container_id,
            kill.grace_period_seconds,
            steps,
            stopper=self._services.runtime,
            clock=self._services.clock,
            bell=self._bell,
            spawn=self._spawn,
        )
        self._stops[kill.container_id] = stop
        if at_once:
            stop.kill()
        try:
            await stop.run()
        finally:
            del self._stops[kill.container_id]
            self._bell.ring()

    async def _pre_stop(
        self, container: Container, container_id: str, handler: LifecycleHandler
    ) -> None:
        clock = self._services.clock
        began = clock.monotonic()
        result = await self._hooks.run(self._state.pod, container, container_id, handler)
        self._services.journal.append(
            hook_record(
                "preStop",
                handler,
                result,
                began,
                state=self._state,
                container=container.name,
                clock=clock,
            )
        )

    def _note(self, run: ContainerRun, step: str, seconds: float) -> None:
        self._services.journal.append(
            StopStep(
                at=self._services.clock.now(),
                pod=self._state.ref,
                container=run.name,
                field_path=self._state.field_path(run.name),
                container_id=run.container_id,
                step=step,
                seconds=seconds,
            )
        )

    def _ids(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset(run.container_id for name in names if (run := self._state.latest(name)))

    async def _all_gone(self, runs: tuple[ContainerRun, ...]) -> None:
        await self._bell.wait_for(
            lambda: all(self._state.is_gone(run.container_id) for run in runs)
        )


def _shorten(stop: ContainerStop, grace_period_seconds: float) -> None:
    if grace_period_seconds <= 0:
        stop.kill()
    else:
        stop.shorten(grace_period_seconds)
