"""What stopping takes: preStop, the stop signal, SIGKILL. Pure.

Role: bounds over `pod/termination.py`. A hook and the wait for other containers take whole seconds
off the grace period, but never the last two (L-196).
"""

from __future__ import annotations

from collections.abc import Mapping

from minikubelet.manifest.pod import Container, LifecycleHandler, Pod, SleepAction, is_sidecar
from minikubelet.plan.span import ANY_TIME, Span, all_of
from minikubelet.pod.termination import (
    MINIMUM_KILL_SECONDS,
    effective_grace,
    remaining_after,
    runs_pre_stop,
    stop_order,
)
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Of one container. Seconds from the beginning of the stop; the container does not end before
    it is told to."""

    grace_seconds: float
    pre_stop: Span | None
    """How long the hook is waited for; None when none runs."""
    waits_for: tuple[str, ...]
    """Containers that are gone before this one gets its stop signal (L-197)."""
    signal: Span
    kill: Span
    """SIGKILL, for a container that ignores the stop signal."""
    gone: Span


@dataclass(frozen=True, slots=True)
class PodStopPlan:
    """A pod that is deleted, or whose run is ended."""

    grace_seconds: float
    containers: Mapping[str, StopPlan]
    gone: Span


def hook_span(handler: LifecycleHandler | None) -> Span:
    """How long a hook runs: only sleep hooks tell (L-187)."""
    match handler:
        case None:
            return Span()
        case LifecycleHandler(sleep=SleepAction(seconds)):
            return Span(float(seconds), float(seconds))
        case LifecycleHandler(exec=None, http_get=None):
            return Span()  # tcpSocket hooks are not run
        case _:
            return ANY_TIME


def plan_stop(
    container: Container,
    grace_seconds: float,
    turn: Span | None = None,
    after: frozenset[str] = frozenset(),
) -> StopPlan:
    """The stop of `container`; `turn` is when the containers `after` are gone."""
    runs_hook = runs_pre_stop(container, grace_seconds)
    lifecycle = container.lifecycle
    hook = _within(
        hook_span(lifecycle.pre_stop if lifecycle and runs_hook else None), grace_seconds
    )
    signal = hook if turn is None else _within(all_of((hook, turn)), grace_seconds)
    kill = _kill(grace_seconds, hook, signal)
    return StopPlan(
        grace_seconds,
        pre_stop=hook if runs_hook else None,
        waits_for=tuple(sorted(after)),
        signal=signal,
        kill=kill,
        gone=Span(signal.earliest, kill.latest),
    )


def _within(span: Span, grace_seconds: float) -> Span:
    latest = grace_seconds if span.latest is None else min(span.latest, grace_seconds)
    return Span(min(span.earliest, grace_seconds), latest)


def _kill(grace_seconds: float, hook: Span, signal: Span) -> Span:
    if signal == hook and hook.earliest == hook.latest:
        known = hook.earliest + remaining_after(grace_seconds, hook.earliest)
        return Span(known, known)
    # Of two waits each one's whole seconds are deducted, so less than two seconds are not.
    least = signal.earliest + MINIMUM_KILL_SECONDS
    return Span(max(grace_seconds, least), grace_seconds + MINIMUM_KILL_SECONDS)


def plan_pod_stop(pod: Pod) -> PodStopPlan:
    """Everything runs when the stop begins. Sidecars go last, in reverse order (L-197)."""
    grace = effective_grace(pod)
    sidecars = [c for c in pod.spec.init_containers if is_sidecar(c, init=True)]
    running = (*pod.spec.containers, *reversed(sidecars))
    order = stop_order(pod, frozenset(container.name for container in running))
    plans: dict[str, StopPlan] = {}
    for container in running:
        after = order[container.name]
        turn = all_of(plans[name].gone for name in after) if after else None
        plans[container.name] = plan_stop(container, grace, turn, after)
    return PodStopPlan(grace, plans, all_of(plan.gone for plan in plans.values()))
