"""How long a new daemon takes to find 50 running containers of a killed one.

Budget: 500 ms for all of them. The floor is reading their start records in a loop. A second row is
what the record of a worker costs when it changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from minikubelet.manifest.decode import decode_pod
from minikubelet.node.pod_keeper import DiskKeeper
from minikubelet.node.pod_record import PodRecord
from minikubelet.node.recovery import Recovered, recover_pods
from minikubelet.pod.node_info import NodeInfo
from minikubelet.pod.observed import ContainerRun, RunState
from minikubelet.pod.pod_status import ContainerStatus, PodStatus, Running
from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.launcher import build_launch
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.records import read_start_record
from minikubelet.runtime.shim.linux import boot_id
from tests.bench.harness import MICROSECONDS, MILLISECONDS, Row, medians
from tests.bench.workloads import pod_document
from tests.fakes.object_lookup import FakeObjectLookup
from tests.runtime.harness import eventually

PODS = 50
ROUNDS = 5
SAVES = 200


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="mk-") as directory:
        layout = Layout(*(Path(directory) / name for name in ("s", "l", "r")))
        layout.prepare()
        asyncio.run(_start(layout))
        try:
            adoption, floor = medians(
                ROUNDS,
                lambda: _timed(lambda: asyncio.run(_recover(layout, stop=False))),
                lambda: _timed(lambda: _read_records(layout)),
            )
        finally:
            asyncio.run(_recover(layout, stop=True))
        yield Row(
            f"adopt {PODS} containers",
            adoption * MILLISECONDS,
            "ms",
            floor * MILLISECONDS,
            "read records",
            500.0,
        )
        yield Row("keep the record of a worker", _save(layout) * MICROSECONDS, "µs")


async def _start(layout: Layout) -> None:
    runtime = ProcessRuntime(die_with_owner=False, on_event=lambda event: None)
    await runtime.open()
    keeper = DiskKeeper(layout)
    for number in range(PODS):
        document = pod_document(f"p{number}")
        document["metadata"] = {**document["metadata"], "uid": f"uid-{number}"}
        pod = decode_pod(document)
        container_id = f"process://{number:016x}{os.urandom(24).hex()}"
        launch = build_launch(
            pod,
            pod.spec.containers[0],
            container_id=container_id,
            restart_count=0,
            node=NodeInfo("here"),
            layout=layout,
            lookup=FakeObjectLookup(),
            catalog=ImageCatalog([], BUILTIN),
            base_environment={"PATH": os.environ["PATH"]},
        )
        await runtime.start(launch.spec)
        keeper.save_pod(pod.metadata.uid, document, "api")
        keeper.save(_record(pod.metadata.uid, launch.spec.container_name, container_id))
    await runtime.close()


def _record(uid: str, name: str, container_id: str) -> PodRecord:
    now = datetime.now(UTC)
    return PodRecord(
        uid=uid,
        boot_id=boot_id(),
        status=PodStatus(
            container_statuses=(
                ContainerStatus(name, Running(now), ready=True, container_id=container_id),
            ),
            start_time=now,
        ),
        runs=(ContainerRun(container_id, name, 0, RunState.RUNNING, now, now, 1.0),),
    )


async def _recover(layout: Layout, *, stop: bool) -> Recovered:
    runtime = ProcessRuntime(die_with_owner=False, on_event=lambda event: None)
    await runtime.open()
    recovered = await recover_pods(layout, runtime)
    running = [run for pod in recovered.pods for run in pod.record.runs]
    assert len(runtime.containers) == PODS
    if stop:
        for run in running:
            runtime.release(run.container_id)
            runtime.stop(run.container_id, 0)
        await eventually(lambda: not runtime.containers, "all have ended")
    await runtime.close()
    return recovered


def _read_records(layout: Layout) -> None:
    for path in (layout.state_dir / "pods").glob("*/containers/*/*/"):
        read_start_record(path)


def _save(layout: Layout) -> float:
    keeper = DiskKeeper(layout)
    record = _record("uid-saved", "app", "process://0")

    def save() -> None:
        for _ in range(SAVES):
            keeper.save(record)

    seconds = _timed(save)
    with contextlib.suppress(OSError):
        (layout.pod_dir("uid-saved") / "worker.json").unlink()
    return seconds / SAVES


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
