"""The parts of a worker that live with the tasks of one `run()`.

Role: make them, and wire them to each other. What a crash leaves of them is of no use, so a worker
that goes on after one makes them anew; what must last longer is in state, life and memory.
"""

from __future__ import annotations

from collections.abc import Callable

from minikubelet.node.bell import Bell
from minikubelet.node.container_start import ContainerStarter
from minikubelet.node.hooks import HookRunner
from minikubelet.node.pod_memory import PodMemory
from minikubelet.node.pod_probes import PodProbes
from minikubelet.node.pod_state import PodState
from minikubelet.node.pod_steps import PodSteps
from minikubelet.node.pod_stop import PodStopper
from minikubelet.node.pod_volumes import PodVolumes
from minikubelet.node.retries import Retries
from minikubelet.node.services import NodeServices
from minikubelet.node.stopping import Spawn
from minikubelet.node.worker_life import WorkerLife
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class PodParts:
    volumes: PodVolumes
    probes: PodProbes
    stopper: PodStopper
    steps: PodSteps


def assemble(
    state: PodState,
    services: NodeServices,
    life: WorkerLife,
    retries: Retries,
    memory: PodMemory,
    bell: Bell,
    *,
    spawn: Spawn,
    publish: Callable[[], object],
    wake: Callable[[], None],
    look_again: Callable[[], None],
) -> PodParts:
    """`publish` shows the status as it is; `wake` has the worker look, `look_again` its probes,
    too."""

    def stopping() -> bool:
        return life.stop_request is not None

    hooks = HookRunner(services.runtime, services.clock, services.node.ip, services.hook_request)
    volumes = PodVolumes(state.pod, state.ref, services, spawn=spawn, changed=wake)
    probes = PodProbes(state, services, spawn=spawn, changed=wake, status=lambda: life.status)
    stopper = PodStopper(state, services, hooks, bell, spawn, keep=memory.changed)
    starter = ContainerStarter(
        state,
        services,
        hooks,
        bell,
        changed=wake,
        stopper=stopper,
        terminating=stopping,
        keep=memory.write,
    )
    steps = PodSteps(
        state,
        services,
        starter,
        stopper,
        retries,
        memory,
        spawn=spawn,
        publish=publish,
        changed=look_again,
        stopping=stopping,
    )
    return PodParts(volumes, probes, stopper, steps)
