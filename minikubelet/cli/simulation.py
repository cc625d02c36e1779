"""The course of one `minikubelet simulate`.

Role: lets the Pods run on a simulated node for so long, stops them, and hands what happens to an
output. What `run_session.py` is for real processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikubelet.cli.foreground import PodStatuses
from minikubelet.cli.output import RunOutput
from minikubelet.events import EventRecorder
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod
from minikubelet.node.pod_worker import StopRequest
from minikubelet.pod.durations import go_duration
from minikubelet.pod.pod_status import PodPhase, PodStatus
from minikubelet.pod.termination import effective_grace
from minikubelet.simulate.node import SimulatedNode

SUCCEEDED = 0
FAILED = 1


class Simulation:
    """`on_status` is given to the node that `run()` then gets."""

    def __init__(self, pods: Sequence[Pod], output: RunOutput, seconds: float) -> None:
        self._pods = pods
        self._output = output
        self._seconds = seconds
        self._statuses = PodStatuses(pods)
        self._failed: set[str] = set()
        self._why_stopped = ""

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses.on_status(pod, status)
        if status.phase is PodPhase.FAILED and not self._why_stopped:
            self._failed.add(pod.metadata.uid)

    async def run(self, node: SimulatedNode) -> int:
        """Until all Pods are finished or stopped; the answer is the exit code."""
        events = EventRecorder()
        events.subscribe(self._output.event)
        for subscriber in (self._output.record, events.on_record, self._statuses.note):
            node.journal.subscribe(subscriber)
        timer = node.clock.call_at(self._seconds, lambda: self._stop(node))
        await node.agent.run_pods(self._pods)
        timer.cancel()
        self._output.summary(self._statuses.summaries(), self._verdict())
        return FAILED if self._failed else SUCCEEDED

    def _stop(self, node: SimulatedNode) -> None:
        self._why_stopped = f"time limit of {go_duration(self._seconds)} reached"
        for pod in self._pods:
            if not self._statuses.is_finished(pod):
                grace = go_duration(effective_grace(pod))
                self._output.notice(
                    f"{self._why_stopped}: stopping {pod.metadata.name}, grace {grace}"
                )
        node.agent.stop_all(StopRequest(KillCause.SHUTDOWN))

    def _verdict(self) -> str:
        failed = [pod.metadata.name for pod in self._pods if pod.metadata.uid in self._failed]
        if failed:
            return f"failed ({', '.join(failed)})"
        return f"stopped cleanly ({self._why_stopped})" if self._why_stopped else "succeeded"
