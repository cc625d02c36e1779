"""Rules about stopping: MK301 … MK304. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import ExecAction, LifecycleHandler, Probe, SleepAction
from minikubelet.plan.finding import PROBE_FIELDS, Harm, Subject, moments
from minikubelet.pod.durations import go_duration
from minikubelet.pod.termination import (
    MINIMUM_KILL_SECONDS,
    effective_grace,
    kill_grace_seconds,
    remaining_after,
)

_SLEEP = re.compile(r"(?<![\w-])sleep\s+(\d+(?:\.\d+)?)(?![\w.])")
_LONG_GRACE_SECONDS = 60.0


def pre_stop_longer_than_grace(subject: Subject) -> Iterator[Harm]:
    """MK301. The last two seconds belong to the app, but no more than those (L-196)."""
    lifecycle = subject.container.lifecycle
    hook = known_seconds(lifecycle.pre_stop if lifecycle else None)
    grace = effective_grace(subject.pod)
    if hook > grace - MINIMUM_KILL_SECONDS and hook > 0:
        told = min(hook, grace)
        killed = told + remaining_after(grace, told)
        yield Harm(
            subject.path.child("lifecycle", "preStop"),
            f"takes {go_duration(hook)} of a grace period of {go_duration(grace)}: the app has "
            f"{go_duration(killed - told)} to end",
            moments(
                (0.0, "the Pod is deleted; preStop begins"),
                (told, "the stop signal, after preStop or the end of its time"),
                (killed, "SIGKILL"),
            ),
            "raise terminationGracePeriodSeconds to preStop's time and what the app needs",
        )


def known_seconds(handler: LifecycleHandler | None) -> float:
    """How long a hook sleeps, as far as it says; else 0."""
    match handler:
        case LifecycleHandler(sleep=SleepAction(seconds)):
            return float(seconds)
        case LifecycleHandler(exec=ExecAction(command)):
            return sum(float(seconds) for seconds in _SLEEP.findall(" ".join(command)))
        case _:
            return 0.0


def probe_grace_longer_than_pods(subject: Subject) -> Iterator[Harm]:
    """MK302 (P-701)."""
    grace = float(subject.pod.spec.termination_grace_period_seconds)
    for probe, own in _graces(subject):
        if own > grace:
            yield Harm(
                subject.probe_path(probe).child("terminationGracePeriodSeconds"),
                f"a container that {PROBE_FIELDS[probe.kind]} found broken gets "
                f"{go_duration(own)} to end, a sound one {go_duration(grace)}",
                moments(
                    (0.0, f"{PROBE_FIELDS[probe.kind]} has failed: the stop signal"),
                    (max(grace, 2.0), "a Pod that is deleted would get SIGKILL"),
                    (own, "SIGKILL, and only now a restart"),
                ),
                "make it shorter than the Pod's",
            )


def pre_stop_longer_than_probe_grace(subject: Subject) -> Iterator[Harm]:
    """MK303 (P-702)."""
    lifecycle = subject.container.lifecycle
    hook = known_seconds(lifecycle.pre_stop if lifecycle else None)
    for probe, own in _graces(subject):
        if hook > own - MINIMUM_KILL_SECONDS:
            yield Harm(
                subject.probe_path(probe).child("terminationGracePeriodSeconds"),
                f"preStop takes {go_duration(hook)}, also before this probe's kill: the app has "
                f"{go_duration(remaining_after(own, min(hook, own)))} to end",
                moments(
                    (0.0, f"{PROBE_FIELDS[probe.kind]} has failed; preStop begins"),
                    (min(hook, own), "the stop signal"),
                    (min(hook, own) + remaining_after(own, min(hook, own)), "SIGKILL"),
                ),
                "raise it to preStop's time and what the app needs",
            )


def hang_keeps_long_grace(subject: Subject) -> Iterator[Harm]:
    """MK304 (P-700)."""
    plan = subject.container_plan
    grace = kill_grace_seconds(subject.pod, subject.container, KillCause.LIVENESS)
    liveness = subject.container.liveness_probe
    detects = plan.detects
    if liveness is None or detects is None or detects.latest is None:
        return
    if liveness.termination_grace_period_seconds is None and grace > _LONG_GRACE_SECONDS:
        yield Harm(
            subject.probe_path(liveness),
            f"an app that hangs is given the Pod's grace period of {go_duration(grace)} too",
            moments(
                (0.0, "the app hangs"),
                (detects.latest, "livenessProbe has failed: the stop signal, which it ignores"),
                (detects.latest + grace, "SIGKILL, and only now a restart"),
            ),
            "give the probe a terminationGracePeriodSeconds of its own",
        )


def _graces(subject: Subject) -> Iterator[tuple[Probe, float]]:
    for probe in subject.container.probes():
        if probe.termination_grace_period_seconds is not None:
            yield probe, float(probe.termination_grace_period_seconds)
