"""A small daemon in a process of its own, to be killed: production workers over real processes.

It runs the Pods of a JSON file, after it has recovered what an earlier one left in the same
directory, and prints each status as a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minikubelet.manifest.json_tree import Json

_PROGRAM = """
import asyncio, json, random, sys
from pathlib import Path
from minikubelet.assembly import base_environment, new_container_id
from minikubelet.clock import SystemClock
from minikubelet.journal import Journal
from minikubelet.journal_file import JournalFile
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.decode import decode_pod
from minikubelet.node.garbage import kill_orphans
from minikubelet.node.pod_files import LocalPodFiles
from minikubelet.node.pod_keeper import DiskKeeper
from minikubelet.node.pod_worker import PodWorker, StopRequest
from minikubelet.node.recovery import recover_pods
from minikubelet.node.services import NodeServices
from minikubelet.node.told import ToldBefore
from minikubelet.pod.encode_status import encode_status
from minikubelet.pod.node_info import NodeInfo
from minikubelet.probes.prober import HandlerProber
from minikubelet.runtime.image_catalog import BUILTIN
from minikubelet.runtime.images import ImageCatalog
from minikubelet.runtime.layout import Layout
from minikubelet.runtime.processes import ProcessRuntime
from minikubelet.runtime.shim.linux import boot_id
from tests.fakes.object_lookup import FakeObjectLookup

def say(**what):
    print(json.dumps(what), flush=True)

async def main(root):
    layout = Layout(root / "s", root / "l", root / "r")
    layout.prepare()
    clock = SystemClock()
    journal, journal_file = Journal(clock), JournalFile(root / "j", clock=clock)
    journal_file.open()
    journal.subscribe(journal_file.on_record)
    workers = {}
    def on_event(event):
        for worker in workers.values():
            if worker.state.run_of(event.container_id):
                worker.handle(event)
    runtime = ProcessRuntime(die_with_owner=False, on_event=on_event)
    await runtime.open()
    node = NodeInfo("here")
    services = NodeServices(
        clock=clock, journal=journal, runtime=runtime,
        files=LocalPodFiles(layout, node, FakeObjectLookup(), ImageCatalog([], BUILTIN),
                            base_environment({}, inherit=False), die_with_owner=False),
        prober=HandlerProber(clock, runtime), node=node, rng=random.Random(1),
        new_container_id=new_container_id, port_holders=lambda ports: {},
        keeper=DiskKeeper(layout), boot_id=boot_id(),
        told=ToldBefore(lambda uid: [e.record for e in journal_file.records_of(uid)]),
    )
    began = clock.monotonic()
    recovered = await recover_pods(layout, runtime)
    found = {pod.uid: pod for pod in recovered.pods}
    say(recovered=sorted(found), damaged=[d.path.name for d in recovered.damaged],
        orphans=len(recovered.orphans), seconds=clock.monotonic() - began)
    kill_orphans(runtime, recovered.orphans)
    def show(pod, status):
        say(uid=pod.metadata.uid, status=encode_status(pod, status))
    async def work(worker):
        await worker.run()
        say(uid=worker.pod.metadata.uid, finished=True)
    async with asyncio.TaskGroup() as group:
        for document in json.loads((root / "pods.json").read_text()):
            pod = decode_pod(document)
            uid = pod.metadata.uid
            workers[uid] = PodWorker(
                pod, services, show, document=document, source="api", restored=found.get(uid))
        tasks = [group.create_task(work(worker)) for worker in workers.values()]
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            for worker in workers.values():
                worker.request_stop(StopRequest(KillCause.DELETED, float(line)))

asyncio.run(main(Path(sys.argv[1])))
"""

DEADLINE_SECONDS = 30.0


@dataclass
class NodeProcess:
    process: asyncio.subprocess.Process
    said: list[Json] = field(default_factory=list)

    async def until(self, holds: Callable[[Json], bool]) -> Json:
        """The next line of which this holds."""
        assert self.process.stdout
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := await self.process.stdout.readline():
                self.said.append(json.loads(line))
                if holds(self.said[-1]):
                    return self.said[-1]
        raise AssertionError(f"it ended: {self.said[-3:]}")

    async def until_state(self, state: str, name: str = "app", **members: Any) -> Json:
        """The next status with the container in this state."""

        def fits(line: Json) -> bool:
            status = container_status(line, name)
            return (
                status is not None
                and state in status["state"]
                and all(status.get(key) == value for key, value in members.items())
            )

        return container_status(await self.until(fits), name) or {}

    async def until_finished(self) -> None:
        await self.until(lambda line: line.get("finished", False))

    async def delete(self, grace_period_seconds: float) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{grace_period_seconds}\n".encode())
        await self.process.stdin.drain()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


def container_status(line: Json, name: str = "app") -> Json | None:
    status = line.get("status", {})
    kinds = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    entries = [entry for kind in kinds for entry in status.get(kind, ())]
    return next((entry for entry in entries if entry["name"] == name), None)


@asynccontextmanager
async def a_node(root: Path, *pods: Json) -> AsyncIterator[NodeProcess]:
    """It is killed at the end, whatever it does."""
    (root / "pods.json").write_text(json.dumps(pods))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, str(root)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        limit=1 << 20,
    )
    node = NodeProcess(process)
    try:
        yield node
    finally:
        if process.returncode is None:
            await node.kill()


def a_document(*command: str, name: str = "web", **container: Any) -> Json:
    """A Pod with one container `app`."""
    spec = container.pop("spec", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {
            "containers": [{"name": "app", "image": "busybox", "command": command, **container}],
            **spec,
        },
    }
