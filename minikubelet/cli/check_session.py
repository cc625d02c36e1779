"""The life of one `minikubelet check`.

Role: starts the Pods, waits for their goal, soaks, runs the command, stops everything and looks
that nothing is left; what is found meanwhile is judged in `check/judge.py`.
Invariants: those of `foreground.followed()`; the Pods are stopped whatever went wrong; a verdict is
told when it is known, before the Pods are stopped.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Sequence
from datetime import datetime

from minikubelet.assembly import Node
from minikubelet.check.cases import suites
from minikubelet.check.environment import command_environment
from minikubelet.check.judge import CheckState, Stage
from minikubelet.check.progress import Goal, PodProgress
from minikubelet.check.result import CheckResult
from minikubelet.check.verdict import CaseKind, CaseRef, ExitCode, Failure
from minikubelet.cli.check_command import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    adopt_orphans,
    run_command,
    sweep,
)
from minikubelet.cli.check_output import CheckOutput
from minikubelet.cli.foreground import PodStatuses, followed, stop_signals
from minikubelet.cli.run_api import RunApi
from minikubelet.journal import Record
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod
from minikubelet.node.bell import Bell
from minikubelet.node.pod_worker import StopRequest
from minikubelet.node.port_clashes import declared_ports
from minikubelet.pod.pod_status import PodStatus
from minikubelet.pod.wording import brief
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.listening import port_holders
from minikubelet.value_class import dataclass

_TAIL_LINES = 20
_PROCESSES = CaseRef(CaseKind.STOP)


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What is to be done, as far as it is not in the Pods. Seconds throughout."""

    goals: Sequence[Goal]
    """Of each Pod, in their order."""
    timeout: float
    timeout_source: str
    """Where the time-out comes from, in a few words."""
    soak: float
    max_restarts: int
    command: Sequence[str]
    command_stdout: int | None
    """A descriptor in place of standard output."""
    pod_ip: str


class CheckSession:
    """One check of some Pods. `on_status` and `on_record` are to be called from the beginning."""

    def __init__(self, pods: Sequence[Pod], plan: CheckPlan, api: RunApi) -> None:
        self._api = api
        self._pods = pods
        self._plan = plan
        self._statuses = PodStatuses(pods)
        self._state: CheckState | None = None
        self._bell: Bell | None = None
        self._node: Node | None = None
        self._output: CheckOutput
        self._stops_asked = 0
        self._why_stopped = ""
        self._notes: list[str] = []
        self.broken = False
        """Nobody reads the output any more."""

    def on_status(self, pod: Pod, status: PodStatus) -> None:
        self._statuses.on_status(pod, status)
        self._api.on_status(pod, status)

    def on_record(self, record: Record) -> None:
        self._statuses.note(record)
        assert self._state is not None
        assert self._bell is not None
        self._state = self._state.record(record)
        self._bell.ring()

    def nobody_reads(self, loop: asyncio.AbstractEventLoop) -> None:
        """From any thread."""
        self.broken = True
        loop.call_soon_threadsafe(self._interrupt, "nobody reads the output any more")

    async def run(
        self, node: Node, layout: Layout, output: CheckOutput, on_logs_complete: Callable[[], None]
    ) -> CheckResult:
        """Until nothing of the Pods and of the command is left."""
        self._node, self._output = node, output
        self._bell = Bell(node.clock)
        began_at = node.clock.now()
        progress = [
            PodProgress.of(pod, goal)
            for pod, goal in zip(self._pods, self._plan.goals, strict=True)
        ]
        self._state = CheckState.of(progress, max_restarts=self._plan.max_restarts, now=began_at)
        if self._plan.command:
            adopt_orphans()
        self._tell_plan()
        with stop_signals(self._interrupt):
            async with followed(
                node, layout, self._pods, output, on_logs_complete=on_logs_complete
            ):
                await self._run_pods(node, layout)
        await self._look_for_leftovers(node)
        return self._result(node, began_at)

    # --- the course

    async def _run_pods(self, node: Node, layout: Layout) -> None:
        async with asyncio.TaskGroup() as group:
            api = group.create_task(self._api.serve(node, self._output.notice), name="api")
            async with asyncio.TaskGroup() as pods:
                pods.create_task(node.agent.run_pods(self._pods), name="pods")
                try:
                    await self._watch(node, layout)
                finally:
                    self._enter(Stage.STOP)
                    failure = self._current.failure
                    if failure is not None and not self._why_stopped:
                        self._output.notice(f"{failure.sentence}: stopping", warning=True)
                    node.agent.stop_all(self._stop_request())
            await self._api.farewell()
            api.cancel()

    async def _watch(self, node: Node, layout: Layout) -> None:
        """The part of the check in which the Pods are to be up."""
        clock, plan = node.clock, self._plan
        began = clock.monotonic()
        if not await self._until(lambda: self._current.reached, began + plan.timeout):
            self._state = self._current.timed_out(plan.timeout, clock.now())
        if self._is_over():
            return
        took = brief(clock.monotonic() - began)
        self._output.notice(f"all Pods are {_goals_text(plan.goals)} after {took}")
        if plan.soak > 0 and Goal.READY in plan.goals:
            self._enter(Stage.SOAK)
            self._output.notice(f"soak: watching for {brief(plan.soak)}")
            if not await self._until(lambda: False, clock.monotonic() + plan.soak):
                self._state = self._current.soak_ended(clock.now())
        if plan.command and not self._is_over():
            self._enter(Stage.COMMAND)
            await self._run_command(node, layout)

    async def _run_command(self, node: Node, layout: Layout) -> None:
        argv = self._plan.command
        text = shlex.join(argv)
        self._output.notice(f"running: {text}")
        kubeconfig = await self._api.kubeconfig()
        environment = command_environment(
            os.environ,
            self._pods,
            pod_ip=self._plan.pod_ip,
            log_dir=str(layout.log_dir),
            kubeconfig=str(kubeconfig or ""),
        )
        began = node.clock.monotonic()
        statuses: list[int] = []

        async def command() -> None:
            statuses.append(await run_command(argv, environment, stdout=self._plan.command_stdout))
            self._ring()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(command(), name="command")
            assert self._bell is not None
            await self._bell.wait_for(lambda: bool(statuses) or bool(self._stops_asked))
            task.cancel()
        if not statuses:
            return
        (status,) = statuses
        took = node.clock.monotonic() - began
        if status in (NOT_FOUND, NOT_EXECUTABLE):
            text = f"{text} (not found, or not executable)"
        self._state = self._current.command_ended(status, took, text, node.clock.now())
        self._output.notice(
            f"the command exited with {status} after {brief(took)}", warning=status != 0
        )

    async def _look_for_leftovers(self, node: Node) -> None:
        """Also what the command left: it is told, and no failure unless it cannot be killed."""
        clean = True
        if self._plan.command:
            clean = await sweep(
                node.clock, lambda found: self._notes.append(f"the command left {found}: killed")
            )
        ports = [port for pod in self._pods for _, port in declared_ports(pod)]
        holders = port_holders(ports) if ports else {}
        left = [f"port {port} is still held by {who}" for port, who in holders.items()]
        if not clean:
            left.append("processes of the command cannot be killed")
        if left:
            cause = f"something is left: {'; '.join(left)}"
            self._state = self._current.fail(
                Failure(ExitCode.UNCLEAN_STOP, node.clock.now(), cause, _PROCESSES)
            )

    # --- small steps

    @property
    def _current(self) -> CheckState:
        assert self._state is not None
        return self._state

    async def _until(self, fact: Callable[[], bool], deadline: float) -> bool:
        """False at the deadline; True when the fact holds or the check is over."""
        assert self._bell is not None
        return await self._bell.wait_for(lambda: fact() or self._is_over(), lambda: deadline)

    def _is_over(self) -> bool:
        return self._current.failure is not None or self._stops_asked > 0

    def _enter(self, stage: Stage) -> None:
        assert self._node is not None
        self._state = self._current.enter(stage, self._node.clock.now())

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.ring()

    def _interrupt(self, why: str) -> None:
        """The first time gracefully, the second time at once."""
        if self._node is None:
            return
        self._stops_asked += 1
        if self._stops_asked == 1:
            self._why_stopped = why
            self._output.notice(f"{why}: stopping (Ctrl-C again to kill at once)")
            if self._current.failure is None:
                text = f"the check was {why}" if why == "interrupted" else f"the check ended: {why}"
                failure = Failure(
                    ExitCode.INTERRUPTED, self._node.clock.now(), text, CaseRef(CaseKind.GOAL)
                )
                self._state = self._current.fail(failure)
        elif self._stops_asked == 2:
            self._output.notice("killing what is left at once", warning=True)
        if self._current.stage is Stage.STOP:
            self._node.agent.stop_all(self._stop_request())
        self._ring()

    def _stop_request(self) -> StopRequest:
        grace = 0 if self._stops_asked > 1 else None
        return StopRequest(KillCause.SHUTDOWN, grace_period_seconds=grace)

    def _tell_plan(self) -> None:
        wanted = ", ".join(
            f"{pod.metadata.name} ({goal})"
            for pod, goal in zip(self._pods, self._plan.goals, strict=True)
        )
        self._output.notice(
            f"waiting for {wanted}, at most {brief(self._plan.timeout)}: "
            f"{self._plan.timeout_source}"
        )

    def _result(self, node: Node, began_at: datetime) -> CheckResult:
        state, ended_at = self._current, node.clock.now()
        self._output.summary(
            self._statuses.summaries(), "check failed" if state.failure else "check passed"
        )
        return CheckResult(
            code=state.failure.code if state.failure else ExitCode.OK,
            failure=state.failure,
            suites=suites(state, soak=self._plan.soak > 0, ended_at=ended_at),
            began_at=began_at,
            ended_at=ended_at,
            log_tails=self._log_tails(state.failure),
            notes=tuple(self._notes),
            command_status=state.command_status,
        )

    def _log_tails(self, failure: Failure | None) -> dict[str, list[str]]:
        """Of the container that failed; of all of its Pod if none is named."""
        if failure is None or failure.pod is None:
            return {}
        (pod,) = [pod for pod in self._pods if pod.metadata.uid == failure.pod.uid]
        names = [failure.container] if failure.container else [c.name for c in pod.containers()]
        return {
            f"{failure.pod.name}/{name}": [
                entry.text.decode(errors="replace")
                for entry in self._output.log_entries(failure.pod, name)[-_TAIL_LINES:]
            ]
            for name in names
        }


def _goals_text(goals: Sequence[Goal]) -> str:
    """`Ready`, or `succeeded`; both where there are both."""
    words = {Goal.READY: "Ready", Goal.SUCCEEDED: "succeeded"}
    return " or ".join(words[goal] for goal in dict.fromkeys(goals))
