"""What every session in the foreground does: open the node, follow the logs, tell, close.

Role: the parts of `run_session.py` and `check_session.py` that are the same.
Invariants: when `followed()` has ended, no process of the Pods is left, and everything that was
written to their logs has been told.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from minikubelet.assembly import Node
from minikubelet.cli.output import PodSummary, RunOutput
from minikubelet.events import EventRecorder
from minikubelet.journal import ContainerExited, ContainerStartFailed, PodRef, Record
from minikubelet.manifest.pod import Pod
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.wording import exit_cause
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.log_follower import LogFollower

_SIGNALS = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "asked to end",
    signal.SIGHUP: "terminal closed",
}


_NOT_OF_THE_START = frozenset({"PostStartHookError", "RunContainerError"})
"""These have left an instance, whose end says why."""


class PodStatuses:
    """The newest status of each Pod, and why its containers ended."""

    def __init__(self, pods: Sequence[Pod]) -> None:
        self._pods = pods
        self._statuses: dict[str, PodStatus] = {}
        self._exit_causes: dict[str, dict[str, str]] = {pod.metadata.uid: {} for pod in pods}

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses[pod.metadata.uid] = status

    def note(self, record: Record) -> None:
        if record.pod.uid not in self._exit_causes:
            return  # of a Pod that came in through the API
        match record:
            case ContainerExited():
                self._exit_causes[record.pod.uid][record.container] = exit_cause(record)
            case ContainerStartFailed() if record.reason not in _NOT_OF_THE_START:
                cause = f"not started: {record.reason}"
                self._exit_causes[record.pod.uid][record.container] = cause

    def is_finished(self, pod: Pod) -> bool:
        status = self._statuses.get(pod.metadata.uid)
        return status is not None and status.phase.terminal

    def summaries(self) -> list[PodSummary]:
        return [
            PodSummary(
                PodRef.of(pod.metadata),
                self._statuses.get(pod.metadata.uid, PodStatus()),
                self._exit_causes[pod.metadata.uid],
            )
            for pod in self._pods
        ]


def _end_log(follower: LogFollower, layout: Layout, record: Record) -> None:
    if isinstance(record, ContainerExited):
        pod = record.pod
        logs = layout.pod_log_dir(pod.namespace, pod.name, pod.uid) / record.container
        follower.instance_ended(logs, record.restart_count)


@contextmanager
def stop_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Signals that ask for an end call `stop` with what they mean."""
    loop = asyncio.get_running_loop()
    for number, why in _SIGNALS.items():
        loop.add_signal_handler(number, stop, why)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def followed(
    node: Node,
    layout: Layout,
    pods: Sequence[Pod],
    output: RunOutput,
    *,
    on_logs_complete: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """An open node whose records, Events and log lines reach `output`.

    `on_logs_complete` is called in a thread when all is written and the files are still there.
    """
    follower = LogFollower(output)
    output.speak_through(follower.after_logs)
    try:
        await node.runtime.open()
        events = EventRecorder()
        events.subscribe(output.event)
        node.journal.subscribe(lambda record: _end_log(follower, layout, record))
        node.journal.subscribe(output.record)
        node.journal.subscribe(events.on_record)
        for pod in pods:
            meta = pod.metadata
            logs = layout.pod_log_dir(meta.namespace, meta.name, meta.uid)
            for container in pod.containers():
                follower.add_container(PodRef.of(meta), container.name, logs / container.name)
        yield
    finally:
        # In this order: the end of the runtime is the end of the run's directory.
        await asyncio.to_thread(follower.close)
        await asyncio.to_thread(on_logs_complete)
        await node.runtime.close()
