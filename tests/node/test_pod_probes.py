"""Which probe workers a pod has."""

from __future__ import annotations

import asyncio
import random

import pytest

from minikubelet.journal import ProbeAttempted
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.pod import Pod, ProbeKind
from minikubelet.node.pod_worker import StopRequest
from minikubelet.simulate.app import App, Script
from minikubelet.simulate.node import simulated_node
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual
from tests.fakes.object_lookup import FakeObjectLookup
from tests.pod.builders import a_container, a_pod, a_probe


@pytest.mark.timeout(20)
def test_a_worker_that_has_ended_does_not_keep_the_pod_busy() -> None:  # P-113
    """Virtual time passes only while nothing is to be done: it would stand still."""
    readiness = a_probe(ProbeKind.READINESS, period_seconds=1)
    pod = a_pod(
        a_container("job", readiness_probe=readiness),
        a_container("other"),
        restart_policy="Never",
    )
    attempts = run_for(60.0, pod, {"job": App(exit_after=2.5), "other": App()})
    assert attempts == ["job", "job", "job"]


def test_a_container_that_is_started_again_is_probed_again() -> None:
    readiness = a_probe(ProbeKind.READINESS, period_seconds=1)
    pod = a_pod(a_container("job", readiness_probe=readiness), a_container("other"))
    attempts = run_for(5.5, pod, {"job": App(exit_after=2.5), "other": App()})
    assert attempts == ["job"] * 6


def run_for(seconds: float, pod: Pod, apps: dict[str, App]) -> list[str]:
    """Run a pod and stop it; the containers that were probed, one for each attempt."""
    clock, attempts = VirtualClock(), list[str]()

    async def run() -> None:
        node = simulated_node(
            clock,
            [pod],
            {(pod.metadata.uid, name): Script((app,)) for name, app in apps.items()},
            objects=FakeObjectLookup(),
            rng=random.Random(1),
            on_status=lambda pod, status: None,
        )
        node.journal.subscribe(
            lambda record: (
                attempts.append(record.container) if isinstance(record, ProbeAttempted) else None
            )
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(node.agent.run_pods([pod]))
            await clock.sleep(seconds)
            node.agent.stop_all(StopRequest(KillCause.SHUTDOWN))

    run_virtual(clock, run())
    return attempts
