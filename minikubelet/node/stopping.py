"""Stop one container: preStop, its turn, TERM, grace, KILL.

Role: the shell around the arithmetic of `pod/termination.py` (L-194 … L-201). The runtime sends the
signals and keeps the last deadline by itself; this sequence decides when it begins.
Invariants: the deadline of a stop can only come nearer; the container is gone when `run()` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from minikubelet.clock import Clock
from minikubelet.node.bell import Bell
from minikubelet.pod.termination import remaining_after
from minikubelet.value_class import dataclass

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Stopper(Protocol):
    """Stops a process tree: TERM, then KILL after the grace; implemented by
    `runtime/processes.py`."""

    def stop(self, container_id: str, grace_period_seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class StopSteps:
    """What is particular to the stop of one container."""

    gone: Callable[[], bool]
    """Whether the container has exited."""
    may_signal: Callable[[], bool]
    """Whether its turn has come: everything that must stop before it has stopped."""
    pre_stop: Callable[[], Coroutine[Any, Any, None]] | None
    """Runs and records the hook; None without one."""
    waited: Callable[[float], None]
    """Told how long, in seconds, the container waited for its turn."""
    signaled: Callable[[], None] = lambda: None
    """Told when the runtime was asked to signal."""


class ContainerStop:
    """The stop of one instance, as long as it lasts."""

    def __init__(
        self,
        container_id: str,
        grace_period_seconds: float,
        steps: StopSteps,
        *,
        stopper: Stopper,
        clock: Clock,
        bell: Bell,
        spawn: Spawn,
        began: float | None = None,
        signaled: bool = False,
    ) -> None:
        """`began` and `signaled` tell of a stop that an earlier daemon was interrupted in."""
        self._container_id = container_id
        self._grace = grace_period_seconds
        self._began = clock.monotonic() if began is None else began
        self._steps = steps
        self._stopper = stopper
        self._clock = clock
        self._bell = bell
        self._spawn = spawn
        self._signaled = signaled

    def shorten(self, grace_period_seconds: float) -> None:
        """From now on at most this much time is left. A longer one changes nothing."""
        self._grace = min(self._grace, self._clock.monotonic() - self._began + grace_period_seconds)
        if self._signaled:
            self._stopper.stop(self._container_id, grace_period_seconds)
        self._bell.ring()

    def kill(self) -> None:
        """Do not wait for hook, turn and grace period: kill it now."""
        self._signal(0.0)
        self._bell.ring()

    async def run(self) -> None:
        if self._steps.pre_stop is not None and not self._signaled:
            await self._run_hook(self._steps.pre_stop)
        spent = self._whole_seconds_since(self._began)
        turn_began = self._clock.monotonic()
        if not self._signaled and not self._steps.may_signal():
            await self._until(self._steps.may_signal)
            self._steps.waited(self._clock.monotonic() - turn_began)
        spent += self._whole_seconds_since(turn_began)
        if not self._signaled and not self._steps.gone():
            self._signal(remaining_after(self._grace, spent))
        await self._bell.wait_for(self._steps.gone)

    def _signal(self, grace_period_seconds: float) -> None:
        self._signaled = True
        self._stopper.stop(self._container_id, grace_period_seconds)
        self._steps.signaled()

    async def _run_hook(self, pre_stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Give the hook the whole grace period; after that it is left to itself (L-193)."""
        ended: list[bool] = []

        async def hook() -> None:
            await pre_stop()
            ended.append(True)
            self._bell.ring()

        self._spawn(hook())
        await self._until(lambda: bool(ended))

    async def _until(self, fact: Callable[[], bool]) -> None:
        await self._bell.wait_for(
            lambda: fact() or self._signaled or self._steps.gone(),
            lambda: self._began + self._grace,
        )

    def _whole_seconds_since(self, moment: float) -> int:
        return int(self._clock.monotonic() - moment)
