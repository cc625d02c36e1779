"""The arithmetic of stopping: how long, and in which order (L-79, L-194 … L-201, L-241).

Role: seconds and names for the shell that runs one task per container: preStop, wait for its turn,
stop signal, SIGKILL.
Invariants: pure; whole seconds are deducted, as upstream counts grace in seconds; at least two
seconds lie between the stop signal and SIGKILL, also with a grace period of 0.
Upstream: kubernetes pkg/kubelet/kuberuntime, kuberuntime_container.go and
kuberuntime_termination_order.go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set

from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Container, Pod, Probe, is_sidecar

MINIMUM_KILL_SECONDS = 2.0
"""The least time between the stop signal and SIGKILL."""
MINIMUM_POD_GRACE_SECONDS = 1.0
"""The least grace period of a pod that terminates (L-79)."""


def kill_grace_seconds(pod: Pod, container: Container, cause: KillCause) -> float:
    """The grace period of one container (L-194, P-700): deletion, else the probe's, else the pod's.

    A probe's value counts for its own kills only, and may be larger than the pod's (P-701).
    """
    if pod.metadata.deletion_timestamp is not None:
        deletion = pod.metadata.deletion_grace_period_seconds
        if deletion is not None:
            return float(deletion)
    probe = _probe_of(container, cause)
    if probe is not None and probe.termination_grace_period_seconds is not None:
        return float(probe.termination_grace_period_seconds)
    return float(pod.spec.termination_grace_period_seconds)


def _probe_of(container: Container, cause: KillCause) -> Probe | None:
    if cause is KillCause.LIVENESS:
        return container.liveness_probe
    if cause is KillCause.STARTUP:
        return container.startup_probe
    return None


def effective_grace(pod: Pod, *requested: float | None) -> float:
    """The grace period of a terminating pod (L-79): the least one asked for, at least a second.

    `requested` are the values of kill requests so far, None for a request without one; the
    deletion's value is read from the pod, and the pod's own counts when nobody names one.
    """
    asked = [seconds for seconds in requested if seconds is not None]
    if pod.metadata.deletion_grace_period_seconds is not None:
        asked.append(float(pod.metadata.deletion_grace_period_seconds))
    if not asked:
        asked.append(float(pod.spec.termination_grace_period_seconds))
    return max(min(asked), MINIMUM_POD_GRACE_SECONDS)


def runs_pre_stop(container: Container, grace_seconds: float) -> bool:
    """Whether the preStop hook runs (L-191); a container that ends by itself does not get here."""
    return (
        grace_seconds > 0
        and container.lifecycle is not None
        and container.lifecycle.pre_stop is not None
    )


def time_left(grace_seconds: float, *spent_seconds: float) -> float:
    """What a next wait may take: whole seconds of each wait before it are deducted (L-196)."""
    return max(grace_seconds - sum(math.floor(spent) for spent in spent_seconds), 0.0)


def remaining_after(grace_seconds: float, *spent_seconds: float) -> float:
    """From stop signal to SIGKILL, after the preStop hook and the wait for its turn (L-196)."""
    return max(time_left(grace_seconds, *spent_seconds), MINIMUM_KILL_SECONDS)


def stop_order(pod: Pod, running: Set[str]) -> Mapping[str, frozenset[str]]:
    """For each running container of a pod that is killed, what must have stopped first (L-197).

    A sidecar waits for the regular containers and for the next later sidecar. What does not run
    when the termination starts counts as stopped, and is not waited for.
    """
    regular = frozenset(c.name for c in pod.spec.containers) & running
    order = {name: frozenset[str]() for name in running}
    later: frozenset[str] = frozenset()
    for container in reversed(pod.spec.init_containers):
        if not is_sidecar(container, init=True):
            continue
        if container.name in running:
            order[container.name] = regular | (later & running)
        later = frozenset({container.name})
    return order
