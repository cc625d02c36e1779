"""How long a check waits and watches when nobody says so. Seconds. Pure.

Role: for a start, the bound that the probes of the manifest set, and a margin for what has no
bound: the work before a probe can succeed. For the soak, what it takes to believe a container that
has no probe.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikubelet.manifest.pod import Container, Pod, Probe, is_sidecar

START_MARGIN_SECONDS = 30.0
"""For starting processes, and for all that no probe bounds."""
COMPLETION_SECONDS = 300.0
"""For each container that has to run to its end."""
UNPROBED_SOAK_SECONDS = 2.0
"""A container without a readiness probe is Ready once it has started: give it time to fail."""


def default_soak(pods: Iterable[Pod]) -> float:
    """Seconds to watch Pods that are to be Ready: none if every container has to prove that it
    is."""
    proved = all(
        container.readiness_probe or container.startup_probe
        for pod in pods
        for container in pod.spec.containers
    )
    return 0.0 if proved else UNPROBED_SOAK_SECONDS


def startup_budget(pod: Pod, *, to_completion: bool) -> float:
    """Seconds in which a Pod is Ready if it can be, by its own probes; or in which it has
    succeeded."""
    if to_completion and pod.spec.active_deadline_seconds is not None:
        return pod.spec.active_deadline_seconds + START_MARGIN_SECONDS
    seconds = START_MARGIN_SECONDS
    for container in pod.spec.init_containers:
        if is_sidecar(container, init=True):
            seconds += _until_ready(container)
        else:
            seconds += COMPLETION_SECONDS
    seconds += max(map(_until_ready, pod.spec.containers), default=0.0)
    return seconds + (COMPLETION_SECONDS if to_completion else 0.0)


def _until_ready(container: Container) -> float:
    started = _until_failed(container.startup_probe)
    hook = container.lifecycle.post_start if container.lifecycle else None
    asleep = float(hook.sleep.seconds) if hook and hook.sleep else 0.0
    if container.startup_probe is None:
        # Without a startup probe, liveness is what bounds the start.
        started = _until_failed(container.liveness_probe)
    return asleep + max(started, _until_succeeded(container.readiness_probe, after=started))


def _until_failed(probe: Probe | None) -> float:
    """The last moment at which a failing probe can still turn."""
    if probe is None:
        return 0.0
    attempts = probe.failure_threshold * probe.period_seconds
    return float(probe.initial_delay_seconds + attempts + probe.timeout_seconds)


def _until_succeeded(probe: Probe | None, *, after: float) -> float:
    if probe is None:
        return 0.0
    attempts = probe.success_threshold * probe.period_seconds
    return max(after, float(probe.initial_delay_seconds)) + attempts + probe.timeout_seconds
