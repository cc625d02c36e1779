"""Decide what a pod needs next.

Role: compare the desired pod with the observed one and say what to do; do nothing.
Invariants: same arguments, same answer; at most one action per container; kills come before starts,
starts in spec order, ephemeral containers first (L-101), so that each can wait for the one before
(L-102). An ordinary init container
is only ever the last start: when it fails, nothing is left to do in the step (L-103).
Upstream: kubernetes pkg/kubelet/kuberuntime, computePodActions. Differs: there is no sandbox; a
container that is killed is started by a later pass, when it has exited; and a restart in back-off
names the exact moment of its end, where upstream looks again at jittered intervals (L-171).
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, Pod, RestartPolicy
from minikubelet.pod.initialization import plan_initialization
from minikubelet.pod.kill_causes import kill_cause, kill_message
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState
from minikubelet.pod.restarts import (
    BackOffEntry,
    back_off_until,
    restart_all_trigger,
    restarts_after_kill,
    should_start,
)
from minikubelet.pod.termination import kill_grace_seconds
from minikubelet.value_class import dataclass

END_SHOWN_SECONDS = 2.0
"""So long the status shows how a container ended, before it says CrashLoopBackOff (L-92, L-207): in
upstream that takes until the next sync, and somebody who looks now and then is to see both."""


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start it now; the next action waits until its postStart hook has returned (L-102)."""

    name: str


@dataclass(frozen=True, slots=True)
class HoldContainer:
    """In crash-loop back-off: `delay_seconds` from the exit, over at `until` (monotonic). The
    status says so from `shown_from` on."""

    name: str
    delay_seconds: float
    until: float
    shown_from: float


@dataclass(frozen=True, slots=True)
class KillContainer:
    """Stop one running container: `message` is the text of its Killing event."""

    name: str
    container_id: str
    cause: KillCause
    message: str
    grace_period_seconds: float


@dataclass(frozen=True, slots=True)
class KillPod:
    """Stop everything that runs, sidecars last in reverse order (L-100, L-197); `kills` override
    text and grace for single containers (B-23)."""

    kills: tuple[KillContainer, ...] = ()
    cause: KillCause = KillCause.POD_FINISHED


@dataclass(frozen=True, slots=True)
class RestartAllContainers:
    """Kill all without preStop, forget all instances, begin again with the first init container
    (L-166)."""

    trigger: str


Action = StartContainer | HoldContainer | KillContainer | KillPod | RestartAllContainers


@dataclass(frozen=True, slots=True)
class PodActions:
    """What to do now, in this order, and when to look again (monotonic) if nothing happens."""

    now: tuple[Action, ...] = ()
    wake_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What a pass does, before back-off is looked at. `kept`: some regular container goes on."""

    kills: tuple[KillContainer, ...] = ()
    starts: tuple[str, ...] = ()
    kept: bool = False


def compute_pod_actions(
    pod: Pod, observed: ObservedPod, back_off: Mapping[str, BackOffEntry], now: float
) -> PodActions:
    """What to do at `now` (monotonic); `back_off` holds the entries by container name.

    Nothing for a pod that is being deleted (L-247) or has scheduling gates (L-73). Look again
    after the answer was carried out, after every change, and at `wake_at`.
    """
    if pod.metadata.deletion_timestamp is not None or pod.spec.scheduling_gates:
        return PodActions()
    trigger = restart_all_trigger(pod, observed)
    if trigger is not None:
        return PodActions((RestartAllContainers(trigger),))
    if not observed.sandbox_ready:
        return _schedule(observed, {}, now, _begin_anew(pod, observed))
    initialization = plan_initialization(pod, observed)
    if initialization.failed:
        return _kill_pod(observed, (), KillCause.POD_FAILED)
    kills = tuple(_kill(pod, *kill, init=True) for kill in initialization.kills)
    ephemeral = _never_started(pod, observed)
    step = _Step(kills, (*ephemeral, *initialization.starts))
    if initialization.complete:
        regular = _plan_regular(pod, observed)
        if not regular.kept:
            return _kill_pod(observed, regular.kills, KillCause.POD_FINISHED)
        step = _Step((*step.kills, *regular.kills), (*step.starts, *regular.starts))
    return _schedule(observed, back_off, now, step)


def _never_started(pod: Pod, observed: ObservedPod) -> tuple[str, ...]:
    """The ephemeral containers that are to be started, once (L-254)."""
    ephemeral = (container.name for container in pod.spec.ephemeral_containers)
    return tuple(name for name in ephemeral if observed.latest(name) is None)


def _plan_regular(pod: Pod, observed: ObservedPod) -> _Step:
    kills: list[KillContainer] = []
    starts: list[str] = []
    kept = False
    for container in pod.spec.containers:
        run = observed.latest(container.name)
        if run is not None and (cause := kill_cause(container, run, observed)) is not None:
            kills.append(_kill(pod, container, run, cause, init=False))
            kept = kept or restarts_after_kill(pod, container, cause, init=False)
        elif run is not None and (run.hook_pending or run.state is RunState.RUNNING):
            kept = True
        elif should_start(pod, container, run, init=False):
            starts.append(container.name)
            kept = True
    return _Step(tuple(kills), tuple(starts), kept)


def _begin_anew(pod: Pod, observed: ObservedPod) -> _Step:
    """The first starts in a new sandbox; known instances are those of the former one (L-94)."""
    policy = pod.spec.restart_policy
    if policy == RestartPolicy.NEVER and any(observed.runs.values()):
        return _Step()
    starts = tuple(
        container.name
        for container in pod.spec.containers
        if not (policy == RestartPolicy.ON_FAILURE and _succeeded(observed, container.name))
    )
    if starts and pod.spec.init_containers:
        starts = (pod.spec.init_containers[0].name,)
    return _Step(starts=starts)


def _succeeded(observed: ObservedPod, name: str) -> bool:
    run = observed.latest(name)
    return run is not None and run.state is RunState.EXITED and run.exit_code == 0


def _kill(
    pod: Pod, container: Container, run: ContainerRun, cause: KillCause, *, init: bool
) -> KillContainer:
    restarts = restarts_after_kill(pod, container, cause, init=init)
    return KillContainer(
        container.name,
        run.container_id,
        cause,
        kill_message(container.name, cause, init=init, restarts=restarts),
        kill_grace_seconds(pod, container, cause),
    )


def _kill_pod(
    observed: ObservedPod, kills: tuple[KillContainer, ...], cause: KillCause
) -> PodActions:
    return PodActions((KillPod(kills, cause),)) if observed.any_running() else PodActions()


def _schedule(
    observed: ObservedPod, back_off: Mapping[str, BackOffEntry], now: float, step: _Step
) -> PodActions:
    """The step's actions, each start held back while its back-off or its retry time lasts."""
    actions: list[Action] = list(step.kills)
    wakes: list[float] = []
    for name in () if _hook_pending(observed) else step.starts:
        failure = observed.start_failures.get(name)
        if failure is not None and failure.retry_at is not None and now < failure.retry_at:
            wakes.append(failure.retry_at)
            continue
        entry, finish = back_off.get(name), _last_finish(observed, name)
        until = back_off_until(entry, finish, now)
        if entry is None or until is None or finish is None:
            actions.append(StartContainer(name))
        else:
            shown = finish + END_SHOWN_SECONDS
            actions.append(HoldContainer(name, entry.delay_seconds, until, shown))
            wakes.append(min(shown, until) if now < shown else until)
    return PodActions(tuple(actions), min(wakes, default=None))


def _hook_pending(observed: ObservedPod) -> bool:
    """Whether some start is under way: the next one waits for its postStart hook (L-102)."""
    return any(run.hook_pending for runs in observed.runs.values() for run in runs)


def _last_finish(observed: ObservedPod, name: str) -> float | None:
    """The end of the newest exited instance."""
    for run in observed.runs.get(name, ()):
        if run.state is RunState.EXITED:
            return run.finished_monotonic
    return None
