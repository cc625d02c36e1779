"""The API of `run` and `check`: it comes up beside the Pods, after the first start.

Role: waits for its turn, imports what is heavy in a thread, serves until the run ends.
Invariants: a run does not fail because its API cannot be served: that is told, and the Pods go on.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from minikubelet.assembly import Node
from minikubelet.clock import Wakeup
from minikubelet.journal import ContainerStarted, Record
from minikubelet.log import get_logger
from minikubelet.manifest.admit import Admitted
from minikubelet.manifest.pod import Pod
from minikubelet.node.agent import StatusListener
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.layout import Layout

DELAY_SECONDS = 0.5
"""What is over sooner needs no API."""

log = get_logger(__name__)


class RunApi:
    """`on_status` is to be called from the beginning; `serve` runs beside the Pods."""

    def __init__(
        self, given: Admitted, layout: Layout, pod_ip: str, directory: Path, *, wanted: bool
    ) -> None:
        self._wanted = wanted
        self._given = given
        self._layout = layout
        self._pod_ip = pod_ip
        self._directory = directory
        self._statuses: dict[str, PodStatus] = {}
        self._listeners: list[StatusListener] = []
        self._known = asyncio.Event()
        self._kubeconfig: Path | None = None
        self._farewell: Callable[[], Awaitable[None]] | None = None
        self._wanted_at_once = asyncio.Event()

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses[pod.metadata.uid] = status
        for listener in self._listeners:
            listener(pod, status)

    async def kubeconfig(self) -> Path | None:
        """Wait for it; None when there is no API."""
        self._wanted_at_once.set()
        await self._known.wait()
        return self._kubeconfig

    async def farewell(self) -> None:
        """When nothing runs any more, before `serve` is cancelled: clients see the end."""
        if self._farewell is not None:
            await self._farewell()

    async def serve(self, node: Node, tell: Callable[[str], None]) -> None:
        """Until cancelled."""
        if not self._wanted:
            self._known.set()
            return
        await self._turn(node)
        try:
            foreground = await asyncio.to_thread(
                importlib.import_module, "minikubelet.daemon.foreground"
            )
            run = foreground.Foreground(
                node=node,
                layout=self._layout,
                given=self._given,
                pod_ip=self._pod_ip,
                directory=self._directory,
                statuses=self._statuses,
                listen_to_statuses=self._listeners.append,
            )
            await foreground.serve(run, partial(self._ready, tell))
        except Exception as error:
            self._farewell = None
            log.exception("the API cannot be served")
            tell(f"no API for kubectl: {error}")
        finally:
            self._known.set()

    async def _turn(self, node: Node) -> None:
        """Not before the first container has started, and a moment later unless somebody waits."""
        started = Wakeup(node.clock)

        def on_record(record: Record) -> None:
            if isinstance(record, ContainerStarted):
                started.set()

        node.journal.subscribe(on_record)
        await started.wait()
        async with asyncio.TaskGroup() as group:
            pause = group.create_task(node.clock.sleep(DELAY_SECONDS))
            hurry = group.create_task(self._wanted_at_once.wait())
            await asyncio.wait((pause, hurry), return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
            hurry.cancel()

    def _ready(
        self, tell: Callable[[str], None], kubeconfig: Path, farewell: Callable[[], Awaitable[None]]
    ) -> None:
        self._kubeconfig = kubeconfig
        self._farewell = farewell
        self._known.set()
        tell(f"for kubectl: export KUBECONFIG={kubeconfig}")
