"""Pods to measure with, on a node in this process or under `minikubelet run`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from minikubelet.assembly import GivenObjects, Node, foreground_node, new_identity
from minikubelet.cli.run_dir import layout_of, parts_of, run_directory
from minikubelet.journal import Record
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.admit import admit
from minikubelet.manifest.pod import Pod
from minikubelet.manifest.read import read_manifest
from minikubelet.node.pod_worker import StopRequest
from minikubelet.runtime.images_file import load_catalog
from tests.bench.harness import children

Document = dict[str, Any]

IDLE = ("sleep", "1000")

_MEMORY = Path("/dev/shm")
_IN_MEMORY = _MEMORY if _MEMORY.is_dir() else None
_PATIENCE_SECONDS = 30.0


def pod_document(
    name: str, containers: int = 1, argv: Sequence[str] = IDLE, **fields: Any
) -> Document:
    """A Pod of equal containers; `fields` are added to each."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [
                {"name": f"c{number}", "image": "bench", "command": list(argv), **fields}
                for number in range(containers)
            ]
        },
    }


def pods_of(documents: Sequence[Document]) -> list[Pod]:
    """The Pods as the program reads them."""
    results = [read_manifest(json.dumps(document), "bench.yaml") for document in documents]
    return [manifest.pod for manifest in admit(results, new_identity()).pods]


@asynccontextmanager
async def running_node(
    pods: Sequence[Pod], on_record: Callable[[Record], None], *, on_disk: bool = False
) -> AsyncIterator[Node]:
    """Pods that run on a node in this process, until the end of the block.

    Its directory is in memory, as /tmp is on many systems, unless `on_disk`. For some seconds after
    many files were deleted, as at the end of each round of a benchmark, ext4 takes up to a
    millisecond for each file that it makes: that would be most of what is measured.
    """
    with run_directory(None if on_disk else _IN_MEMORY) as path:
        node = foreground_node(
            layout_of(path),
            objects=GivenObjects.of((), ()),
            catalog=load_catalog(None, os.environ["PATH"]),
            pod_ip="127.0.0.1",
            inherit_environment=False,
            on_status=lambda pod, status: None,
            cleanup=parts_of(path),
        )
        node.journal.subscribe(on_record)
        await node.runtime.open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(node.agent.run_pods(pods), name="pods")
                yield node
                node.agent.stop_all(StopRequest(KillCause.SHUTDOWN, grace_period_seconds=0))
        finally:
            await node.runtime.close()


@contextmanager
def compiled_environment() -> Iterator[dict[str, str]]:
    """The environment of an installed program, whose modules have been compiled: by the first
    process that uses it."""
    with tempfile.TemporaryDirectory(prefix="minikubelet-bench-") as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        yield environment


def run_command(manifest: Path) -> list[str]:
    return [sys.executable, "-m", "minikubelet", "run", "--no-api", str(manifest)]


@contextmanager
def running_program(documents: Sequence[Document]) -> Iterator[int]:
    """`minikubelet run` with idle Pods, once all of their processes run; its pid."""
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(compiled_environment())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        manifest = directory / "pods.json"
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
        process = stack.enter_context(
            subprocess.Popen(run_command(manifest), stdout=subprocess.DEVNULL, env=environment)
        )
        try:
            expected = sum(len(document["spec"]["containers"]) for document in documents)
            wait_until(lambda: len(_applications(process.pid)) == expected)
            yield process.pid
        finally:
            # The spawner ends all containers and removes the run's directory.
            spawners = children(process.pid)
            process.kill()
            wait_until(lambda: not any(map(_exists, spawners)))


def shims_of(run_pid: int) -> list[int]:
    return [shim for spawner in children(run_pid) for shim in children(spawner)]


def _applications(run_pid: int) -> list[int]:
    """Main processes of containers that have executed their program."""
    shims = shims_of(run_pid)
    return [app for shim in shims for app in children(shim) if _name(app) == IDLE[0]]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def wait_until(fact: Callable[[], bool]) -> None:
    """Raises TimeoutError."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while not fact():
        if time.monotonic() >= give_up_at:
            raise TimeoutError("what was waited for did not come about")
        time.sleep(0.02)
