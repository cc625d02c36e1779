"""Build a node whose containers are scripts and whose time is virtual.

Role: `assembly.py` for simulations: the production agent, workers and probe machines over the
scripted runtime and prober.
Invariants: everything random comes from one seed, so that the same input gives the same course.
"""

from __future__ import annotations

import random
import shlex
import uuid
from collections.abc import Mapping, Sequence

from minikubelet.journal import Journal
from minikubelet.manifest.admit import Identity
from minikubelet.manifest.pod import Pod, is_sidecar
from minikubelet.node.agent import NodeAgent, StatusListener
from minikubelet.node.services import NodeServices
from minikubelet.pod.node_info import NodeInfo, ObjectLookup
from minikubelet.runtime.launch import LaunchSpec
from minikubelet.runtime.processes import ContainerEvent
from minikubelet.simulate.app import COMPLETES_AT_ONCE, RUNS_FOR_EVER, App, Script
from minikubelet.simulate.files import SimulatedFiles
from minikubelet.simulate.prober import ScriptedProber
from minikubelet.simulate.runtime import ScriptedRuntime
from minikubelet.simulate.virtual_time import EPOCH, VirtualClock
from minikubelet.value_class import dataclass

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names (L-34)."""
_NODE_NAME = "simulated"

ContainerKey = tuple[str, str]
"""Pod UID and container name."""


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    agent: NodeAgent
    journal: Journal
    clock: VirtualClock


def simulated_node(
    clock: VirtualClock,
    pods: Sequence[Pod],
    scripts: Mapping[ContainerKey, Script],
    *,
    objects: ObjectLookup,
    rng: random.Random,
    on_status: StatusListener,
) -> SimulatedNode:
    """A container without a script runs for ever; an init container without one completes at
    once."""
    journal = Journal(clock)
    agents: list[NodeAgent] = []

    def on_event(event: ContainerEvent) -> None:
        for agent in agents:
            agent.handle(event)

    known = {**_defaults(pods), **scripts}
    runtime = ScriptedRuntime(
        clock,
        rng,
        lambda spec: known[spec.pod_uid, spec.container_name],
        command_times=hook_command_times,
        on_event=on_event,
    )
    prober = ScriptedProber(clock, runtime)
    node = NodeInfo(_NODE_NAME)
    agent = NodeAgent(
        NodeServices(
            clock=clock,
            journal=journal,
            runtime=runtime,
            files=SimulatedFiles(node, objects),
            prober=prober,
            node=node,
            rng=rng,
            new_container_id=lambda: f"process://{rng.getrandbits(256):064x}",
            port_holders=lambda ports: {},
            hook_request=prober.request_hook,
        ),
        on_status,
    )
    agents.append(agent)
    return SimulatedNode(agent, journal, clock)


def simulated_identity(rng: random.Random) -> Identity:
    """What objects get when they are created in a simulation."""
    return Identity(
        new_uid=lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        name_suffix=lambda: "".join(rng.choice(_SUFFIX_ALPHABET) for _ in range(5)),
        created_at=EPOCH,
    )


def _defaults(pods: Sequence[Pod]) -> dict[ContainerKey, Script]:
    return {
        (pod.metadata.uid, container.name): COMPLETES_AT_ONCE
        if pod.is_init(container.name) and not is_sidecar(container, init=True)
        else RUNS_FOR_EVER
        for pod in pods
        for container in pod.containers()
    }


def hook_command_times(spec: LaunchSpec, app: App, argv: Sequence[str]) -> tuple[float, int]:
    """Hooks succeed. A plain `sleep` takes what it says, also in a shell; other commands take no
    time, unless the script says it."""
    if app.hook_seconds is not None:
        return app.hook_seconds, 0
    return _sleep_seconds(argv), 0


def _sleep_seconds(argv: Sequence[str]) -> float:
    words = list(argv)
    if len(words) == 3 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] == "-c":
        try:
            words = shlex.split(words[2])
        except ValueError:
            return 0.0
    match words:
        case [program, number] if program.rpartition("/")[2] == "sleep":
            text = number.removesuffix("s")
            return float(text) if text.replace(".", "", 1).isdecimal() else 0.0
        case _:
            return 0.0
