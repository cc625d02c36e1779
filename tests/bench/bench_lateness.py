"""Lateness and CPU of 300 HTTP probes per second by their workers.

The floor is a bare ticker of the same pace in a process of its own at the same time, since most of
the lateness of a shared machine is not ours; and for the CPU blocking sockets at the same pace.
Budgets: p99 20 ms; 60 % of a core; and per probe 155 µs, half of what the real kubelet takes.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from minikubelet.clock import SystemClock
from minikubelet.journal import ProbeAttempted
from minikubelet.manifest.pod import HTTPGetAction, Probe, ProbeKind
from minikubelet.pod.observed import Verdict
from minikubelet.pod.pod_status import PodPhase
from minikubelet.pod.probe_state import ProbeView
from minikubelet.probes.prober import HandlerProber
from minikubelet.probes.worker import ProbeWorker
from minikubelet.runtime.processes import ProcessRuntime
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row, percentile
from tests.bench.local_server import local_server
from tests.bench.probing import paced_cpu
from tests.bench.workloads import pod_document, pods_of

PER_SECOND = 300
SECONDS = 7
LEAD_SECONDS = 1.0
FLOOR_SECONDS = 3

_TICKER = """
import json, sys, time
ticks, period = int(sys.argv[1]), float(sys.argv[2])
due, late = time.monotonic() + period, []
for _ in range(ticks):
    time.sleep(max(0.0, due - time.monotonic()))
    late.append(time.monotonic() - due)
    due += period
print(json.dumps(late))
"""


def run() -> Iterator[Row]:
    with local_server("http") as port:
        attempts, cpu, ticker = asyncio.run(_probe(port))
        paced = paced_cpu(port, PER_SECOND, FLOOR_SECONDS)
    assert all(attempt.outcome == "success" for attempt in attempts)
    late = [
        (attempt.at - attempt.planned_at).total_seconds() * MILLISECONDS for attempt in attempts
    ]
    floor = percentile(ticker, 50) * MILLISECONDS
    yield Row("lateness of a probe, p50", percentile(late, 50), "ms", floor, "bare ticker")
    floor = percentile(ticker, 99) * MILLISECONDS
    value = percentile(late, 99)
    yield Row("lateness of a probe, p99", value, "ms", floor, "bare ticker", 20.0)
    yield Row("CPU of all probes", 100 * cpu / SECONDS, "%", budget=60.0)
    per_probe = cpu * MICROSECONDS / len(attempts)
    name = "blocking, same pace"
    yield Row("CPU per paced probe and worker", per_probe, "µs", paced, name, 155.0)


async def _probe(port: int) -> tuple[list[ProbeAttempted], float, list[float]]:
    """All attempts of the measured time, the CPU seconds that they took, and the ticker's
    lateness."""
    clock = SystemClock()
    attempts: list[ProbeAttempted] = []
    begin = clock.monotonic() + LEAD_SECONDS
    workers = [
        _worker(port, clock, begin + number / PER_SECOND, attempts) for number in range(PER_SECOND)
    ]
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run())
        # The first second is not measured: all that runs for the first time is slower.
        await clock.sleep(LEAD_SECONDS + 1)
        with _ticker() as ticker:
            attempts.clear()
            cpu = time.process_time()
            await clock.sleep(SECONDS)
            cpu = time.process_time() - cpu
            measured = list(attempts)
            lateness: list[float] = json.loads(ticker.communicate()[0])
        for worker in workers:
            worker.stop()
    return measured, cpu, lateness


def _worker(
    port: int, clock: SystemClock, started_at: float, attempts: list[ProbeAttempted]
) -> ProbeWorker:
    probe = Probe(ProbeKind.LIVENESS, http_get=HTTPGetAction(port=port), period_seconds=1)
    (pod,) = pods_of([pod_document("probed")])
    container = replace(pod.spec.containers[0], liveness_probe=probe)
    view = ProbeView(
        PodPhase.RUNNING,
        container_id="process://bench",
        running=True,
        started=True,
        started_monotonic=started_at,
    )
    runtime = ProcessRuntime(die_with_owner=False, on_event=lambda event: None)

    def store(container_id: str, verdict: Verdict | None) -> None:
        pass

    return ProbeWorker(
        pod,
        container,
        probe,
        clock=clock,
        rng=random.Random(),
        prober=HandlerProber(clock, runtime),
        view=lambda: view,
        environment=dict,
        report=attempts.append,
        store=store,
    )


def _ticker() -> subprocess.Popen[str]:
    arguments = (str(PER_SECOND * SECONDS), str(1 / PER_SECOND))
    return subprocess.Popen(
        [sys.executable, "-c", _TICKER, *arguments], stdout=subprocess.PIPE, text=True
    )
