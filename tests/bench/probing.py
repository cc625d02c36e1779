"""CPU per probe: ours through the prober that workers use, and blocking sockets as the floor."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from minikubelet.clock import SystemClock
from minikubelet.manifest.pod import Probe
from minikubelet.probes.prober import HandlerProber, ProbeTarget
from minikubelet.probes.result import Outcome
from minikubelet.runtime.processes import ProcessRuntime
from tests.bench.harness import MICROSECONDS
from tests.bench.workloads import pod_document, pods_of

READ_BYTES = 65536

_WARM_UP = 20


def probe_cpu(probe: Probe, times: int, in_flight: int = 1) -> Callable[[], float]:
    """A measure: microseconds of CPU of this process per network probe."""
    runtime = ProcessRuntime(die_with_owner=False, on_event=lambda event: None)
    prober = HandlerProber(SystemClock(), runtime)
    (pod,) = pods_of([pod_document("probed")])
    target = ProbeTarget(pod, pod.spec.containers[0], probe, "", "127.0.0.1", {})

    async def probe_in_turn(number: int) -> None:
        for _ in range(number):
            result = await prober.probe(target)
            assert result.outcome is Outcome.SUCCESS, result

    async def cpu() -> float:
        await probe_in_turn(_WARM_UP)
        began = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(probe_in_turn(times // in_flight))
        return (time.process_time() - began) * MICROSECONDS / times

    return lambda: asyncio.run(cpu())


def cpu_of(work: Callable[[], object], times: int) -> Callable[[], float]:
    """A measure: microseconds of CPU of this process per call."""

    def cpu() -> float:
        for _ in range(_WARM_UP):
            work()
        began = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - began) * MICROSECONDS / times

    return cpu


def http_exchange(port: int) -> None:
    """What a probe is at least: one request and its answer over a blocking socket."""
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", port))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while not answer.endswith(b"ok"):
            answer += sock.recv(READ_BYTES)
    assert answer.startswith(b"HTTP/1.1 200")


def paced_cpu(port: int, per_second: int, seconds: float) -> float:
    """Microseconds of CPU per exchange that come one by one at a steady pace: more than in a row,
    since a processor that sleeps in between forgets."""
    times = int(per_second * seconds)
    due, cpu = time.monotonic(), time.process_time()
    for _ in range(times):
        due += 1 / per_second
        time.sleep(max(0.0, due - time.monotonic()))
        http_exchange(port)
    return (time.process_time() - cpu) * MICROSECONDS / times
