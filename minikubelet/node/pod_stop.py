"""Stop containers of one pod: one for its probe, or all in order.

Role: starts a `ContainerStop` for each, gives it its hook and its turn, and records what happens.
Invariants: at most one stop per instance at any time (L-199). How far each has come stands in the
pod's state: who goes on with a stop, after a crash or as a new daemon, gives it no new grace
period, hook or signal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from minikubelet.journal import StopStep
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, LifecycleHandler
from minikubelet.node.bell import Bell
from minikubelet.node.hooks import HookRunner
from minikubelet.node.journal_records import hook_record
from minikubelet.node.pod_record import HookNote, KeptStop
from minikubelet.node.pod_state import PodState
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import ContainerStop, Spawn, StopSteps
from minikubelet.pod.actions import KillContainer
from minikubelet.pod.observed import ContainerRun
from minikubelet.pod.termination import runs_pre_stop, stop_order

PRE_STOP = "preStop"


class PodStopper:
    def __init__(
        self,
        state: PodState,
        services: NodeServices,
        hooks: HookRunner,
        bell: Bell,
        spawn: Spawn,
        *,
        keep: Callable[[], None],
    ) -> None:
        """`keep` is told when what is to be kept on disk has changed."""
        self._state = state
        self._services = services
        self._hooks = hooks
        self._bell = bell
        self._spawn = spawn
        self._keep = keep
        self._stops: dict[str, ContainerStop] = {}

    def is_stopping(self, container_id: str) -> bool:
        return container_id in self._stops

    def shorten(self, grace_period_seconds: float) -> None:
        """Every stop under way has at most this much time left; 0 kills at once."""
        for container_id in tuple(self._state.stops):
            self._shorten(container_id, grace_period_seconds)

    async def resume(self, container_id: str) -> None:
        """Go on with a stop that was interrupted."""
        if container_id in self._state.stops:
            await self._carry_out(container_id)

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
                if run.container_id in self._state.stops:
                    self._shorten(run.container_id, grace_period_seconds)
                    group.create_task(self._carry_out(run.container_id))
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
        kept = self._state.stops.get(kill.container_id)
        if kept is None:
            kept = KeptStop(
                kill.container_id,
                kill.cause,
                kill.message,
                kill.grace_period_seconds,
                began=self._services.clock.monotonic(),
                wait_for=tuple(sorted(wait_for)),
                run_pre_stop=run_pre_stop,
                at_once=at_once,
            )
            self._state.stop_begins(run, kept)
            self._keep()
        await self._carry_out(kill.container_id)

    async def _carry_out(self, container_id: str) -> None:
        """Do what is left of the stop in the pod's state."""
        run, kept = self._state.run_of(container_id), self._state.stops[container_id]
        if run is None or self._state.is_gone(container_id) or self.is_stopping(container_id):
            return
        stop = ContainerStop(
            container_id,
            kept.grace_period_seconds,
            self._steps(run, kept),
            stopper=self._services.runtime,
            clock=self._services.clock,
            bell=self._bell,
            spawn=self._spawn,
            began=kept.began,
            signaled=kept.signaled,
        )
        self._stops[container_id] = stop
        if kept.at_once:
            stop.kill()
        try:
            await stop.run()
        finally:
            del self._stops[container_id]
            self._bell.ring()

    def _steps(self, run: ContainerRun, kept: KeptStop) -> StopSteps:
        container = self._state.pod.container(run.name)
        handler = None
        if kept.run_pre_stop and runs_pre_stop(container, kept.grace_period_seconds):
            handler = container.lifecycle.pre_stop if container.lifecycle else None
        if kept.pre_stop is not None and kept.pre_stop.ended:
            handler = None
        return StopSteps(
            gone=lambda: self._state.is_gone(run.container_id),
            may_signal=lambda: all(self._state.is_gone(other) for other in kept.wait_for),
            pre_stop=None
            if handler is None
            else lambda: self._pre_stop(container, run.container_id, handler),
            waited=lambda seconds: self._note(run, "wait", seconds),
            signaled=lambda: self._change(run.container_id, signaled=True),
        )

    async def _pre_stop(
        self, container: Container, container_id: str, handler: LifecycleHandler
    ) -> None:
        clock, kept = self._services.clock, self._state.stops.get(container_id)
        note = kept.pre_stop if kept is not None else None
        if note is None:
            note = HookNote(clock.monotonic())
            self._change(container_id, pre_stop=note)
        result = await self._hooks.run(
            self._state.pod, container, container_id, handler, key=PRE_STOP, began=note.began
        )
        self._change(container_id, pre_stop=replace(note, ended=True, message=result.message))
        self._state.tell(
            hook_record(
                PRE_STOP,
                handler,
                result,
                note.began,
                state=self._state,
                container=container.name,
                container_id=container_id,
                clock=clock,
            )
        )

    def _shorten(self, container_id: str, grace_period_seconds: float) -> None:
        """At most so much time is left from now on."""
        kept, live = self._state.stops[container_id], self._stops.get(container_id)
        now = self._services.clock.monotonic()
        if live is not None:
            if grace_period_seconds <= 0:
                live.kill()
            else:
                live.shorten(grace_period_seconds)
        grace = min(kept.grace_period_seconds, now - kept.began + grace_period_seconds)
        at_once = kept.at_once or grace_period_seconds <= 0
        if live is None and kept.signaled and grace < kept.grace_period_seconds:
            self._services.runtime.stop(container_id, max(0.0, kept.began + grace - now))
        self._change(container_id, grace_period_seconds=grace, at_once=at_once)

    def _change(self, container_id: str, **changes: Any) -> None:
        """Nothing for a container that has gone: its stop is over."""
        kept = self._state.stops.get(container_id)
        if kept is not None:
            self._state.stops[container_id] = replace(kept, **changes)
            self._keep()

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
