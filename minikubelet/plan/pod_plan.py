"""What will happen to a pod, and when, without running it. Pure.

Role: the plan of a pod: the bounds of its probes, starts, kills, restarts and its stop.
Invariants: a figure holds for every app that does what the figure's text says; what depends on the
app alone (how long an init container or a hook runs) has no latest time. Starting a process, and
being late on a loaded machine, is not counted: milliseconds.
"""

from __future__ import annotations

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, Pod, Probe, ProbeKind, is_sidecar
from minikubelet.plan.probe_plan import ProbePlan, plan_probe
from minikubelet.plan.span import ANY_TIME, Span, add_bounds, all_of, any_of
from minikubelet.plan.stop_plan import PodStopPlan, hook_span, plan_pod_stop, plan_stop
from minikubelet.pod.restarts import MAXIMUM_DELAY_SECONDS, after_start, restarts_after_kill
from minikubelet.pod.termination import kill_grace_seconds
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """Seconds. Of an ordinary init container only `starts` is told."""

    name: str
    init: bool
    sidecar: bool
    starts: Span
    """From the start of the pod, when nothing fails before."""
    probes: tuple[ProbePlan, ...] = ()
    ready: Span | None = None
    """From its process's start to Ready, when its probes pass: the startup probe at any of its
    runs, the readiness probe from its first run on."""
    detects: Span | None = None
    """From a failure or a hang to the liveness probe's kill; None without such a probe."""
    gone_after_kill: Span | None = None
    """From that kill to the end of the process."""
    ready_again: Span | None = None
    """From the failure to Ready after its first restart, which has no back-off; None without
    restart."""
    ready_again_after_back_off: Span | None = None
    """The same for the restarts after it: the back-off is 10 s to 5 minutes."""

    def probe(self, kind: ProbeKind) -> ProbePlan | None:
        return next((plan for plan in self.probes if plan.probe.kind is kind), None)


@dataclass(frozen=True, slots=True)
class PodPlan:
    namespace: str
    name: str
    restart_policy: str
    containers: tuple[ContainerPlan, ...]
    """In the order of their start."""
    ready: Span | None
    """From the start of the pod to Ready; None: never, since its gates are opened by nobody."""
    stop: PodStopPlan

    def container(self, name: str) -> ContainerPlan:
        return next(plan for plan in self.containers if plan.name == name)


def plan_pod(pod: Pod) -> PodPlan:
    containers = tuple(_plan_containers(pod))
    gated = pod.spec.readiness_gates or pod.spec.scheduling_gates
    ready = all_of(plan.starts + plan.ready for plan in containers if plan.ready is not None)
    return PodPlan(
        pod.metadata.namespace,
        pod.metadata.name,
        pod.spec.restart_policy,
        containers,
        None if gated else ready,
        plan_pod_stop(pod),
    )


def back_off_delays() -> tuple[float, ...]:
    """How long the restarts of a container that fails again and again wait: 0, 10, 20 … 300."""
    delays, entry = [0.0], None
    while delays[-1] < MAXIMUM_DELAY_SECONDS:
        entry = after_start(entry, 0.0, 0.0)
        delays.append(entry.delay_seconds)
    return tuple(delays)


def _plan_containers(pod: Pod) -> list[ContainerPlan]:
    plans: list[ContainerPlan] = []
    starts = Span()
    for container in pod.containers():
        init = pod.is_init(container.name)
        if init and not is_sidecar(container, init=True):
            plans.append(ContainerPlan(container.name, True, False, starts))
            starts += ANY_TIME
            continue
        plan = _plan_container(pod, container, starts, sidecar=init)
        plans.append(plan)
        startup = plan.probe(ProbeKind.STARTUP)
        gate = startup.passes if init and startup else post_start(container)
        starts += gate
    return plans


def post_start(container: Container) -> Span:
    """How long the postStart hook holds back probes, readiness and later containers (L-102)."""
    return hook_span(container.lifecycle.post_start if container.lifecycle else None)


def _plan_container(
    pod: Pod, container: Container, starts: Span, *, sidecar: bool
) -> ContainerPlan:
    probes = _plan_probes(container)
    by_kind = {plan.probe.kind: plan for plan in probes}
    readiness = by_kind.get(ProbeKind.READINESS) or by_kind.get(ProbeKind.STARTUP)
    ready = readiness.passes if readiness else post_start(container)
    plan = ContainerPlan(container.name, sidecar, sidecar, starts, probes, ready)
    liveness = by_kind.get(ProbeKind.LIVENESS)
    if liveness is None or liveness.detects_failure is None or liveness.detects_hang is None:
        return plan
    detects = any_of(liveness.detects_failure, liveness.detects_hang)
    other_hooks = _other_hooks(pod, container)
    grace = kill_grace_seconds(pod, container, KillCause.LIVENESS)
    gone = Span(0.0, other_hooks) + plan_stop(container, grace).gone
    again = _again(pod, container, detects + gone, other_hooks, ready, sidecar=sidecar)
    delays = back_off_delays()
    return ContainerPlan(
        container.name,
        sidecar,
        sidecar,
        starts,
        probes,
        ready,
        detects,
        gone,
        again,
        again and again + Span(delays[1], delays[-1]),
    )


def _plan_probes(container: Container) -> tuple[ProbePlan, ...]:
    hook = post_start(container)
    startup = _optional(container.startup_probe, hook)
    opens = startup[0].passes if startup else hook
    return (
        *startup,
        *_optional(container.readiness_probe, opens),
        *_optional(container.liveness_probe, opens),
    )


def _optional(probe: Probe | None, opens: Span) -> tuple[ProbePlan, ...]:
    return () if probe is None else (plan_probe(probe, opens),)


def _other_hooks(pod: Pod, container: Container) -> float | None:
    """The most that the starts of other containers can hold back what is decided about this one:
    a step of the pod's worker ends before the next one begins."""
    return add_bounds(
        *(post_start(other).latest for other in pod.containers() if other is not container)
    )


def _again(
    pod: Pod,
    container: Container,
    gone: Span,
    other_hooks: float | None,
    ready: Span,
    *,
    sidecar: bool,
) -> Span | None:
    if not restarts_after_kill(pod, container, KillCause.LIVENESS, init=sidecar):
        return None
    waits = Span(0.0, add_bounds(other_hooks, other_hooks))
    return gone + waits + ready
