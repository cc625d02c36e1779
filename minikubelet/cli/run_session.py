"""The life of one `minikubelet run`.

Role: runs the Pods on a node, turns signals and the time limit into graceful stops, and gives the
verdict.
Invariants: when `run()` returns, no process of the Pods is left, and everything that was written to
their logs has been told.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from minikubelet.assembly import Node
from minikubelet.cli.output import PodSummary, RunOutput, exit_cause
from minikubelet.events import EventRecorder
from minikubelet.journal import ContainerExited, KillCause, PodRef, Record
from minikubelet.manifest.pod import Pod
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.durations import go_duration
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.termination import effective_grace
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.log_follower import LogFollower

SUCCEEDED = 0
FAILED = 1
NOBODY_READS = 141

_SIGNALS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "asked to end",
    signal.SIGHUP: "terminal closed",
}


class RunSession:
    """One run of some Pods. `on_status` is given to the node that `run()` then gets."""

    def __init__(self, pods: Sequence[Pod], output: RunOutput, time_limit: float | None) -> None:
        self._pods = pods
        self._output = output
        self._time_limit = time_limit
        self._statuses: dict[str, PodStatus] = {}
        self._exit_causes: dict[str, dict[str, str]] = {pod.metadata.uid: {} for pod in pods}
        self._failed: set[str] = set()
        self._why_stopped = ""
        self._stops_asked = 0
        self._node: Node | None = None
        self._broken = False

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses[pod.metadata.uid] = status
        if status.phase is PodPhase.FAILED and not self._stops_asked:
            self._failed.add(pod.metadata.uid)

    async def run(self, node: Node, layout: Layout) -> int:
        """Until all Pods are finished, or were stopped; the answer is the exit code."""
        self._node = node
        loop = asyncio.get_running_loop()
        for number, why in _SIGNALS.items():
            loop.add_signal_handler(number, self._stop, why)
        follower = LogFollower(self._output)
        self._output.speak_through(follower.after_logs)
        await node.runtime.open()
        try:
            await self._run_pods(node, layout, follower)
        finally:
            # In this order: the end of the runtime is the end of the run's directory.
            await asyncio.to_thread(follower.close)
            await node.runtime.close()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        self._failed |= {pod.metadata.uid for pod in self._pods if not self._is_finished(pod)}
        self._output.summary([self._summary(pod) for pod in self._pods], self._verdict())
        if self._broken:
            return NOBODY_READS
        return FAILED if self._failed else SUCCEEDED

    def nobody_reads(self, loop: asyncio.AbstractEventLoop) -> None:
        """What is told reaches nobody any more: stop, as when the terminal is closed. From any
        thread."""
        self._broken = True
        loop.call_soon_threadsafe(self._stop, "nobody reads the output any more")

    async def _run_pods(self, node: Node, layout: Layout, follower: LogFollower) -> None:
        events = EventRecorder()
        events.subscribe(self._output.event)
        node.journal.subscribe(self._output.record)
        node.journal.subscribe(events.on_record)
        node.journal.subscribe(self._note_exit)
        for pod in self._pods:
            meta = pod.metadata
            logs = layout.pod_log_dir(meta.namespace, meta.name, meta.uid)
            for container in pod.containers():
                follower.add_container(PodRef.of(meta), container.name, logs / container.name)
        timer = None
        if self._time_limit is not None:
            why = f"time limit of {go_duration(self._time_limit)} reached"
            when = node.clock.monotonic() + self._time_limit
            timer = node.clock.call_at(when, lambda: self._stop(why, again=False))
        try:
            await node.agent.run_pods(self._pods)
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
                if not self._is_finished(pod):
                    grace = go_duration(effective_grace(pod))
                    self._output.notice(
                        f"{why}: stopping {pod.metadata.name}, grace {grace} "
                        "(Ctrl-C again to kill at once)"
                    )
            self._node.agent.stop_all(StopRequest(KillCause.SHUTDOWN))
        elif self._stops_asked == 2:
            self._output.notice("killing what is left at once", warning=True)
            self._node.agent.stop_all(StopRequest(KillCause.SHUTDOWN, grace_period_seconds=0))

    def _is_finished(self, pod: Pod) -> bool:
        status = self._statuses.get(pod.metadata.uid)
        return status is not None and status.phase.terminal

    def _note_exit(self, record: Record) -> None:
        if isinstance(record, ContainerExited):
            self._exit_causes[record.pod.uid][record.container] = exit_cause(record)

    def _summary(self, pod: Pod) -> PodSummary:
        uid = pod.metadata.uid
        status = self._statuses.get(uid, PodStatus())
        return PodSummary(PodRef.of(pod.metadata), status, self._exit_causes[uid])

    def _verdict(self) -> str:
        failed = [pod.metadata.name for pod in self._pods if pod.metadata.uid in self._failed]
        if failed:
            return f"failed ({', '.join(failed)})"
        return f"stopped cleanly ({self._why_stopped})" if self._why_stopped else "succeeded"
