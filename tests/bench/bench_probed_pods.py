"""CPU of `minikubelet run` per HTTP probe: 100 Pods, one probe per second each.

Measured as it was for the real kubelet, whose idle cost is not counted and who then takes 310 µs
per probe; the budget is half of that. Here the probes begin after a delay, and the time before
them is the idle cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.harness import MICROSECONDS, Row, cpu_seconds
from tests.bench.local_server import local_server
from tests.bench.probing import paced_cpu
from tests.bench.workloads import pod_document, running_program

PODS = 100
DELAY_SECONDS = 6
IDLE_SECONDS = 3.0
WARM_UP_SECONDS = 5.0
PROBED_SECONDS = 5.0
FLOOR_SECONDS = 2.0


def run() -> Iterator[Row]:
    with local_server("http") as port:
        probe = {
            "httpGet": {"port": port},
            "periodSeconds": 1,
            "initialDelaySeconds": DELAY_SECONDS,
        }
        documents = [pod_document(f"p{number}", livenessProbe=probe) for number in range(PODS)]
        with running_program(documents) as daemon:
            idle = _cpu_per_second(daemon, IDLE_SECONDS)
            time.sleep(WARM_UP_SECONDS)
            probed = _cpu_per_second(daemon, PROBED_SECONDS)
        floor = paced_cpu(port, PODS, FLOOR_SECONDS)
    per_probe = (probed - idle) / PODS * MICROSECONDS
    name = "blocking, same pace"
    yield Row("CPU per probe beyond the idle cost", per_probe, "µs", floor, name, 155.0)
    yield Row("CPU while 100 probes per second run", 100 * probed, "%")


def _cpu_per_second(pid: int, seconds: float) -> float:
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - began)
