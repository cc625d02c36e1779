"""What the node does from time to time (L-267 … L-269).

Role: removes what pods that are gone have left, at once, and every minute what nobody names any
more; kills what runs and belongs to no pod; removes mount points that killed shims have left.
Invariants: nothing is swept before every source has reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from minikubelet.clock import Clock, Wakeup
from minikubelet.log import get_logger
from minikubelet.node.agent import NodeAgent
from minikubelet.node.desired import DesiredPod
from minikubelet.node.garbage import kill_orphans, remove_pod, sweep
from minikubelet.node.recovery import OrphanInstance
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.shim import mount_points

SWEEP_SECONDS = 60.0

log = get_logger(__name__)


class Housekeeping:
    def __init__(
        self,
        agent: NodeAgent,
        layout: Layout,
        runtime: ProcessRuntime,
        clock: Clock,
        *,
        forget: Callable[[str], None] = lambda uid: None,
    ) -> None:
        self._agent = agent
        self._layout = layout
        self._runtime = runtime
        self._clock = clock
        self.orphans: Sequence[OrphanInstance] = ()
        """What was found running at the start and belongs to no pod."""
        self._forget = forget
        self._gone: list[DesiredPod] = []
        self._wakeup = Wakeup(clock)

    def on_removed(self, desired: DesiredPod) -> None:
        """The pod has ended, and nobody wants it any more (L-268)."""
        self._gone.append(desired)
        self._wakeup.set()

    async def run(self) -> None:
        """Until cancelled."""
        kill_orphans(self._runtime, self.orphans)
        sweep_at = self._clock.monotonic() + SWEEP_SECONDS
        while True:
            await self._wakeup.wait(sweep_at)
            self._wakeup.clear()
            try:
                await self._remove_gone()
                if self._clock.monotonic() >= sweep_at:
                    sweep_at = self._clock.monotonic() + SWEEP_SECONDS
                    await self._sweep()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("housekeeping failed")

    async def _remove_gone(self) -> None:
        gone, self._gone = self._gone, []
        for desired in gone:
            uid, meta = desired.uid, desired.pod.metadata
            self._forget(uid)
            if uid not in self._agent.known_containers():  # it has not come back (L-25)
                await remove_pod(self._layout, uid, meta.namespace, meta.name)

    async def _sweep(self) -> None:
        if self._agent.ready:
            known = self._agent.known_containers()
            await sweep(self._layout, self._runtime, self._clock, known)
        await asyncio.to_thread(mount_points.sweep, str(self._layout.mount_points))
