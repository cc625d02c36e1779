"""Random pods, with apps that are scripted to start late, answer slowly, fail, hang, or go on.

A seed gives the same scene each time.
"""

from __future__ import annotations

import random
from dataclasses import replace

from minikubelet.manifest.pod import (
    Container,
    ExecAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ProbeKind,
    RestartPolicy,
    SleepAction,
)
from minikubelet.mock.health import HealthScript
from minikubelet.plan.pod_plan import plan_pod, post_start
from minikubelet.simulate.app import App
from tests.plan.course import Scene
from tests.pod.builders import a_container, a_pod, a_probe

_HOOKS = (
    None,
    LifecycleHandler(sleep=SleepAction(3)),
    LifecycleHandler(exec=ExecAction(("sleep", "2.5"))),
    LifecycleHandler(exec=ExecAction(("sleep", "11.7"))),
)


def a_scene(seed: int) -> Scene:
    """One or two containers, perhaps an init container and a sidecar before them."""
    rng = random.Random(seed)
    regular = [_container(rng, name) for name in ("app", "other")[: rng.randint(1, 2)]]
    init: list[Container] = []
    apps: dict[str, tuple[App, ...]] = {}
    if rng.random() < 0.3:
        init.append(a_container("prepare"))
        apps["prepare"] = (App(exit_after=_moment(rng) / 4),)
    if rng.random() < 0.4:
        init.append(replace(_container(rng, "side"), restart_policy=RestartPolicy.ALWAYS))
    pod = a_pod(
        *regular,
        init=init,
        restart_policy=rng.choice(("Always", "Always", "OnFailure", "Never")),
        termination_grace_period_seconds=rng.randint(0, 20),
    )
    plan = plan_pod(pod)
    for container in (*init, *regular):
        startup = plan.container(container.name).probe(ProbeKind.STARTUP)
        budget = startup.gives_up.earliest if startup and startup.gives_up else 0.0
        apps.setdefault(container.name, _lives(rng, container, budget))
    return Scene(pod, apps, stop_at=rng.choice((3.0, 20.5, 61.0, 90.0)))


def _container(rng: random.Random, name: str) -> Container:
    lifecycle = None
    if rng.random() < 0.25:
        lifecycle = Lifecycle(post_start=rng.choice(_HOOKS), pre_stop=rng.choice(_HOOKS))
    return a_container(
        name,
        lifecycle=lifecycle,
        startup_probe=_probe(rng, ProbeKind.STARTUP) if rng.random() < 0.4 else None,
        readiness_probe=_probe(rng, ProbeKind.READINESS) if rng.random() < 0.6 else None,
        liveness_probe=_probe(rng, ProbeKind.LIVENESS) if rng.random() < 0.7 else None,
    )


def _probe(rng: random.Random, kind: ProbeKind) -> Probe:
    readiness = kind is ProbeKind.READINESS
    return a_probe(
        kind,
        initial_delay_seconds=rng.choice((0, 0, 1, 4, 11)),
        period_seconds=rng.randint(1, 9),
        timeout_seconds=rng.choice((1, 1, 2, 3, 5, 8, 12)),
        success_threshold=rng.randint(1, 3) if readiness else 1,
        failure_threshold=rng.randint(1, 4),
        termination_grace_period_seconds=None if readiness else rng.choice((None, None, 1, 6, 14)),
    )


def _lives(rng: random.Random, container: Container, start_budget: float) -> tuple[App, ...]:
    """Up to two instances that break, and one that does not. Without a startup probe the app is up
    at once; with one, within the time that it always leaves."""
    timeouts = [probe.timeout_seconds for probe in container.probes()]
    slowest = None
    if timeouts and rng.random() < 0.5:
        slowest = rng.choice((0.4, 0.97)) * min(timeouts)
    well = App(
        HealthScript(ready_after=rng.choice((0.0, 0.5, 1.0)) * start_budget),
        slowest=slowest,
        term_seconds=rng.choice((0.0, 0.0, 1.5, 9.0, None)),
    )
    return (*(_breaking(rng, well, container) for _ in range(rng.randint(0, 2))), well)


def _breaking(rng: random.Random, well: App, container: Container) -> App:
    at = 0.0 if rng.random() < 0.2 else _moment(rng) + post_start(container).earliest
    if rng.random() < 0.5:
        return replace(well, health=replace(well.health, hang_after=at))
    return replace(well, health=replace(well.health, fail_after=at), slowest=None)


def _moment(rng: random.Random) -> float:
    return rng.randint(0, 400) / 10
