"""Where the initialization of a pod stands, and what its init containers and sidecars need.

Role: the walk over `spec.initContainers` (L-153 … L-160).
Invariants: pure; at most one init container is started for the first time in a pass; while the
sandbox lives, an init container that was passed never runs again (L-156).
Upstream: kubernetes pkg/kubelet/kuberuntime, computeInitContainerActions.
"""

from __future__ import annotations

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, Pod, ProbeKind, is_sidecar
from minikubelet.pod.kill_causes import kill_cause
from minikubelet.pod.observed import ContainerRun, ObservedPod, RunState, Verdict
from minikubelet.pod.restarts import restarts_on_failure, should_start
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class InitializationPlan:
    """`failed`: an init container failed for good. `complete`: regular containers may run."""

    failed: bool = False
    complete: bool = False
    kills: tuple[tuple[Container, ContainerRun, KillCause], ...] = ()
    starts: tuple[str, ...] = ()
    """In spec order."""


def any_regular_run(pod: Pod, observed: ObservedPod) -> bool:
    """Whether a regular container was ever created in this sandbox, so the pod was initialized."""
    return any(
        not run.former_sandbox
        for container in pod.spec.containers
        for run in observed.runs.get(container.name, ())
    )


def plan_initialization(pod: Pod, observed: ObservedPod) -> InitializationPlan:
    """What to do for initialization, and for sidecars afterwards; back-off is not looked at.

    The list is walked backwards: the last entry with an instance is where the pod stands, so that
    lost records of earlier ones do not matter (L-157). What lies before it has been passed:
    ordinary init containers there are left alone, sidecars are kept running (L-158).
    """
    entries = pod.spec.init_containers
    complete = passed = not entries or any_regular_run(pod, observed)
    kills: list[tuple[Container, ContainerRun, KillCause]] = []
    starts: list[str] = []
    for index in reversed(range(len(entries))):
        container = entries[index]
        sidecar = is_sidecar(container, init=True)
        run = observed.latest(container.name)
        if run is None:
            if passed and sidecar:
                starts.append(container.name)
            continue
        if passed and not sidecar:
            continue
        if not sidecar and _failed_for_good(pod, container, run):
            return InitializationPlan(failed=True)
        if not passed and _is_done(container, run, observed):
            if index + 1 == len(entries):
                complete = True
            else:
                starts.append(entries[index + 1].name)
        passed = True
        if (cause := kill_cause(container, run, observed)) is not None:
            kills.append((container, run, cause))
        elif _wants_start(pod, container, run):
            starts.append(container.name)
    if not passed:
        starts.append(entries[0].name)
    return InitializationPlan(
        complete=complete, kills=tuple(reversed(kills)), starts=tuple(reversed(starts))
    )


def sidecar_started(container: Container, run: ContainerRun, observed: ObservedPod) -> bool:
    """Whether the next entry may start: it runs, and its startup probe succeeded (L-153, L-154)."""
    if run.state is not RunState.RUNNING or run.hook_pending:
        return False
    if container.startup_probe is None:
        return True
    return observed.verdict(ProbeKind.STARTUP, run.container_id) is Verdict.SUCCESS


def _is_done(container: Container, run: ContainerRun, observed: ObservedPod) -> bool:
    if is_sidecar(container, init=True):
        return sidecar_started(container, run, observed)
    return run.state is RunState.EXITED and not _failed(run)


def _failed(run: ContainerRun) -> bool:
    """L-155. A tree can lose a child to the OOM killer and still exit with 0: that is a failure."""
    if run.state is RunState.UNKNOWN:
        return True
    return run.state is RunState.EXITED and (run.exit_code != 0 or run.reason == "OOMKilled")


def _failed_for_good(pod: Pod, container: Container, run: ContainerRun) -> bool:
    return _failed(run) and not _restarts_after_failure(pod, container, run)


def _restarts_after_failure(pod: Pod, container: Container, run: ContainerRun) -> bool:
    if run.state is RunState.EXITED and run.exit_code != 0:
        return should_start(pod, container, run, init=True)
    return restarts_on_failure(pod, container)


def _wants_start(pod: Pod, container: Container, run: ContainerRun) -> bool:
    if run.hook_pending or run.state is RunState.RUNNING:
        return False
    if is_sidecar(container, init=True) or run.state is RunState.CREATED:
        return True
    return _failed(run)
