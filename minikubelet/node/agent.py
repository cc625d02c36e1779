"""The node agent: one supervised worker per pod.

Role: gives each pod its worker and each fact from the runtime to the worker that it concerns.
Invariants: one worker per pod UID; a worker is the only writer of its pod's state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from minikubelet.journal import PodRef, PortClash
from minikubelet.manifest.pod import Pod
from minikubelet.node.pod_worker import PodWorker, StopRequest
from minikubelet.node.port_clashes import declared_ports, port_clashes
from minikubelet.node.services import NodeServices
from minikubelet.node.supervise import supervise
from minikubelet.pod.pod_status import PodStatus
from minikubelet.runtime.processes import ContainerEvent

StatusListener = Callable[[Pod, PodStatus], None]


class NodeAgent:
    def __init__(self, services: NodeServices, on_status: StatusListener) -> None:
        self._services = services
        self._on_status = on_status
        self._workers: dict[str, PodWorker] = {}

    @property
    def workers(self) -> tuple[PodWorker, ...]:
        return tuple(self._workers.values())

    def handle(self, event: ContainerEvent) -> None:
        """Give a fact from the runtime to the worker of its pod."""
        for worker in self._workers.values():
            if worker.state.run_of(event.container_id) is not None:
                worker.handle(event)
                return

    async def run_pods(self, pods: Iterable[Pod]) -> None:
        """Run these pods; returns when all of them are finished and nothing of them is left."""
        added = [self._add(pod) for pod in pods]
        self._tell_port_clashes([worker.pod for worker in added])
        async with asyncio.TaskGroup() as group:
            for worker in added:
                name = f"pod {worker.state.ref}"
                group.create_task(supervise(name, worker.run, worker.after_crash), name=name)

    def stop_all(self, request: StopRequest) -> None:
        for worker in self._workers.values():
            worker.request_stop(request)

    def _tell_port_clashes(self, pods: list[Pod]) -> None:
        ports = [port for pod in pods for _, port in declared_ports(pod)]
        if not ports:
            return
        for clash in port_clashes(pods, self._services.port_holders(ports)):
            self._services.journal.append(
                PortClash(
                    at=self._services.clock.now(),
                    pod=PodRef.of(clash.pod.metadata),
                    container=clash.container,
                    field_path=f"spec.containers{{{clash.container}}}",
                    message=clash.message,
                )
            )

    def _add(self, pod: Pod) -> PodWorker:
        worker = PodWorker(pod, self._services, self._on_status)
        self._workers[pod.metadata.uid] = worker
        return worker
