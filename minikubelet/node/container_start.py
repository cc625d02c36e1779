"""Start one container: launch, record, postStart.

Role: the shell of one start (L-105 … L-112, L-185, L-186). Back-off was decided before; retries are
decided after.
Invariants: when `start()` returns, the start has succeeded or its failure stands in the pod's
state. The instance is kept on disk before anything of it runs, and told of when it is known to be
there, so a daemon that is killed anywhere in here leaves one instance, or none that ever ran.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, HTTPGetAction, LifecycleHandler, SleepAction
from minikubelet.node.bell import Bell
from minikubelet.node.hooks import HookResult, HookRunner, sleep_interrupted
from minikubelet.node.journal_records import hook_record
from minikubelet.node.pod_record import HookNote
from minikubelet.node.pod_state import PodState
from minikubelet.node.pod_stop import PodStopper
from minikubelet.node.services import NodeServices
from minikubelet.pod.actions import KillContainer
from minikubelet.pod.observed import StartFailure
from minikubelet.pod.termination import effective_grace
from minikubelet.runtime.errors import ContainerStartError
from minikubelet.runtime.launch import LaunchSpec

POST_START = "postStart"


class ContainerStarter:
    """Starts the containers of one pod, one at a time (L-102)."""

    def __init__(
        self,
        state: PodState,
        services: NodeServices,
        hooks: HookRunner,
        bell: Bell,
        *,
        changed: Callable[[], None],
        stopper: PodStopper,
        terminating: Callable[[], bool],
        keep: Callable[[], None],
    ) -> None:
        """`keep` writes what must be on disk, now. It raises OSError."""
        self._state = state
        self._services = services
        self._hooks = hooks
        self._bell = bell
        self._changed = changed
        self._stopper = stopper
        self._terminating = terminating
        self._keep = keep

    async def start(self, container: Container) -> bool:
        """Start it and run its postStart hook; False when either failed (the state says how)."""
        name = container.name
        container_id = self._services.new_container_id()
        self._state.start_attempted(name)
        try:
            restart_count = await self._next_restart_count(name)
            launch = await self._services.files.build_launch(
                self._state.pod, container, container_id, restart_count
            )
        except ContainerStartError as error:
            self._state.start_failed(name, StartFailure(error.reason, error.message))
            return False
        surplus = self._state.created(name, launch, restart_count)
        if not self._is_kept(name, container_id):
            return False
        try:
            return await self._launch(launch.spec)
        finally:
            for run in surplus:
                await self._services.files.drop_instance(
                    self._state.pod, name, run.container_id, run.restart_count
                )

    async def finish(self, spec: LaunchSpec) -> None:
        """Go on with a start that a crash has cut short."""
        await self._launch(spec)

    async def resume(self, name: str, container_id: str) -> None:
        """Go on with a start that was interrupted after its process had begun (L-91, L-185)."""
        await self._settle(self._state.pod.container(name), container_id)

    def _is_kept(self, name: str, container_id: str) -> bool:
        try:
            self._keep()
        except OSError as error:
            self._state.discard(container_id)
            text = f"cannot write the record of the pod: {error}"
            self._state.start_failed(name, StartFailure("CreateContainerError", text))
            return False
        return True

    async def _next_restart_count(self, name: str) -> int:
        known = self._state.next_restart_count(name)
        if known is not None:
            return known
        return await self._services.files.next_restart_count(self._state.pod, name)

    async def _launch(self, spec: LaunchSpec) -> bool:
        name, container_id = spec.container_name, spec.container_id
        self._state.launching[container_id] = spec
        try:
            record = await self._services.runtime.start(spec)
        except ContainerStartError as error:
            del self._state.launching[container_id]
            if error.reason == "RunContainerError":
                self._state.exec_failed(container_id, error.message)
            else:
                self._state.discard(container_id)
            self._state.start_failed(name, StartFailure(error.reason, error.message), container_id)
            return False
        del self._state.launching[container_id]
        self._state.started(container_id, record)
        return await self._settle(self._state.pod.container(name), container_id)

    async def _settle(self, container: Container, container_id: str) -> bool:
        handler = container.lifecycle.post_start if container.lifecycle else None
        if handler is None:
            self._state.start_settled(container.name, container_id)
            self._changed()
            return True
        result = await self._post_start(container, container_id, handler)
        if result is None or result.ok:
            self._state.start_settled(container.name, container_id)
            self._changed()
            return True
        failure = StartFailure("PostStartHookError", result.message)
        grace = effective_grace(self._state.pod, None)
        await self._stopper.stop(
            KillContainer(
                container.name,
                container_id,
                KillCause.POST_START_HOOK,
                "FailedPostStartHook",
                grace,
            )
        )
        self._state.start_failed(container.name, failure, container_id)
        self._changed()
        return False

    async def _post_start(
        self, container: Container, container_id: str, handler: LifecycleHandler
    ) -> HookResult | None:
        """The hook's result; None when the pod began to terminate and the wait was given up
        (L-78)."""
        clock, note = self._services.clock, self._state.post_start.get(container_id)
        if note is None:
            note = HookNote(clock.monotonic())
            self._state.post_start[container_id] = note
            self._changed()
        elif note.ended:
            return HookResult(note.message)
        elif isinstance(handler.http_get, HTTPGetAction):
            return HookResult()  # whether it was sent cannot be known: as upstream, not again
        result = await self._run_hook(container, container_id, handler, note)
        if result is None and not self._terminating():
            result = self._ended_first(container, handler)
        if result is not None:
            ended = replace(note, ended=True, message=result.message)
            self._state.post_start[container_id] = ended
            self._state.tell(
                hook_record(
                    POST_START,
                    handler,
                    result,
                    note.began,
                    state=self._state,
                    container=container.name,
                    container_id=container_id,
                    clock=clock,
                )
            )
        return result

    async def _run_hook(
        self, container: Container, container_id: str, handler: LifecycleHandler, note: HookNote
    ) -> HookResult | None:
        """None when the container ended, or the pod began to terminate, before the hook did."""
        results: list[HookResult] = []

        async def hook() -> None:
            results.append(
                await self._hooks.run(
                    self._state.pod,
                    container,
                    container_id,
                    handler,
                    key=POST_START,
                    began=note.began,
                )
            )
            self._bell.ring()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(hook())
            await self._bell.wait_for(
                lambda: bool(results) or self._terminating() or self._state.is_gone(container_id)
            )
            if not results:
                self._hooks.cancel(container_id, POST_START)
            task.cancel()
        return results[0] if results else None

    def _ended_first(self, container: Container, handler: LifecycleHandler) -> HookResult:
        if isinstance(handler.sleep, SleepAction):
            return sleep_interrupted(self._state.pod, container, handler.sleep.seconds)
        return HookResult("container terminated before postStart hook finished")
