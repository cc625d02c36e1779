"""What pods of random shape and scripted apps really do: the production machines in virtual time.

`play` runs one pod and stops it; `observations` compares each figure of its plan with what the
journal tells. A figure is observed only where its text applies: a failure counts for detection when
the probe had passed before, and so on.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from minikubelet.journal import (
    ConditionChanged,
    ContainerExited,
    ContainerStarted,
    ProbeAttempted,
    Record,
    StopStep,
)
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.node.pod_worker import StopRequest
from minikubelet.plan.pod_plan import ContainerPlan, PodPlan, plan_pod
from minikubelet.plan.span import Span
from minikubelet.pod.pod_status import PodStatus
from minikubelet.simulate.app import App, Script
from minikubelet.simulate.node import simulated_node
from minikubelet.simulate.virtual_time import EPOCH, VirtualClock, run_virtual
from tests.fakes.object_lookup import FakeObjectLookup

TOLERANCE = 0.001


@dataclass(frozen=True, slots=True)
class Observation:
    """One figure, as it was."""

    figure: str
    seconds: float
    bounds: Span

    @property
    def within(self) -> bool:
        earliest, latest = self.bounds.earliest, self.bounds.latest
        late = latest is not None and self.seconds > latest + TOLERANCE
        return self.seconds >= earliest - TOLERANCE and not late


@dataclass(frozen=True, slots=True)
class Scene:
    """A pod, what its containers do, and when it is stopped, in seconds after its start."""

    pod: Pod
    apps: Mapping[str, tuple[App, ...]]
    stop_at: float


def play(scene: Scene) -> Course:
    """Run the pod until it is stopped and gone."""
    clock = VirtualClock()
    records: list[Record] = []
    readiness: list[tuple[float, str]] = []

    def on_status(pod: Pod, status: PodStatus) -> None:
        if clock.monotonic() >= scene.stop_at:
            return  # a postStart hook that is given up then leaves its container ready
        for container in (*status.init_container_statuses, *status.container_statuses):
            if container.ready:
                readiness.append((clock.monotonic(), container.container_id))

    async def run() -> None:
        scripts = {(scene.pod.metadata.uid, name): Script(a) for name, a in scene.apps.items()}
        node = simulated_node(
            clock,
            [scene.pod],
            scripts,
            objects=FakeObjectLookup(),
            rng=random.Random(1),
            on_status=on_status,
        )
        node.journal.subscribe(records.append)
        async with asyncio.TaskGroup() as group:
            group.create_task(node.agent.run_pods([scene.pod]))
            await clock.sleep(scene.stop_at)
            node.agent.stop_all(StopRequest(KillCause.SHUTDOWN))

    run_virtual(clock, run())
    return Course(scene, plan_pod(scene.pod), tuple(records), tuple(readiness))


@dataclass(frozen=True)
class Instance:
    """One process of a container; times in seconds after the start of the pod."""

    plan: ContainerPlan
    app: App
    number: int
    started: float
    attempts: tuple[ProbeAttempted, ...]
    exit: ContainerExited | None
    ready: float | None

    def of(self, kind: ProbeKind) -> tuple[ProbeAttempted, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.kind is kind)

    @property
    def breaks(self) -> float | None:
        """When it fails or hangs."""
        health = self.app.health
        ages = [age for age in (health.fail_after, health.hang_after) if age is not None]
        return self.started + min(ages) if ages else None


@dataclass(frozen=True)
class Course:
    scene: Scene
    plan: PodPlan
    records: tuple[Record, ...]
    readiness: tuple[tuple[float, str], ...]

    def observations(self) -> Iterator[Observation]:
        for instances in self._instances.values():
            for instance in instances:
                yield from self._of_instance(instance)
            for broken, successor in itertools.pairwise(instances):
                yield from self._of_restart(broken, successor)
        yield from self._of_starts()
        yield from self._of_stop()

    # --- what happened

    @cached_property
    def _instances(self) -> Mapping[str, tuple[Instance, ...]]:
        """By container. What is probed while the pod stops does not count: a stop ends the wait for
        a postStart hook (L-78)."""
        starts = [r for r in self.records if isinstance(r, ContainerStarted)]
        exits = {r.container_id: r for r in self.records if isinstance(r, ContainerExited)}
        attempts: dict[str, list[ProbeAttempted]] = {}
        for record in self.records:
            if isinstance(record, ProbeAttempted) and seconds(record.at) < self.scene.stop_at:
                attempts.setdefault(record.container_id, []).append(record)
        instances: dict[str, tuple[Instance, ...]] = {}
        for start in starts:
            earlier = instances.get(start.container, ())
            apps = self.scene.apps.get(start.container, (App(exit_after=0.0),))
            ready = (
                at for at, container_id in self.readiness if container_id == start.container_id
            )
            instance = Instance(
                self.plan.container(start.container),
                apps[min(len(earlier), len(apps) - 1)],
                len(earlier),
                seconds(start.at),
                tuple(attempts.get(start.container_id, ())),
                exits.get(start.container_id),
                next(ready, None),
            )
            instances[start.container] = (*earlier, instance)
        return instances

    def _ends_before_stop(self, instance: Instance) -> bool:
        return instance.exit is not None and seconds(instance.exit.at) < self.scene.stop_at

    # --- one instance

    def _of_instance(self, instance: Instance) -> Iterator[Observation]:
        for plan in instance.plan.probes:
            kind = plan.probe.kind
            attempts = instance.of(kind)
            if not attempts:
                continue
            first = seconds(attempts[0].at) - instance.started
            yield Observation(f"{kind} first", first, plan.first_attempt)
            for one, following in itertools.pairwise(attempts):
                gap = seconds(following.at) - seconds(one.at)
                yield Observation(f"{kind} every", gap, plan.every)
            yield from self._of_passing(instance, kind, attempts, plan.passes)
            failed = _failed(attempts)
            if failed is None:
                continue
            if plan.gives_up is not None and not any(map(_succeeded, attempts)):
                yield Observation(f"{kind} gives up", failed - instance.started, plan.gives_up)
            breaks = instance.breaks
            if breaks is None or not _well_before(attempts, breaks):
                continue
            figure = plan.detects_failure if _fails_at_once(instance.app) else plan.detects_hang
            if figure is not None and (_fails_at_once(instance.app) or _hangs(instance.app)):
                word = "failure" if _fails_at_once(instance.app) else "hang"
                yield Observation(f"{kind} detects {word}", failed - breaks, figure)
        yield from self._of_kill(instance)

    def _of_passing(
        self,
        instance: Instance,
        kind: ProbeKind,
        attempts: tuple[ProbeAttempted, ...],
        bounds: Span,
    ) -> Iterator[Observation]:
        passed = next((a for a in attempts if a.verdict == "success" and _succeeded(a)), None)
        if passed is None:
            return
        until = attempts[: attempts.index(passed)]
        if kind is ProbeKind.STARTUP or all(map(_succeeded, until)):
            yield Observation(f"{kind} passes", ended(passed) - instance.started, bounds)

    def _of_kill(self, instance: Instance) -> Iterator[Observation]:
        failed = _failed(instance.of(ProbeKind.LIVENESS))
        gone = instance.plan.gone_after_kill
        if failed is None or gone is None or instance.exit is None:
            return
        if instance.exit.cause is KillCause.LIVENESS and self._ends_before_stop(instance):
            yield Observation("gone after kill", seconds(instance.exit.at) - failed, gone)

    def _of_restart(self, broken: Instance, successor: Instance) -> Iterator[Observation]:
        if not self._passed_at_once(successor) or successor.ready is None:
            return
        breaks, plan = broken.breaks, broken.plan
        if breaks is None or broken.exit is None or broken.exit.cause is not KillCause.LIVENESS:
            return
        if not _well_before(broken.of(ProbeKind.LIVENESS), breaks):
            return
        first = successor.number == 1
        bounds = plan.ready_again if first else plan.ready_again_after_back_off
        assert bounds is not None, "what has no restart was restarted"
        word = "ready again" if first else "ready again after back-off"
        yield Observation(word, successor.ready - breaks, bounds)

    def _passed_at_once(self, instance: Instance) -> bool:
        """Whether its readiness probe never failed before it was Ready."""
        ready = instance.ready
        return ready is not None and all(
            _succeeded(attempt)
            for attempt in instance.of(ProbeKind.READINESS)
            if ended(attempt) <= ready
        )

    # --- the pod

    def _of_starts(self) -> Iterator[Observation]:
        for plan in self.plan.containers:
            instances = self._instances.get(plan.name, ())
            if not instances or not self._nothing_failed_before(instances[0].started):
                continue
            first = instances[0]
            yield Observation("starts", first.started, plan.starts)
            if plan.ready is not None and self._passed_at_once(first) and first.ready is not None:
                yield Observation("ready", first.ready - first.started, plan.ready)
        yield from self._of_pod_ready()

    def _of_pod_ready(self) -> Iterator[Observation]:
        firsts = [instances[0] for instances in self._instances.values()]
        for record in self.records:
            if not isinstance(record, ConditionChanged) or record.type != "Ready":
                continue
            if record.status == "True":
                at = seconds(record.at)
                passed = all(self._passed_at_once(i) or not i.attempts for i in firsts)
                if passed and self.plan.ready and self._nothing_failed_before(at):
                    yield Observation("pod ready", at, self.plan.ready)
                return

    def _nothing_failed_before(self, moment: float) -> bool:
        return not any(
            isinstance(record, ContainerExited)
            and seconds(record.at) <= moment
            and (record.exit_code != 0 or record.container in self.plan.stop.containers)
            for record in self.records
        )

    def _of_stop(self) -> Iterator[Observation]:
        """When all containers run, and none is being stopped or has its postStart hook."""
        begins = self.scene.stop_at
        stops = self.plan.stop.containers
        last = {name: self._instances.get(name, ())[-1:] for name in stops}
        for name in stops:
            for instance in last[name]:
                exit_record = instance.exit
                stopping = exit_record is not None and exit_record.cause is not KillCause.SHUTDOWN
                if stopping or exit_record is None or seconds(exit_record.at) < begins:
                    return
                hook = self.scene.pod.container(name).lifecycle
                if hook and hook.post_start and instance.ready is None:
                    return
            if not last[name]:
                return
        ends = []
        for name, plan in stops.items():
            exit_record = last[name][0].exit
            assert exit_record is not None
            ends.append(seconds(exit_record.at) - begins)
            yield Observation("stop: gone", ends[-1], plan.gone)
            for record in self.records:
                if isinstance(record, StopStep) and record.container_id == exit_record.container_id:
                    at = seconds(record.at) - begins
                    if record.step == "TERM":
                        yield Observation("stop: signal", at, plan.signal)
                    if record.step == "KILL":
                        yield Observation("stop: kill", at, plan.kill)
        yield Observation("stop: pod gone", max(ends), self.plan.stop.gone)


def seconds(at: datetime) -> float:
    return (at - EPOCH).total_seconds()


def ended(attempt: ProbeAttempted) -> float:
    return seconds(attempt.at) + attempt.duration_seconds


def _succeeded(attempt: ProbeAttempted) -> bool:
    return attempt.outcome == "success"


def _failed(attempts: tuple[ProbeAttempted, ...]) -> float | None:
    """When the verdict became a failure that it was not at first."""
    for attempt in attempts:
        if attempt.verdict == "failure" and attempt.verdict_before != "failure":
            return ended(attempt)
    return None


def _well_before(attempts: tuple[ProbeAttempted, ...], breaks: float) -> bool:
    """Whether it had runs before, all of them good, and was watched all the time."""
    before = [attempt for attempt in attempts if seconds(attempt.at) < breaks]
    passed = [attempt for attempt in before if attempt.verdict == "success"]
    return bool(passed) and all(map(_succeeded, before))


def _fails_at_once(app: App) -> bool:
    return app.health.fail_after is not None and not app.slowest and not app.health.slow


def _hangs(app: App) -> bool:
    return app.health.hang_after is not None and app.health.fail_after is None
