"""The life of one `minikubelet run`.

Role: runs the Pods on a node, turns signals and the time limit into graceful stops, and gives the
verdict.
Invariants: those of `foreground.followed()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from minikubelet.assembly import Node
from minikubelet.cli.foreground import PodStatuses, followed, stop_signals
from minikubelet.cli.output import RunOutput
from minikubelet.cli.run_api import RunApi
from minikubelet.journal import KillRequested, Record
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.durations import go_duration
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.termination import effective_grace
from minikubelet.runtime.layout import Layout

SUCCEEDED = 0
FAILED = 1
NOBODY_READS = 141


class RunSession:
    """One run of some Pods. `on_status` is given to the node that `run()` then gets."""

    def __init__(
        self, pods: Sequence[Pod], output: RunOutput, time_limit: float | None, api: RunApi
    ) -> None:
        self._api = api
        self._pods = pods
        self._output = output
        self._time_limit = time_limit
        self._statuses = PodStatuses(pods)
        self._given = {pod.metadata.uid for pod in pods}
        self._failed: set[str] = set()
        self._deleted: set[str] = set()
        """By the user too, through the API."""
        self._why_stopped = ""
        self._stops_asked = 0
        self._node: Node | None = None
        self._broken = False

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses.on_status(pod, status)
        self._api.on_status(pod, status)
        uid = pod.metadata.uid
        stopped_by_user = self._stops_asked or uid in self._deleted
        if status.phase is PodPhase.FAILED and not stopped_by_user and uid in self._given:
            self._failed.add(uid)

    def _note(self, record: Record) -> None:
        self._statuses.note(record)
        if isinstance(record, KillRequested) and record.cause is KillCause.DELETED:
            self._deleted.add(record.pod.uid)

    async def run(self, node: Node, layout: Layout) -> int:
        """Until all Pods are finished, or were stopped; the answer is the exit code."""
        self._node = node
        node.journal.subscribe(self._note)
        with stop_signals(self._stop):
            async with followed(node, layout, self._pods, self._output):
                await self._run_pods(node)
        self._failed |= {
            pod.metadata.uid for pod in self._pods if not self._statuses.is_finished(pod)
        }
        self._output.summary(self._statuses.summaries(), self._verdict())
        if self._broken:
            return NOBODY_READS
        return FAILED if self._failed else SUCCEEDED

    def nobody_reads(self, loop: asyncio.AbstractEventLoop) -> None:
        """What is told reaches nobody any more: stop, as when the terminal is closed. From any
        thread."""
        self._broken = True
        loop.call_soon_threadsafe(self._stop, "nobody reads the output any more")

    async def _run_pods(self, node: Node) -> None:
        timer = None
        if self._time_limit is not None:
            why = f"time limit of {go_duration(self._time_limit)} reached"
            when = node.clock.monotonic() + self._time_limit
            timer = node.clock.call_at(when, lambda: self._stop(why, again=False))
        try:
            async with asyncio.TaskGroup() as group:
                api = group.create_task(self._api.serve(node, self._output.notice), name="api")
                await node.agent.run_pods(self._pods)
                await self._api.farewell()
                api.cancel()
        finally:
            if timer is not None:
                timer.cancel()

    def _stop(self, why: str, *, again: bool = True) -> None:
        """The first time gracefully, the second time at once, unless it may not come `again`."""
        if self._node is None or (self._stops_asked and not again):
            return
        self._stops_asked += 1
        if self._stops_asked == 1:
            self._why_stopped = why
            for pod in self._pods:
                if not self._statuses.is_finished(pod):
                    grace = go_duration(effective_grace(pod))
                    self._output.notice(
                        f"{why}: stopping {pod.metadata.name}, grace {grace} "
                        "(Ctrl-C again to kill at once)"
                    )
            self._node.agent.stop_all(StopRequest(KillCause.SHUTDOWN))
        elif self._stops_asked == 2:
            self._output.notice("killing what is left at once", warning=True)
            self._node.agent.stop_all(StopRequest(KillCause.SHUTDOWN, grace_period_seconds=0))

    def _verdict(self) -> str:
        failed = [pod.metadata.name for pod in self._pods if pod.metadata.uid in self._failed]
        if failed:
            return f"failed ({', '.join(failed)})"
        why = self._why_stopped or ("deleted" if self._deleted & self._given else "")
        return f"stopped cleanly ({why})" if why else "succeeded"
