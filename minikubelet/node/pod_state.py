"""What a pod's worker knows: instances, probe verdicts, start failures, back-off, hooks and stops
under way.

Role: the only mutable account of one pod, and the one place that turns what happens into journal
records. Decisions are made elsewhere, from the `ObservedPod` that `observed()` returns;
`pod_restore.py` writes the account down and reads it again.
Invariants: written by the pod's worker alone; instances are newest first and only the newest two
are kept; what an earlier daemon has told the journal is not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from minikubelet.clock import Clock
from minikubelet.journal import (
    ContainerStartFailed,
    Journal,
    PodRef,
    Record,
    SandboxChanged,
)
from minikubelet.manifest.pod import Pod, ProbeKind, RestartPolicy
from minikubelet.node import instance_facts as facts
from minikubelet.node.back_offs import BackOffs
from minikubelet.node.container_records import (
    Place,
    back_off_record,
    cpu_unlimited_record,
    created_record,
    exited_record,
    kill_record,
    started_record,
    time_of,
)
from minikubelet.node.pod_record import CreatedNote, HookNote, KeptStop
from minikubelet.pod.actions import HoldContainer
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, StartFailure, Verdict
from minikubelet.pod.restarts import crash_loop_message
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.launcher import Launch
from minikubelet.runtime.records import ExitRecord, StartRecord


class PodState:
    def __init__(
        self,
        pod: Pod,
        journal: Journal,
        clock: Clock,
        told: Callable[[Record], bool] | None = None,
    ) -> None:
        """`told`, for a pod of an earlier daemon: whether its journal has a record already."""
        self.pod = pod
        self.ref = PodRef.of(pod.metadata)
        self.back_offs = BackOffs()
        self.environments: dict[str, Mapping[str, str]] = {}
        self.untold: dict[str, CreatedNote] = {}
        """By container id: instances that nobody was told of yet."""
        self.launching: dict[str, LaunchSpec] = {}  # by container id: they may have come to nothing
        self.post_start: dict[str, HookNote] = {}
        """By container id: hooks that have begun."""
        self.stops: dict[str, KeptStop] = {}
        """By container id: the stops under way."""
        self.adopted: set[str] = set()
        """Ids of containers that an earlier daemon started."""
        self.sandbox_ready = True
        self.runs: dict[str, tuple[ContainerRun, ...]] = {}
        self.verdicts: dict[tuple[ProbeKind, str], Verdict] = {}
        self.start_failures: dict[str, StartFailure] = {}
        self.holds_told: set[str] = set()
        """Ids of containers whose back-off was told of."""
        self.forgotten_counts: dict[str, int] = {}
        """Restart counts of containers whose instances were forgotten."""
        self._journal = journal
        self._clock = clock
        self._told = told

    # --- reading

    def observed(self) -> ObservedPod:
        return ObservedPod(
            dict(self.runs), dict(self.verdicts), dict(self.start_failures), self.sandbox_ready
        )

    def container_ids(self) -> frozenset[str]:
        """Of all instances that are known."""
        return frozenset(run.container_id for runs in self.runs.values() for run in runs)

    def latest(self, name: str) -> ContainerRun | None:
        runs = self.runs.get(name, ())
        return runs[0] if runs else None

    def run_of(self, container_id: str) -> ContainerRun | None:
        return next(
            (r for runs in self.runs.values() for r in runs if r.container_id == container_id),
            None,
        )

    def running(self) -> tuple[ContainerRun, ...]:
        """The newest instances that run, in spec order."""
        latest = (self.latest(container.name) for container in self.pod.all_containers())
        return tuple(run for run in latest if run is not None and run.state is RunState.RUNNING)

    def starting(self) -> tuple[ContainerRun, ...]:
        """The instances that have begun, and whose postStart hook is not over."""
        return tuple(
            run
            for runs in self.runs.values()
            for run in runs
            if run.hook_pending and run.state is not RunState.CREATED
        )

    def next_restart_count(self, name: str) -> int | None:
        """One more than the newest instance's, as long as one is known of (L-107)."""
        latest = self.latest(name)
        count = self.forgotten_counts.get(name) if latest is None else latest.restart_count
        return None if count is None else count + 1

    def is_gone(self, container_id: str) -> bool:
        run = self.run_of(container_id)
        return run is None or run.state is not RunState.RUNNING

    def field_path(self, name: str) -> str:
        """`spec.containers{app}`, as Events name a container (L-272)."""
        return f"spec.{self.pod.section(name)}{{{name}}}"

    # --- starting

    def created(self, name: str, launch: Launch, restart_count: int) -> tuple[ContainerRun, ...]:
        """Note a new instance, to be kept before it starts; those now one too many (L-267)."""
        spec = launch.spec
        container = self.pod.container(name)
        run = facts.new_instance(container, spec.container_id, restart_count, self._clock.now())
        kept = (run, *self.runs.get(name, ()))
        self.runs[name] = kept[:2]
        for old in kept[1:]:
            self.environments.pop(old.container_id, None)
            self.holds_told.discard(old.container_id)
        self.environments[run.container_id] = launch.environment
        self.untold[run.container_id] = CreatedNote(spec.argv, launch.command.source)
        return kept[2:]

    def is_created(self, container_id: str) -> None:
        """There is such an instance now, whatever becomes of it (L-110)."""
        note = self.untold.pop(container_id, None)
        if note is not None:
            run = self._require(container_id)
            self.tell(created_record(run, self.place(run), note))

    def started(self, container_id: str, record: StartRecord) -> None:
        run = self._require(container_id)
        if run.state is not RunState.CREATED:
            return  # it has exited already, and that was noted first
        self.is_created(container_id)
        now = self._clock.now()
        self._replace(facts.started(run, record))
        self.back_offs.settled(run.name)
        at = time_of(record.started_at) if container_id in self.adopted else now
        self.tell(started_record(run, self.place(run), at, record.pid))
        if record.cpu_unlimited:
            limit = self.pod.container(run.name).resources.limits.get("cpu", "")
            self.tell(cpu_unlimited_record(run, self.place(run), now, limit))

    def start_settled(self, name: str, container_id: str) -> None:
        """The start, with its postStart hook, succeeded (L-91)."""
        self.start_failures.pop(name, None)
        self._end_hook(container_id)

    def start_failed(self, name: str, failure: StartFailure, container_id: str = "") -> None:
        """The start, or its postStart hook, failed: shown from the next status on (L-92)."""
        self.start_failures[name] = failure
        self.back_offs.settled(name)
        if container_id:
            self._end_hook(container_id)
        self.tell(
            ContainerStartFailed(
                at=self._clock.now(),
                pod=self.ref,
                container=name,
                field_path=self.field_path(name),
                reason=failure.reason,
                message=failure.message,
                container_id=container_id,
                image=self.pod.container(name).image,
            )
        )

    def wait_with(self, name: str, failure: StartFailure) -> None:
        """How the container waits for its next try; told when its reason is another one
        (ImagePullBackOff)."""
        before = self.start_failures.get(name)
        if before is not None and before.reason == failure.reason:
            self.start_failures[name] = failure
        else:
            self.start_failed(name, failure)

    def retry_now(self) -> None:
        """Objects have changed: starts that failed for want of one are tried again."""
        for name, failure in self.start_failures.items():
            if failure.reason == "CreateContainerConfigError":
                self.start_failures[name] = replace(failure, retry_at=None)

    def exec_failed(self, container_id: str, message: str) -> None:
        """The process could not be executed: the instance counts as exited with 128, StartError
        (L-111)."""
        self.is_created(container_id)
        run, clock = self._require(container_id), self._clock
        self._replace(facts.not_executed(run, message, clock.now(), clock.monotonic()))

    def discard(self, container_id: str) -> None:
        """The instance did not come to be (L-109)."""
        run = self._require(container_id)
        self.untold.pop(container_id, None)
        self.post_start.pop(container_id, None)
        self.runs[run.name] = tuple(r for r in self.runs[run.name] if r is not run)
        self.environments.pop(container_id, None)

    def start_attempted(self, name: str) -> None:
        """A start goes ahead: the next one after an exit waits longer (L-169)."""
        latest = self.latest(name)
        if latest is not None and latest.finished_monotonic is not None:
            self.back_offs.attempt(
                self.pod.container(name), latest.finished_monotonic, self._clock.monotonic()
            )

    def held(self, hold: HoldContainer) -> bool:
        """A start is delayed by back-off: one record and Event per exit. True when the status is to
        say so from now on."""
        latest = self.latest(hold.name)
        container_id = latest.container_id if latest else ""
        message = crash_loop_message(hold.name, self.pod, hold.delay_seconds)
        if container_id not in self.holds_told:
            self.holds_told.add(container_id)
            place = Place(self.ref, self.field_path(hold.name))
            self.tell(back_off_record(hold, latest, place, self._clock, message))
        failure = StartFailure("CrashLoopBackOff", message)
        if (
            self._clock.monotonic() < hold.shown_from
            or self.start_failures.get(hold.name) == failure
        ):
            return False
        self.start_failures[hold.name] = failure
        return True

    # --- ending

    def stop_begins(self, run: ContainerRun, stop: KeptStop) -> None:
        self._replace(replace(run, killed_for=stop.cause))
        self.stops[run.container_id] = stop
        self.tell(kill_record(run, self.place(run), self._clock.now(), stop))

    def exited(self, container_id: str, record: ExitRecord) -> None:
        run = self.run_of(container_id)
        if run is None or run.state is RunState.EXITED:
            return
        self._end(facts.exited(run, record), signal=record.signal, survivors=record.survivors)

    def _end(self, run: ContainerRun, *, signal: int | None, survivors: tuple[str, ...]) -> None:
        self.is_created(run.container_id)
        self._replace(run)
        self.stops.pop(run.container_id, None)
        at = run.finished_at if run.container_id in self.adopted else None
        self.tell(exited_record(run, self.place(run), at or self._clock.now(), signal, survivors))

    def lost(self, container_id: str, survivors: tuple[str, ...]) -> None:
        """Its shim was killed, and with it the exit status (L-218): the tree is gone too by now."""
        run = self.run_of(container_id)
        if run is None or run.state is RunState.EXITED:
            return
        ended = facts.lost(run, self._clock.now(), self._clock.monotonic())
        self._end(ended, signal=None, survivors=survivors)

    def forget_all_runs(self) -> tuple[ContainerRun, ...]:
        """All containers start over (L-166): their instances, verdicts and back-off are gone. An
        ephemeral container never starts again (L-254)."""
        gone = self._forget(lambda run: not self.pod.is_ephemeral(run.name))
        self.verdicts.clear()
        self.start_failures.clear()
        return gone

    def renew_sandbox(self) -> None:
        """The host was started anew, and so is the pod (L-94), but for what does not run twice: an
        ephemeral container (L-254), and a regular one that has succeeded under OnFailure."""
        keeps = self.pod.spec.restart_policy == RestartPolicy.ON_FAILURE
        done = {run.name for runs in self.runs.values() for run in runs[:1] if run.exit_code == 0}
        kept = done & {container.name for container in self.pod.spec.containers if keeps}
        self._forget(lambda run: run.name not in kept and not self.pod.is_ephemeral(run.name))
        for name in kept:
            self.runs[name] = tuple(replace(run, former_sandbox=True) for run in self.runs[name])
        self.sandbox_ready = True
        message = "Pod sandbox changed, it will be killed and re-created."
        self.tell(SandboxChanged(at=self._clock.now(), pod=self.ref, message=message))

    def _forget(self, which: Callable[[ContainerRun], bool]) -> tuple[ContainerRun, ...]:
        gone = tuple(run for runs in self.runs.values() for run in runs if which(run))
        self.forgotten_counts |= {run.name: run.restart_count for run in reversed(gone)}
        for run in gone:
            self.runs.pop(run.name, None)
            self.environments.pop(run.container_id, None)
            self.stops.pop(run.container_id, None)
            self.post_start.pop(run.container_id, None)
        return gone

    # --- probes

    def set_verdict(self, kind: ProbeKind, container_id: str, verdict: Verdict | None) -> None:
        if verdict is None:
            self.verdicts.pop((kind, container_id), None)
        else:
            self.verdicts[(kind, container_id)] = verdict

    # --- inside

    def tell(self, record: Record) -> None:
        """To the journal, unless an earlier daemon has."""
        if self._told is None or not self._told(record):
            self._journal.append(record)

    def nothing_told_before(self) -> None:
        """From now on whatever happens is new."""
        self._told = None

    def place(self, run: ContainerRun) -> Place:
        return Place(self.ref, self.field_path(run.name))

    def _require(self, container_id: str) -> ContainerRun:
        run = self.run_of(container_id)
        if run is None:
            raise KeyError(container_id)
        return run

    def _end_hook(self, container_id: str) -> None:
        self.post_start.pop(container_id, None)
        run = self.run_of(container_id)
        if run is not None and run.hook_pending:
            self._replace(replace(run, hook_pending=False))

    def _replace(self, run: ContainerRun) -> None:
        self.runs[run.name] = tuple(
            run if old.container_id == run.container_id else old for old in self.runs[run.name]
        )
