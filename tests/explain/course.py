"""Pods that do what they are told, in virtual time, and what their journal then explains.

The worker, the probe machines and the words of the probes are those of production.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minikubelet.explain.explanation import End, Explanation, Logs, explain
from minikubelet.journal import PodRef, Record
from minikubelet.manifest.decode import decode_pod
from minikubelet.manifest.defaults import apply_pod_defaults
from minikubelet.manifest.json_tree import Json
from minikubelet.manifest.pod import Pod
from minikubelet.node.agent import NodeAgent
from minikubelet.pod.encode_status import encode_status
from minikubelet.pod.pod_status import PodStatus
from minikubelet.simulate.app import App, Script
from minikubelet.simulate.node import simulated_node
from minikubelet.simulate.script import parse_script
from minikubelet.simulate.virtual_time import VirtualClock, run_virtual
from tests.fakes.object_lookup import FakeObjectLookup

Act = Callable[[NodeAgent], None]
REF = PodRef("default", "web", "uid-1")


@dataclass(frozen=True, slots=True)
class Course:
    """What was recorded until somebody asked."""

    records: tuple[Record, ...]
    pod: Pod
    document: Json

    def explain(
        self, *, gone: bool = False, logs: Logs | None = None, **chosen: Any
    ) -> Explanation:
        document = None if gone else self.document
        pod = None if gone else self.pod
        return explain(REF, self.records, pod=pod, document=document, logs=logs, **chosen)

    def newest_end(self, container: str = "app", **options: Any) -> End:
        (told,) = self.explain(container=container, **options).containers
        return told.ends[0]


def a_document(container: Json | None = None, **spec: Any) -> Json:
    """One container `app`; `initContainers` and others go to the spec."""
    app = {"name": "app", "image": "shop:1", "command": ["run"], **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": REF.name, "namespace": REF.namespace, "uid": REF.uid},
        "spec": {"containers": [app], **spec},
    }


def play(
    document: Json,
    apps: Mapping[str, str | App],
    seconds: float,
    acts: Mapping[float, Act] | None = None,
    *,
    deleting: bool = False,
) -> Course:
    """Run it so long; `acts` happen at their times. Then look at it, and leave it."""
    stored = apply_pod_defaults(document)
    pod = decode_pod(stored)
    clock = VirtualClock()
    records: list[Record] = []
    statuses: list[PodStatus] = []
    scripts = {
        (REF.uid, name): parse_script(app) if isinstance(app, str) else Script((app,))
        for name, app in apps.items()
    }

    async def run() -> None:
        node = simulated_node(
            clock,
            [pod],
            scripts,
            objects=FakeObjectLookup(),
            rng=random.Random(1),
            on_status=lambda pod, status: statuses.append(status),
        )
        node.journal.subscribe(records.append)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.agent.run_pods([pod]))
            for at, act in sorted((acts or {}).items()):
                await clock.sleep(at - clock.monotonic())
                act(node.agent)
            await clock.sleep(seconds - clock.monotonic())
            task.cancel()

    run_virtual(clock, run())
    metadata = dict(stored["metadata"])
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    status = encode_status(pod, statuses[-1])
    return Course(tuple(records), pod, {**stored, "metadata": metadata, "status": status})
