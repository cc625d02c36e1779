"""The node of a daemon: its parts, and the order in which they live.

Role: open the runtime, adopt what runs, publish the Node, then run sources, agent, mirrors and
housekeeping until cancelled; stop the pods when asked to.
Invariants: when `run()` is cancelled the containers go on with their shims; nothing new starts
before what an earlier daemon left has been adopted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from minikubelet.clock import Clock
from minikubelet.events import EventDraft, EventType
from minikubelet.journal import Journal, PodRef
from minikubelet.kill_cause import KillCause
from minikubelet.log import get_logger
from minikubelet.node.agent import NodeAgent
from minikubelet.node.desired import DesiredPod
from minikubelet.node.housekeeping import Housekeeping
from minikubelet.node.mirror_pods import MirrorPods
from minikubelet.node.node_publisher import NodePublisher
from minikubelet.node.object_lookup import ObjectWatch
from minikubelet.node.recovery import DamagedRecord, Recovered, RestoredPod, recover_pods
from minikubelet.node.sources.api import ApiSource
from minikubelet.node.sources.files import FileSource
from minikubelet.node.stop_request import StopRequest
from minikubelet.pod.pod_status import PodPhase
from minikubelet.pod.status import StatusOverride
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.value_class import dataclass

SHUTDOWN_MESSAGE = "Pod was terminated in response to imminent node shutdown."
DAMAGED_RECORD = "DamagedRecord"
"""Ours: a record of an earlier daemon that could not be read."""

log = get_logger(__name__)


@dataclass(slots=True)
class NodeParts:
    """Built in `assembly.py`."""

    name: str
    layout: Layout
    clock: Clock
    journal: Journal
    runtime: ProcessRuntime
    agent: NodeAgent
    api_source: ApiSource
    file_source: FileSource | None
    mirrors: MirrorPods
    objects: ObjectWatch
    publisher: NodePublisher
    housekeeping: Housekeeping
    write_event: Callable[[EventDraft], object]
    restore_lost: Callable[[Iterable[RestoredPod]], None]


class DaemonNode:
    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self.agent = parts.agent
        self.journal = parts.journal
        self.runtime = parts.runtime
        self.clock = parts.clock
        self.running = parts.agent.looked
        """Set when everything that an earlier daemon left goes on."""

    @property
    def pods(self) -> tuple[DesiredPod, ...]:
        return self.agent.pods

    async def run(self) -> None:
        """Until cancelled. Raises OSError when the runtime cannot be opened."""
        parts = self._parts
        await asyncio.to_thread(parts.layout.prepare)
        await parts.runtime.open()
        try:
            recovered = await recover_pods(parts.layout, parts.runtime)
            self._tell_damage(recovered.damaged)
            parts.restore_lost(recovered.pods)
            parts.publisher.start()
            parts.housekeeping.orphans = recovered.orphans
            await self._run_parts(recovered)
        finally:
            await parts.runtime.close()

    async def stop_pods(self, grace_period_seconds: float | None = None) -> None:
        """Stop every pod in order, and wait for it (L-249); nothing starts any more."""
        override = StatusOverride(
            PodPhase.FAILED,
            "Terminated",
            SHUTDOWN_MESSAGE,
            disruption=True,
            spares_success=True,
        )
        self.agent.stop_all(StopRequest(KillCause.SHUTDOWN, grace_period_seconds, override))
        await self.agent.wait_stopped()

    async def _run_parts(self, recovered: Recovered) -> None:
        parts = self._parts
        work: dict[str, Coroutine[Any, Any, None]] = {
            "pods": parts.agent.run(recovered.pods),
            "pods of the API": parts.api_source.run(),
            "mirror pods": parts.mirrors.run(),
            "config maps and secrets": parts.objects.run(),
            "node": parts.publisher.run(),
            "housekeeping": parts.housekeeping.run(),
        }
        if parts.file_source is not None:
            work["static pods"] = parts.file_source.run()
        async with asyncio.TaskGroup() as group:
            for name, coroutine in work.items():
                group.create_task(coroutine, name=name)

    def _tell_damage(self, damaged: tuple[DamagedRecord, ...]) -> None:
        """Nothing is lost silently: in the log, and where `kubectl get events` finds it."""
        for record in damaged:
            log.error("damaged record", path=record.path, why=record.why)
            self._parts.write_event(
                EventDraft(
                    at=self._parts.clock.now(),
                    pod=PodRef("", self._parts.name, self._parts.name),
                    type=EventType.WARNING,
                    reason=DAMAGED_RECORD,
                    message=f"cannot read {record.path}: {record.why}",
                    kind="Node",
                )
            )
