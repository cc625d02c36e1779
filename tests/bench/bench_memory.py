"""Memory and CPU of `minikubelet run` with 100 idle Pods: daemon, spawner, and each shim.

Budgets: daemon 60 MB, 0.5 MB private per shim, 1 % of a core. Private memory is what goes away with
a process; the rest of a shim is shared with the spawner. The floor of the daemon is Python that has
imported asyncio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from tests.bench.harness import Row, children, cpu_seconds, private_kib, python_rss_mb, rss_kib
from tests.bench.workloads import pod_document, running_program, shims_of

PODS = 100
SECONDS = 10.0
SETTLE_SECONDS = 2.0


def run() -> Iterator[Row]:
    python = python_rss_mb()
    with running_program([pod_document(f"p{number}") for number in range(PODS)]) as daemon:
        time.sleep(SETTLE_SECONDS)
        (spawner,) = children(daemon)
        shims = shims_of(daemon)
        watched = (daemon, spawner, *shims)
        before = [cpu_seconds(pid) for pid in watched]
        time.sleep(SECONDS)
        cpu = [cpu_seconds(pid) - earlier for pid, earlier in zip(watched, before, strict=True)]
        shim_memory = [private_kib(pid) / 1024 for pid in shims]
        name = "Python, asyncio"
        yield Row("daemon, RSS", rss_kib(daemon) / 1024, "MB", python, name, 60.0)
        yield Row("spawner, RSS", rss_kib(spawner) / 1024, "MB")
        yield Row("spawner, private", private_kib(spawner) / 1024, "MB")
        yield Row("shim, private, median", statistics.median(shim_memory), "MB", budget=0.5)
        yield Row("shim, private, largest", max(shim_memory), "MB")
    yield Row("daemon, CPU", 100 * cpu[0] / SECONDS, "%", budget=1.0)
    yield Row("spawner and shims, CPU", 100 * sum(cpu[1:]) / SECONDS, "%")
