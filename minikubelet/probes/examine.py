"""Make one attempt of a probe and look around for the cause when it fails.

Role: the thin shell around `looks.py`. The attempt is the live prober's own; the looks come after
it and do not disturb its times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from minikubelet.clock import Clock
from minikubelet.pod.listeners import Listener
from minikubelet.probes.attempt import Attempt, Examined, Look
from minikubelet.probes.looks import plan_looks
from minikubelet.probes.prober import ProbeTarget
from minikubelet.probes.result import ProbeResult
from minikubelet.probes.trace import Trace

ListenersAt = Callable[[str], tuple[Listener, ...] | None]
"""Who listens on the host that has this IP address; None if it is not this one."""


class TracingProber(Protocol):
    """`HandlerProber` is one."""

    async def attempt(self, target: ProbeTarget, trace: Trace | None = None) -> ProbeResult: ...


async def examine(
    target: ProbeTarget,
    prober: TracingProber,
    clock: Clock,
    listeners_at: ListenersAt,
    *,
    may_look: bool = True,
) -> Examined:
    """`may_look`: more attempts may be made to find the cause of a failure."""
    attempt = await _attempt(target, prober, clock)
    looks = []
    for planned in plan_looks(attempt) if may_look else ():
        again = await _attempt(replace(target, probe=planned.probe), prober, clock)
        looks.append(Look(planned.kind, planned.value, again))
        if again.succeeded:
            break
    listeners = None if attempt.peer is None else listeners_at(attempt.peer[0])
    return Examined(attempt, tuple(looks), listeners)


async def _attempt(target: ProbeTarget, prober: TracingProber, clock: Clock) -> Attempt:
    trace = Trace(clock)
    result = await prober.attempt(target, trace)
    return Attempt(target, trace.steps, result, trace.seconds)
